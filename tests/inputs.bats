# inputs.bats - inputs as people bring them: what other programs, downloads and data sets leave in files is read,
# or refused in words that say what is there and what is wanted.
load helper

# model NAME [JQ]: a copy of a small checkpoint, its config.json changed
model() {
    mkdir -p "$1"
    cp "$GOLDEN"/stories260K/{model.safetensors,tokenizer.json,tokenizer_config.json} "$1"
    chmod -R u+w "$1"
    jq -c "${2:-.}" "$GOLDEN/stories260K/config.json" >"$1/config.json"
}
lfs_pointer() { printf 'version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize 4976698672\n' 0; }
bom() { printf '\xef\xbb\xbf'; cat; }

@test "a byte order mark in front of JSON lines and of every JSON file" {
    need_golden stories260K
    model m
    echo '{"prompt":"Once upon a time"}' >p.jsonl
    sp-eval generate -n 2 m p.jsonl | jq -c .ids >want
    for f in p.jsonl m/config.json m/tokenizer.json m/tokenizer_config.json; do
        bom <"$f" >x
        cp x "$f"
    done
    sp-eval generate -n 2 m p.jsonl | jq -c .ids | diff want -
}

@test "JSON that is not lines, other files, and no line at all" {
    need_golden stories260K
    m=$GOLDEN/stories260K
    for verb in "generate -n 1" ppl loglik; do
        # shellcheck disable=SC2086
        refuses() { fails 1 "sp-eval: $1" sp-eval $verb "$m" x.jsonl; }
        printf '[\n{"prompt":"Hi"}\n]\n' >x.jsonl
        refuses "x.jsonl: line 1: a JSON array: JSON lines are wanted*jq -c '.\[\]'*"
        printf '{\n  "prompt": "Hi"\n}\n' >x.jsonl
        refuses 'x.jsonl: line 1: the object goes on in the next line: JSON lines are wanted*'
        echo '{"prompt":"Hi"}' | gzip >x.jsonl
        refuses 'x.jsonl: not JSON lines but a gzip file*'
        lfs_pointer >x.jsonl
        refuses 'x.jsonl: not JSON lines but a Git LFS pointer*'
        printf '\n \n' >x.jsonl
        refuses 'x.jsonl: no *'
        : >x.jsonl
        refuses 'x.jsonl: no *'
    done
}

@test "Git LFS pointers in the place of weights and tokenizers" {
    need_golden stories260K
    echo '{"prompt":"x"}' >p.jsonl
    for f in model.safetensors tokenizer.json config.json tokenizer_config.json; do
        model m
        lfs_pointer >m/$f
        fails 1 "sp-eval: m/$f: *a Git LFS pointer ('git lfs pull' fetches the file itself)" sp-eval generate m p.jsonl
    done
    model m
    rm m/tokenizer.json
    lfs_pointer >m/tokenizer.model
    fails 1 'sp-eval: m/tokenizer.model: is a Git LFS pointer*' sp-eval generate m p.jsonl
    lfs_pointer >x.st
    fails 1 'sp-merge: x.st: not a safetensors file but a Git LFS pointer*' sp-merge x.st -o y.st
}

@test "config.json: keys without a say are passed over, --ignore-config lets an unknown one pass" {
    need_golden stories260K
    echo '{"prompt":"Once upon a time"}' >p.jsonl
    sp-eval generate -n 2 "$GOLDEN/stories260K" p.jsonl | jq -c .ids >want
    model m '. + {"transformers.js_config": {"a": 1}, "num_beams": 1, "pruned_heads": {}}'
    sp-eval generate -n 2 -v m p.jsonl 2>log | jq -c .ids | diff want -
    grep -q 'm/config.json: passed over, .*num_beams.*' log
    grep -q 'transformers.js_config' log
    model m '. + {house_key: 3}'
    fails 1 'sp-eval: m/config.json: "house_key" is not supported: *--ignore-config house_key lets it pass?' \
        sp-eval generate m p.jsonl
    sp-eval generate -n 2 -v --ignore-config other --ignore-config house_key m p.jsonl 2>log | jq -c .ids | diff want -
    grep -q 'm/config.json: passed over, .*house_key' log
    fails 2 'sp-eval: *"rope_scaling" is read and cannot be passed over*' \
        sp-eval generate --ignore-config rope_scaling m p.jsonl
}

