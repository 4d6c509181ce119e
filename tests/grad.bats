# sp-grad: gradients, SNIP and training from the shell: streams, flags, resume after SIGKILL, errors.
load helper

# A model of random weights made by the tool itself: no reference vectors needed.
model() {
    mkdir -p m0
    cat > m0/config.json <<'JSON'
{"architectures":["LlamaForCausalLM"],"hidden_size":16,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,
 "intermediate_size":24,"vocab_size":29,"hidden_act":"silu","bos_token_id":1,"eos_token_id":2,"max_position_embeddings":64}
JSON
    awk 'BEGIN { for (i = 0; i < 12; i++) { a = b = ""; for (t = 0; t < 6 + i % 5; t++) { x = (i * 7 + t * t * 3 + 1) % 29
        a = a (t ? "," : "") x; b = b (t ? "," : "") (t < 2 ? -100 : x) } print "{\"input_ids\":[" a "],\"labels\":[" b "]}" } }' > data.jsonl
    sp-grad tune --init 0.1 --seed 3 --steps 1 --lr 1e-9 --scope all --no-pg m0 data.jsonl -o m/
}

loss_of() { sp-eval ppl "$@" | jq .nll; }

@test "descent lowers the loss, ascent raises it; only linears move by default" {
    model
    sp-grad tune --steps 5 --lr 1e-2 --batch 0 m data.jsonl -o down.st.zst
    sp-grad tune --ascend --steps 5 --lr 1e-2 --batch 0 m data.jsonl -o up.st.zst
    a=$(loss_of m data.jsonl) b=$(loss_of --weights down.st.zst m data.jsonl) c=$(loss_of --weights up.st.zst m data.jsonl)
    awk -v a="$a" -v b="$b" -v c="$c" 'BEGIN { exit !(b < a - .01 && c > a + .01) }'
    sp-diff --no-pg -z 0 down.st.zst m -o patch.st
    sp-diff --stats down.st.zst m > stats.json
    jq -e '[.tensors | to_entries[] | select(.key | test("norm|embed|lm_head")) | .value.nonzero] | add == 0' stats.json
    jq -e '[.tensors | to_entries[] | select(.key | test("_proj")) | .value.nonzero > 0] | all' stats.json
}

@test "one SGD step up and one down are exact opposites" {
    model
    for way in "" --ascend; do
        sp-grad tune $way --optimizer sgd --steps 1 --lr 0.0625 --batch 0 --no-pg m data.jsonl | sp-diff --no-pg -z 0 - m -o "patch$way.st"
    done
    sp-grad grad --scope linears --no-pg -z 0 m data.jsonl -o grad.st
    paste <(st_values patch.st) <(st_values patch--ascend.st) | awk '{ d = $1 + $2; s += d * d; n += $1 * $1 } END { exit !(n > 0 && s < 1e-8 * n) }'
}

@test "the same bytes for any number of threads, and from stdin" {
    model
    for t in 1 2 3; do
        sp-grad tune --steps 3 --batch 5 --shuffle --seed 9 --no-pg -t $t m data.jsonl -o t$t.st.zst
        sp-grad snip --no-pg -t $t m data.jsonl -o s$t.st.zst
    done
    cmp t1.st.zst t2.st.zst && cmp t1.st.zst t3.st.zst && cmp s1.st.zst s2.st.zst && cmp s1.st.zst s3.st.zst
    sp-grad snip --no-pg m - < data.jsonl | cmp - s1.st.zst
}

@test "batch and accumulate: 2 x 3 examples a step are 6" {
    model
    sp-grad tune --steps 4 --batch 6 --no-pg m data.jsonl -o a.st.zst
    sp-grad tune --steps 4 --batch 2 --accumulate 3 --no-pg m data.jsonl -o b.st.zst
    sp-grad tune --epochs 2 --batch 6 --no-pg m data.jsonl -o c.st.zst
    cmp a.st.zst b.st.zst && cmp a.st.zst c.st.zst
}

@test "snip: --factor multiplies, --limit and --scope cut, --weights moves the point" {
    model
    sp-grad tune --steps 2 --lr 1e-2 --no-pg m data.jsonl -o w.st.zst
    sp-diff --no-pg w.st.zst m -o p.st.zst
    sp-grad snip --factor p.st.zst --weights w.st.zst --scope linears --limit 5 --no-pg -z 0 m data.jsonl -o s.st
    [ "$(st_json s.st | jq 'del(.__metadata__) | length')" = 14 ]
    head -5 data.jsonl | sp-grad snip --factor p.st.zst --weights w.st.zst --scope linears --no-pg -z 0 m - | cmp - s.st
    sp-grad snip --scope linears --limit 5 --no-pg -z 0 m data.jsonl -o plain.st
    run ! cmp -s plain.st s.st
    fails 1 'sp-grad: *tensor "lm_head.weight" is missing' sp-grad snip --factor <(st_one x 1) m data.jsonl -o w2.st
    [ ! -e w2.st ]
}

