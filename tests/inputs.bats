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
    head -n 1 y.jsonl | cat - x.jsonl | sp-grad grad --limit 1 "$m" - 2>log >x.st # those that are not used do not count
    [ ! -s log ]
}

@test "numbers of the input come out as they went in" {
    echo '{"response":"I cannot help with that.","tstamp":1686286924.844282,"w":0.30000000000000004,"x":0.1}' |
        sp-eval judge - >out
    grep -q '"tstamp":1686286924.844282,"w":0.30000000000000004,"x":0.1,' out
}