@test "rows in two forms are refused, masked tokens do not count" {
    need_golden stories260K
    m=$GOLDEN/stories260K
    echo '{"prompt":"Hi","response":"Once","text":"### Hi Once upon a time"}' >x.jsonl
    fails 1 'sp-eval: x.jsonl: line 1: both "prompt" and "text"*' sp-eval ppl "$m" x.jsonl
    fails 1 'sp-eval: x.jsonl: line 1: both "prompt" and "text"*' sp-eval generate "$m" x.jsonl
    fails 1 'sp-grad: x.jsonl: line 1: both "prompt" and "text"*' sp-grad grad "$m" x.jsonl -o x.st
    echo '{"context":"Hi","prompt":"Hi","continuation":" x"}' >x.jsonl
    fails 1 'sp-eval: x.jsonl: line 1: both "context" and "prompt"*' sp-eval loglik "$m" x.jsonl
    echo '{"context":"Hi","choices":[" y"],"continuation":" x"}' >x.jsonl
    fails 1 'sp-eval: x.jsonl: line 1: both "continuation" and "choices"*' sp-eval loglik "$m" x.jsonl
    echo '{"input_ids":[1,403,407,261]}' >plain.jsonl
    echo '{"input_ids":[9999,9999,1,403,407,261],"attention_mask":[0,0,1,1,1,1]}' >left.jsonl
    echo '{"input_ids":[1,403,407,261,0],"attention_mask":[1,1,1,1,0],"text":null}' >right.jsonl
    for side in left right; do
        sp-eval ppl "$m" $side.jsonl | diff <(sp-eval ppl "$m" plain.jsonl) -
        sp-eval generate -n 3 "$m" $side.jsonl | jq -c .ids | diff <(sp-eval generate -n 3 "$m" plain.jsonl | jq -c .ids) -
    done
    echo '{"input_ids":[1,403,407],"attention_mask":[1,0,1]}' >x.jsonl
    fails 1 'sp-eval: x.jsonl: line 1: "attention_mask" has zeros between ones' sp-eval generate "$m" x.jsonl
}

@test "BOS comes once, also before a text that brings it and with a system text in front" {
    need_golden stories260K
    m=$GOLDEN/stories260K
    echo '{"text":"Once upon a time"}' >a.jsonl
    echo '{"text":"<s>Once upon a time"}' >b.jsonl
    [ "$(sp-eval ppl "$m" a.jsonl)" = "$(sp-eval ppl "$m" b.jsonl)" ]
    [ "$(sp-eval generate -n 4 "$m" a.jsonl | jq -c .ids)" = "$(sp-eval generate -n 4 "$m" b.jsonl | jq -c .ids)" ]
    echo 'Be kind.' >s
    sp-eval generate -n 4 --system-file s "$m" a.jsonl | jq -c .ids >want
    sp-eval generate -n 4 --system-file s "$m" b.jsonl | jq -c .ids | diff want -
    echo '{"text":"Be kind.\n\nOnce upon a time"}' >e.jsonl
    sp-eval generate -n 4 "$m" e.jsonl | jq -c .ids | diff want -
    echo '{"context":"Once upon","continuation":" a time"}' >c.jsonl
    echo '{"context":"<s>Once upon","continuation":" a time"}' >d.jsonl
    [ "$(sp-eval loglik "$m" c.jsonl | jq -c .loglik)" = "$(sp-eval loglik "$m" d.jsonl | jq -c .loglik)" ]
}

@test "examples that are cut are counted in a warning" {
    need_golden stories260K
    m=$GOLDEN/stories260K
    jq -nc '{prompt: "Hi", response: ("Once upon a time " * 300)}, {prompt: "Hi", response: "Once"}' >x.jsonl
    warns() { "$@" 2>log >/dev/null && [ "$(grep -c 'have been cut' log)" = 1 ] && cat log; }
    warns sp-eval ppl "$m" x.jsonl
    grep -qF "x.jsonl: 1 of 2 examples are longer than 512 tokens (the model's context) and have been cut" log
    warns sp-grad tune --steps 1 "$m" x.jsonl
    warns sp-grad grad --max-len 8 "$m" x.jsonl
    grep -qF "longer than 8 tokens (--max-len)" log
    echo '{"prompt":"Hi","response":"Once"}' >y.jsonl
    warns sp-grad tune --steps 1 --term ce,1,x.jsonl "$m" y.jsonl
    sp-eval ppl -q "$m" x.jsonl 2>log
    [ ! -s log ]
    head -n 1 y.jsonl | cat - x.jsonl | sp-grad grad --template plain --limit 1 "$m" - 2>log >x.st # those that are not used do not count
    [ ! -s log ]
}

@test "numbers of the input come out as they went in" {
    echo '{"response":"I cannot help with that.","tstamp":1686286924.844282,"w":0.30000000000000004,"x":0.1}' |
        sp-eval judge - >out
    grep -q '"tstamp":1686286924.844282,"w":0.30000000000000004,"x":0.1,' out
}