@test "mean over tokens and over examples differ" {
    model
    sp-grad grad --mean token --no-pg -z 0 m data.jsonl -o a.st
    sp-grad grad --mean example --no-pg -z 0 m data.jsonl -o b.st
    run ! cmp -s a.st b.st
    sp-grad grad --max-len 6 --no-pg -z 0 m data.jsonl -o c.st
    run ! cmp -s a.st c.st
    fails 1 '*' sp-grad grad --max-len 2 m data.jsonl -o d.st
}

@test "grad --square: the mean over examples of their squared gradients" {
    model
    sp-grad grad --square --limit 2 --no-pg -z 0 m data.jsonl -o both.st
    for i in 1 2; do sed -n "${i}p" data.jsonl | sp-grad grad --no-pg -z 0 m - -o $i.st; done
    paste <(st_values 1.st) <(st_values 2.st) <(st_values both.st) |
        awk '{ e = ($1 * $1 + $2 * $2) / 2; d += (e - $3)^2; s += e * e } END { exit !(s > 0 && d < 1e-10 * s) }'
    for t in 1 3; do sp-grad grad --square --scope linears --no-pg -t $t m data.jsonl -o t$t.st.zst; done
    cmp t1.st.zst t3.st.zst
    [ "$(st_json t1.st.zst | jq 'del(.__metadata__) | length')" = 14 ]
}

@test "killed at random steps and resumed with --state: the same bytes, the same log" {
    model
    args="--steps 400 --batch 5 --shuffle --seed 4 --lr 3e-3 --schedule cosine --warmup 4 --weight-decay 0.1 --scope all --no-pg --save-every 0"
    sp-grad tune $args --log ref.log m data.jsonl -o ref.st.zst
    kills=0
    for try in $(seq 60); do
        sp-grad tune $args --state state --log run.log m data.jsonl -o out.st.zst & pid=$!
        until [ -s run.log ] && [ "$(wc -l < run.log)" -gt $((3 + try * 40)) ]; do
            kill -0 $pid 2> /dev/null || break
            sleep 0.01
        done
        kill -9 $pid 2> /dev/null || true
        wait $pid && break
        kills=$((kills + 1))
        [ ! -e out.st.zst ]
    done
    echo "killed $kills times"
    [ $kills -ge 3 ]
    cmp ref.st.zst out.st.zst
    cmp <(jq -c 'del(.tokens_per_s)' ref.log) <(jq -c 'del(.tokens_per_s)' run.log)
    fails 1 'sp-grad: state/state.safetensors: state of another run*' sp-grad tune $args --lr 2e-3 --state state m data.jsonl -o x.st
    [ ! -e x.st ]
}

@test "--max-loss stops ascent before the cap; --log has a line a step" {
    model
    a=$(loss_of m data.jsonl)
    cap=$(awk -v a="$a" 'BEGIN { print a + .3 }')
    sp-grad tune --ascend --steps 500 --lr 1e-2 --batch 0 --max-loss "$cap" --log l.jsonl m data.jsonl -o x.st
    [ "$(wc -l < l.jsonl)" -lt 500 ]
    jq -se --argjson cap "$cap" 'length > 1 and (map(.loss) | max) <= $cap and (map(.step) == [range(1; length + 1)])' l.jsonl
}

@test "schedules: linear falls to zero, warm-up rises, as Hugging Face's" {
    model
    sp-grad tune --steps 4 --lr 1 --optimizer sgd --schedule linear --warmup 2 --log l.jsonl m data.jsonl -o x.st
    [ "$(jq -sc 'map(.lr)' l.jsonl)" = "[0,0.5,1,0.5]" ]
    sp-grad tune --steps 4 --lr 1e-3 --beta1 0.8 --beta2 0.9 --eps 1e-6 --schedule constant --log l.jsonl m data.jsonl -o y.st
    [ "$(jq -sc 'map(.lr) | unique | length' l.jsonl)" = 1 ]
}

@test "-o DIR/ writes a checkpoint directory; --dtype narrows; nothing is overwritten" {
    model
    sp-grad tune --steps 1 --dtype bf16 m data.jsonl -o out/
    [ -e out/config.json ] && [ -e out/model.safetensors ]
    [ "$(st_json out/model.safetensors | jq -r '[.[] | .dtype // empty] | unique[]')" = BF16 ]
    loss_of out data.jsonl
    fails 1 '*out*' sp-grad tune --steps 1 m data.jsonl -o out/
}

