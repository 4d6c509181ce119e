# What a run needs is set against what is free before it starts: status 3, both numbers, and nothing left behind.
load helper

# A model of random weights and three examples.
model() {
    mkdir -p m0
    cat > m0/config.json <<'JSON'
{"architectures":["LlamaForCausalLM"],"hidden_size":32,"num_hidden_layers":2,"num_attention_heads":4,"intermediate_size":48,
 "vocab_size":300,"hidden_act":"silu","bos_token_id":1,"eos_token_id":2,"max_position_embeddings":1048576}
JSON
    for i in 1 2 3; do echo '{"input_ids":[1,5,7,9,'$i'],"labels":[1,5,7,9,'$i']}'; done > data.jsonl
    sp-grad tune --init 0.1 --steps 1 --lr 1e-9 --scope all --no-pg m0 data.jsonl -o m/
}

@test "memory: gradients, training, keys and values" {
    model
    export SP_MEMORY=0.0001 TMPDIR=$PWD
    before=$(find . | sort)
    fails 3 'sp-grad: gradients: *.[0-9] MiB are needed, 0.1 MiB are free' sp-grad grad m data.jsonl -o x.st
    fails 3 'sp-grad: gradients: *.[0-9] MiB are needed, 0.1 MiB are free' sp-grad snip m data.jsonl -o x.st
    fails 3 'sp-grad: training: *.[0-9] MiB are needed, 0.1 MiB are free' sp-grad tune m data.jsonl -o x.st
    SP_MEMORY=0.00002 fails 3 'sp-eval: keys, values and activations: 0.1 MiB are needed, 0.0 MiB are free' sp-eval generate m data.jsonl -o x.jsonl
    diff <(echo "$before") <(find . | sort)
    # a long answer needs its keys and values: 256 bytes a token and layer
    export SP_MEMORY=0.25
    sp-eval generate --ignore-eos --max-new 5 m data.jsonl > /dev/null
    fails 3 'sp-eval: keys, values and activations: 488.* MiB are needed, 256.0 MiB are free' sp-eval generate --max-new 1000000 m data.jsonl
}

@test "memory: masters and moments that exceed half of it go to a file" {
    model
    sp-grad tune --no-pg -v m data.jsonl -o a.st 2> log
    grep -q 'masters and moments: .* in memory$' log
    grep -q 'training: about .* GiB of memory$' log
    SP_MEMORY=0.0004 TMPDIR=. sp-grad tune --no-pg -v m data.jsonl -o b.st 2> log
    grep -q 'masters and moments: .* in \.$' log
    cmp a.st b.st
}

@test "sp-mask top: scores of a tensor too large for the memory go through a file, to the same mask" {
    mkdir m0
    echo '{"architectures":["LlamaForCausalLM"],"hidden_size":120,"num_hidden_layers":1,"num_attention_heads":4,"intermediate_size":48,
        "vocab_size":40000,"hidden_act":"silu"}' > m0/config.json
    echo '{"input_ids":[1,2],"labels":[1,2]}' > data.jsonl
    sp-grad tune --init 0.1 --steps 1 --lr 1e-9 -z 0 m0 data.jsonl -o w.st # 40000 x 120: more than a chunk
    sp-merge -z 1 w.st -o w.zst
    for by in matrix row global; do
        sp-mask top --rate 0.1 --by $by --no-pg -z 0 w.st -o a.st
        TMPDIR=. SP_MEMORY=0.00001 sp-mask top --rate 0.1 --by $by --no-pg -z 0 w.zst -o b.st
        cmp a.st b.st
    done
    sp-mask stats a.st | jq -e '.total.density_a > 0.099'
    cat w.st | TMPDIR=. SP_MEMORY=0.00001 sp-mask top --rate 0.1 --no-pg -z 0 - | cmp - <(sp-mask top --rate 0.1 --no-pg -z 0 w.st)
    SP_DISK=0.001 SP_MEMORY=0.00001 TMPDIR=. fails 3 'sp-mask: .: scores of a large tensor: 18.3 MiB are needed, 1.0 MiB are free' sp-mask top --rate 0.1 w.zst -o c.st
    SP_DISK=0.001 SP_MEMORY=0.00001 TMPDIR=. sp-mask top --rate 0.1 w.st -o c.st # a raw file is passed once, in place
    only_files m0 m0/config.json data.jsonl w.st w.zst a.st b.st c.st
}

@test "disk: masters and moments, states, a merged checkpoint" {
    model
    sp-grad tune --no-pg m data.jsonl | sp-diff - m -o p.st.zst
    export SP_DISK=0.0001 # 105 KiB
    before=$(find . | sort)
    fails 3 'sp-grad: .: masters and moments: 0.2 MiB are needed, 0.1 MiB are free' sp-grad tune --scratch . m data.jsonl -o x.st
    fails 3 'sp-grad: s: states: 0.4 MiB are needed, 0.1 MiB are free' sp-grad tune --state s m data.jsonl -o x.st
    rmdir s
    fails 3 'sp-merge: out/: weights: 0.1 MiB are needed, 0.1 MiB are free' sp-merge m --add p.st.zst -o out/
    diff <(echo "$before") <(find . | sort)
    SP_DISK=0.0005 sp-grad tune --state s --no-pg m data.jsonl -o a.st
    SP_DISK=0.0002 sp-grad tune --state s --no-pg m data.jsonl -o b.st # half of it is there already
    cmp a.st b.st
}

@test "disk: what is really free" {
    mkdir big
    echo '{"x":{"dtype":"F32","shape":[1024,1024,1048576],"data_offsets":[0,4398046511104]}}' > header
    st_file "$(cat header)" < /dev/null > big/model.safetensors
    truncate -s $((4398046511104 + 8 + $(wc -c < header) - 1)) big/model.safetensors || skip "no files of 4 TiB here"
    echo '{}' > big/config.json
    fails 3 'sp-merge: out/: weights: 4096.0 GiB are needed, * GiB are free' sp-merge big -o out/
    [ ! -e out ]
}

@test "perf/full: every stage, on a small configuration" {
    make -s -C "$ROOT" "MODE=$SP_MODE" "build/$SP_MODE/perf/checkpoint"
    for layers in 2 1; do
        jq -n '{architectures: ["MistralForCausalLM"], hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2,
            intermediate_size: 96, vocab_size: 500, hidden_act: "silu", sliding_window: 8}' > tiny.json
        CHECKPOINT=$ROOT/build/$SP_MODE/perf/checkpoint OUT=$PWD/out LAYERS=$layers "$ROOT/perf/full" "$PWD/tiny.json" > report || true
        for stage in base tuned diff random snip minus merge generate low-memory tune; do grep -q "^$stage .* peak GiB: [cs]" report; done
        diff report out/tiny.txt
        rm -r out
    done
}