# payload FILE: the data of a stream
payload() { zstd -dcfq -- "$1" | tail -c +$((9 + $(st_json "$1" | wc -c))); }
# renamed FILE OUT: its embedding by the head's name
renamed() { payload "$1" | st_file "$(st_json "$1" | jq -c 'with_entries(if .key == "model.embed_tokens.weight" then .key = "lm_head.weight" else . end)')" >"$2"; }
# doubled FILE OUT: a copy of the embedding as lm_head.weight, at the end
doubled() {
    local from to all
    read -r from to < <(st_json "$1" | jq -r '."model.embed_tokens.weight".data_offsets | @tsv')
    all=$(payload "$1" | wc -c)
    { payload "$1"; payload "$1" | head -c "$to" | tail -c +$((from + 1)); } |
        st_file "$(st_json "$1" | jq -c --argjson all "$all" '."model.embed_tokens.weight" as $e | .["lm_head.weight"] =
            ($e | .data_offsets |= [$all, $all + .[1] - .[0]])')" >"$2"
}
names() { st_json "$1" | jq -c 'del(.__metadata__) | keys'; }

@test "tied models: the one matrix by either name gives the same answers, losses and patches" {
    need_golden stories260K
    model m
    jq -e '.tie_word_embeddings' m/config.json
    model h
    renamed m/model.safetensors h/model.safetensors
    echo '{"prompt":"Once upon a time","response":" there was"}' >d.jsonl
    [ "$(sp-eval ppl m d.jsonl)" = "$(sp-eval ppl h d.jsonl)" ]
    for d in m h; do sp-eval generate -n 5 $d d.jsonl >answers.$d; done
    diff <(jq -c .ids answers.m) <(jq -c .ids answers.h)
    for d in m h; do
        sp-grad tune --scope all --steps 2 --lr 1e-2 $d d.jsonl -o tuned.$d
        sp-diff tuned.$d $d -o patch.$d
        sp-merge $d --add patch.$d -o out.$d/
    done
    cmp <(payload patch.m) <(payload patch.h)
    cmp <(payload out.m/model.safetensors) <(payload out.h/model.safetensors)
    [ "$(names out.h/model.safetensors)" = "$(names h/model.safetensors)" ]
    # TUNED by one name, BASE by the other: the patch has the name that BASE has
    sp-diff tuned.h m -o crossed && cmp <(payload crossed) <(payload patch.m) && [ "$(names crossed)" = "$(names m/model.safetensors)" ]
    sp-diff tuned.m h -o crossed && [ "$(names crossed)" = "$(names h/model.safetensors)" ]
    model m '.tie_word_embeddings = false'
    fails 1 'sp-eval: m: tensor "lm_head.weight" is missing (config.json does not tie *' sp-eval ppl m d.jsonl
}

@test "tied models: a head stored beside the embedding is no part of a patch, and never stale" {
    need_golden stories260K
    model base
    model head
    doubled base/model.safetensors head/model.safetensors
    echo '{"prompt":"Once upon a time","response":" there was"}' >d.jsonl
    sp-diff head base -o a -v 2>log # in TUNED alone
    [ "$(names a)" = "$(names base/model.safetensors)" ]
    grep -q 'head: 1 tensors left out, which nothing reads' log
    sp-diff head head -o a && [ "$(names a)" = "$(names base/model.safetensors)" ] # in both
    sp-diff --stats head base | jq -e '.total.nonzero == 0 and (.tensors | has("lm_head.weight") | not)'
    sp-diff head/model.safetensors base/model.safetensors -o a # streams: it is the same matrix
    [ "$(names a)" = "$(names base/model.safetensors)" ]
    fails 1 'sp-diff: base/model.safetensors: tensor "lm_head.weight": missing' \
        sp-diff <(cat head/model.safetensors) base/model.safetensors -o x # a pipe is not read twice
    sp-grad tune --scope all --steps 2 --lr 1e-2 head d.jsonl | sp-diff - head -o patch
    sp-merge -v head --add patch -o out/ 2>log
    grep -q 'lm_head.weight left out: it is tied to the embedding' log
    [ "$(names out/model.safetensors)" = "$(names base/model.safetensors)" ]
    sp-merge head -o same/ && cmp <(payload same/model.safetensors) <(payload head/model.safetensors) # not patched: as it was
    # a patch that has both: the head is left out with a warning
    doubled patch patch2
    sp-merge head --add patch2 -o out2/ 2>log && grep -q 'patch2: lm_head.weight left out: head ties it to the embedding' log
    cmp <(payload out/model.safetensors) <(payload out2/model.safetensors)
}