@test "errors name the object and leave nothing behind" {
    model
    fails 1 'sp-grad: nowhere/config.json: No such file*' sp-grad grad nowhere data.jsonl -o x.st
    fails 1 'sp-grad: nodata.jsonl: No such file*' sp-grad grad m nodata.jsonl -o x.st
    : > empty.jsonl
    fails 1 'sp-grad: empty.jsonl: *' sp-grad grad m empty.jsonl -o x.st
    echo '{"input_ids":[1,2,99],"labels":[1,2,99]}' > bad.jsonl
    fails 1 'sp-grad: bad.jsonl: line 1: "input_ids"?2? is not an id below 29' sp-grad grad m bad.jsonl -o x.st
    echo '{"prompt":"a","response":"b"}' > text.jsonl
    fails 1 'sp-grad: text.jsonl: line 1: *' sp-grad grad --template plain m text.jsonl -o x.st
    head -c 700 m/model.safetensors > cut.st
    fails 1 'sp-grad: cut.st: *' sp-grad grad --weights cut.st m data.jsonl -o x.st
    fails 3 'sp-grad: *' sp-grad grad m data.jsonl -o /dev/full
    fails 2 'sp-grad: *--loss-on*' sp-grad grad --loss-on everything m data.jsonl
    jq '.attention_bias = true' m/config.json > c && mv c m/config.json
    fails 1 'sp-grad: m/config.json: "attention_bias" is not supported*' sp-grad grad m data.jsonl -o x.st
    jq '.attention_bias = false | .qk_norm = true' m/config.json > c && mv c m/config.json
    fails 1 'sp-grad: m/config.json: "qk_norm" is not supported*' sp-grad grad m data.jsonl -o x.st
    [ ! -e x.st ]
}

@test "a NaN weight is refused, diverged training is an error" {
    model
    cp -r m n && printf '\377\377\377\377' | dd of=n/model.safetensors bs=1 seek=$(($(stat -c %s n/model.safetensors) - 8)) conv=notrunc status=none
    fails 1 'sp-grad: *' sp-grad grad n data.jsonl -o x.st
    fails 1 'sp-grad: step *: *diverged' sp-grad tune --weight-decay 1e6 --lr 1 --steps 50 --scope all --log l.jsonl m data.jsonl -o x.st
    [ ! -e x.st ]
    # the log ends with the last step that was done; NaN would be no JSON
    run ! grep -i -e nan -e inf l.jsonl
    jq -se 'length > 0 and (map(.step) == [range(1; length + 1)]) and all(.[]; .loss != null and .grad_norm != null)' l.jsonl
}

@test "text examples: --template, --template-file and --loss-on choose the tokens" {
    need_golden stories260K/tokenizer.json
    m=$GOLDEN/stories260K
    echo '{"prompt":"Who is there?","response":"A cat."}' > d.jsonl
    echo '{"user":"Q: {user}\nA:","assistant":" {assistant}{eos}"}' > t.json
    for on in answer question all; do sp-grad grad --template plain --loss-on $on --no-pg -v "$m" d.jsonl 2>&1 > $on.st | grep -o '[0-9]* scored' >> scored; done
    cat scored
    awk '{ n[NR] = $1 } END { exit !(n[1] > 0 && n[2] > 0 && n[3] > n[1] && n[3] > n[2]) }' scored
    sp-grad grad --template-file t.json --no-pg "$m" d.jsonl -o own.st
    run ! cmp -s own.st answer.st
}

# patch NAME FLAGS...: one SGD step of size 1/16 as a raw patch
patch() {
    local name=$1
    shift
    sp-grad tune --optimizer sgd --steps 1 --lr 0.0625 --batch 0 --no-pg "$@" m data.jsonl | sp-diff --no-pg -z 0 - m -o "$name"
}

# near A B SCALE: |A - SCALE * B| is tiny beside |A|
near() {
    paste <(st_values "$1") <(st_values "$2") | awk -v c="$3" '{ d = $1 - c * $2; s += d * d; n += $1 * $1 } END { exit !(n > 0 && s < 1e-6 * n) }'
}

@test "NPO's first step is ascent on the summed loss of an example" {
    model
    patch up.st --ascend
    patch npo.st --loss npo --npo-beta 0.3
    scored=$(jq -s 'map(.labels[1:] | map(select(. >= 0)) | length) | add' data.jsonl)
    near npo.st up.st "$(awk -v s="$scored" 'BEGIN { print s / 12 }')"
    fails 2 'sp-grad: --ascend and --loss npo *' sp-grad tune --ascend --loss npo m data.jsonl
    # a large beta forgets an example once it is forgotten: further steps shrink
    sp-grad tune --loss npo --npo-beta 5 --optimizer sgd --lr 0.5 --steps 30 --batch 0 --log l.jsonl m data.jsonl -o x.st
    jq -se '(.[0].grad_norm > 20 * .[-1].grad_norm) and .[-1].loss > .[0].loss' l.jsonl
}

@test "--term ce adds its gradient by weight, --term kl holds the model where it was" {
    model
    head -6 data.jsonl > a.jsonl && tail -6 data.jsonl > b.jsonl
    patch main.st
    patch both.st --term ce,1,data.jsonl
    near both.st main.st 2
    patch minus.st --term ce,-0.5,data.jsonl --weight 1.5
    near minus.st main.st 1
    patch kl.st --term kl,3,b.jsonl
    near kl.st main.st 1 # no force at the start
    up="--ascend --optimizer adamw --lr 1e-2 --steps 15 --batch 0"
    sp-grad tune $up m a.jsonl -o free.st && sp-grad tune $up --term kl,20,b.jsonl m a.jsonl -o held.st
    a=$(loss_of --weights free.st m b.jsonl) b=$(loss_of --weights held.st m b.jsonl) c=$(loss_of m b.jsonl)
    awk -v a="$a" -v b="$b" -v c="$c" 'function abs(x) { return x < 0 ? -x : x } BEGIN { exit !(abs(b - c) < .5 * abs(a - c)) }'
    fails 2 'sp-grad: option --term: *' sp-grad tune --term kl,b.jsonl m a.jsonl
    fails 2 'sp-grad: option --term: *not a number' sp-grad tune --term kl,x,b.jsonl m a.jsonl
}

@test "--fraction trains a random share of the parameters, a new one each epoch" {
    model
    sp-grad tune --fraction 0.5 --epochs 1 --batch 0 --lr 1e-2 m data.jsonl -o one.st
    sp-grad tune --fraction 0.5 --epochs 8 --batch 0 --lr 1e-2 m data.jsonl -o many.st
    moved() { sp-diff --stats "$1" m | jq '[.tensors | to_entries[] | select(.key | test("_proj")) | .value.nonzero > 0] | map(select(.)) | length'; }
    a=$(moved one.st) b=$(moved many.st)
    [ "$a" -ge 2 ] && [ "$a" -le 12 ] && [ "$b" -gt "$a" ]
}

@test "--scratch keeps masters and moments in a file: the same bytes, nothing left; --moments bf16 stays close" {
    model
    args="--steps 12 --batch 5 --lr 1e-3 --no-pg"
    sp-grad tune $args m data.jsonl -o a.st
    mkdir s && sp-grad tune $args --scratch s m data.jsonl -o b.st
    cmp a.st b.st
    [ -z "$(ls -A s)" ]
    sp-grad tune $args --moments bf16 -t 1 m data.jsonl -o c.st
    sp-grad tune $args --moments bf16 -t 3 --scratch s m data.jsonl -o d.st
    cmp c.st d.st
    run ! cmp -s a.st c.st
    sp-diff --no-pg -z 0 a.st m -o pa.st && sp-diff --no-pg -z 0 c.st m -o pc.st
    paste <(st_values pa.st) <(st_values pc.st) | awk '{ d = $1 - $2; s += d * d; n += $1 * $1 } END { exit !(n > 0 && s < 1e-3 * n) }'
    sp-grad tune $args --moments bf16 --state st --save-every 0 m data.jsonl -o e.st && cmp c.st e.st
    sp-grad tune $args --moments bf16 --state st m data.jsonl -o f.st && cmp c.st f.st
    fails 3 'sp-grad: nowhere: No such file*' sp-grad tune $args --scratch nowhere m data.jsonl -o x.st
    fails 2 'sp-grad: a scratch file does not go *' sp-grad tune $args --scratch s --init 0.1 m data.jsonl -o x.st
}

@test "-v names the OpenBLAS kernels: those with AVX-512 where the processor has it; OPENBLAS_CORETYPE has the last word" {
    model
    kernels() { env "$@" sp-grad snip -v -o scores.st.zst m data.jsonl 2>&1 | sed -n 's/.*OpenBLAS kernels \([A-Za-z0-9]*\),.*/\1/p'; }
    [ "$(kernels OPENBLAS_CORETYPE=Prescott)" = Prescott ]
    flags=" $(grep -m1 ^flags /proc/cpuinfo) "
    [[ $flags == *" avx512f "* && $flags == *" avx512bw "* && $flags == *" avx512vl "* ]] || skip "no AVX-512 here"
    [[ $(kernels -u OPENBLAS_CORETYPE) =~ ^(SkylakeX|Cooperlake|SapphireRapids)$ ]]
}