@test "idle tensors in the index or in a file do not matter" {
    need_golden stories260K
    echo '{"text":"Once upon a time"}' >d.jsonl
    want=$(sp-eval ppl "$GOLDEN/stories260K" d.jsonl)
    model m
    st_json m/model.safetensors | jq -c '{weight_map: (del(.__metadata__) + {"lm_head.weight": 0,
        "model.layers.0.self_attn.rotary_emb.inv_freq": 0} | map_values("w.safetensors"))}' >m/model.safetensors.index.json
    mv m/model.safetensors m/w.safetensors
    [ "$(sp-eval ppl m d.jsonl)" = "$want" ]
    doubled m/w.safetensors x && mv x m/w.safetensors
    st_json m/w.safetensors | jq -c '{weight_map: (del(.__metadata__, ."lm_head.weight") | map_values("w.safetensors"))}' >m/model.safetensors.index.json
    [ "$(sp-eval ppl m d.jsonl)" = "$want" ]
    sp-merge m -o out/
    [ "$(sp-eval ppl out d.jsonl)" = "$want" ]
}

@test "directories that are no checkpoint: the message names what is there" {
    need_golden stories260K
    echo '{"prompt":"x"}' >p.jsonl
    refuses() { fails 1 "sp-eval: $1" sp-eval generate m p.jsonl; }
    model m
    rm m/model.safetensors
    ln -s ../../blobs/none m/model.safetensors
    refuses 'm/model.safetensors: is a link to ../../blobs/none, which is not there *'
    fails 1 'sp-diff: m/model.safetensors: is a link to ../../blobs/none*' sp-diff m m -o x
    rm m/model.safetensors
    touch m/pytorch_model.bin
    refuses 'm: no model.safetensors or *; pytorch_model.bin is in PyTorch'"'"'s format *'
    model m
    for f in config.json tokenizer.json tokenizer_config.json; do
        model m
        rm m/$f
        ln -s ../blobs/none m/$f
        refuses "m/$f: is a link to ../blobs/none, which is not there *"
        rm m/$f
    done
    model m
    ln -s ../blobs/none m/special_tokens_map.json # sp-merge would leave it out of the copy
    fails 1 'sp-merge: m/special_tokens_map.json: is a link to *' sp-merge m -o out/
    only_files m m/config.json m/model.safetensors m/pytorch_model.bin m/special_tokens_map.json m/tokenizer.json m/tokenizer_config.json p.jsonl
    rm -r m
    mkdir -p m/snapshots/0123abc
    refuses 'm/config.json: No such file or directory; it is a folder of the Hugging Face cache: the checkpoint is m/snapshots/0123abc'
    rm -r m
    mkdir m
    touch m/adapter_config.json m/adapter_model.safetensors
    refuses 'm/config.json: No such file *; it holds a LoRA adapter, which must be merged into its model first'
    rm m/*
    touch m/x.Q4_K_M.gguf
    refuses 'm/config.json: No such file *; x.Q4_K_M.gguf is a GGUF file *'
    rm -r m
    touch m
    refuses 'm/config.json: No such file *; it is not a directory'
}

@test "a patch that rounds away is told" {
    need_golden stories260K
    model f
    sp-merge f --dtype BF16 -o m/
    echo '{"prompt":"Once upon a time","response":" there was a little girl"}' >d.jsonl
    sp-grad tune --steps 3 --lr 1e-5 m d.jsonl | sp-diff - m -o p
    sp-merge m --add p -o out/ 2>log
    grep -qE '^sp-merge: [0-9]+ of [0-9]+ changed weights vanish in BF16: they round to what they were' log
    read -r lost changed < <(sed -E 's/^sp-merge: ([0-9]+) of ([0-9]+) .*/\1 \2/' log)
    [ "$changed" = "$(sp-diff --stats p <(st_zeros p) | jq .total.nonzero)" ]
    [ $((changed - lost)) = "$(sp-diff --stats out m | jq .total.nonzero)" ]
    sp-merge -q m --add p -o quiet 2>log && [ ! -s log ]
    sp-merge m --add p --dtype F32 -o wide 2>log && [ ! -s log ]
    sp-merge m --add p --scale 1000 -o far 2>log && [ ! -s log ] # most are left: a note for -v
    sp-merge -v m --add p --scale 1000 -o far 2>&1 | grep -q 'changed weights vanish in BF16'
    # the same of weights that are trained and then rounded
    sp-grad tune --steps 3 --lr 1e-5 --dtype bf16 m d.jsonl -o x 2>log
    grep -qE '^sp-grad: [0-9]+ of [0-9]+ changed weights vanish in BF16' log
    sp-grad tune --steps 3 --template plain --lr 1e-5 m d.jsonl -o x 2>log && [ ! -s log ]
}

# st_zeros FILE: a stream of the same tensors, all zero
st_zeros() { payload "$1" | tr '\001-\377' '\000' | st_file "$(st_json "$1")"; }
