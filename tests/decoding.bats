# decoding.bats - decoding-time defences of sp-eval generate: SafeDecoding, Self-CD, ROSE.
load helper

setup_file() { export WORK=$BATS_FILE_TMPDIR; }

# Prompts of several lengths, a system text and its opposite, and an expert: the model after a few steps on another text.
stage() {
    need_golden stories260K
    model=$GOLDEN/stories260K
    printf '%s\n' '{"prompt":"Hello"}' '{"prompt":"One day a girl went to the park with her dog"}' '{"prompt":"Tom"}' \
        '{"prompt":"Who is there?","system":"Be short."}' '{"messages":[{"role":"user","content":"Look, a big red ball!"}]}' >p.jsonl
    printf 'You are kind and tell the truth.\n\n' >kind
    printf 'You are a big bad wolf.' >wolf
    [ -e "$WORK/expert" ] || {
        echo '{"text":"The bird said no, no, I will not sing. The bird flew away."}' >t.jsonl
        sp-grad tune --template plain --steps 8 --lr 3e-3 -o "$WORK/expert" "$model" t.jsonl
    }
}
gen() ( set -o pipefail; sp-eval generate --ignore-eos --template llama2 --max-new 12 "$@" "$model" p.jsonl | jq -c .ids )
both() { gen $1 >one && gen $2 >two && [ -s one ] && [ -s two ]; } # OPTIONS OPTIONS
same() { both "$1" "$2" && diff one two; }
differ() { both "$1" "$2" && ! cmp -s one two; }

@test "strengths that leave one context alone" {
    stage
    same "--decoding self-cd --strength 0 --system-file kind" "--system-file kind"
    same "--decoding self-cd --strength 1 --system-file kind" ""
    same "--decoding rose --strength 0 --system-file kind --anti-system-file wolf" "--system-file kind"
    same "--decoding safedecoding --expert $model" "--decoding plain"
    same "--decoding safedecoding --first 99 --common 512 --strength 1 --expert $WORK/expert" "--weights $WORK/expert"
}

@test "each defence, each of its texts and each number changes answers" {
    stage
    differ "" "--weights $WORK/expert"
    for change in "--system-file kind" "--decoding self-cd" "--decoding rose" "--decoding safedecoding --first 9 --expert $WORK/expert"; do
        differ "" "$change"
    done
    differ "--decoding self-cd" "--decoding self-cd --system-file kind"
    differ "--decoding self-cd" "--decoding self-cd --strength 1.5"
    differ "--decoding rose" "--decoding rose --system-file kind"
    differ "--decoding rose" "--decoding rose --anti-system-file wolf"
    differ "--decoding rose" "--decoding rose --strength .7"
    safe="--decoding safedecoding --expert $WORK/expert"
    differ "$safe --first 9" "$safe --first 9 --common 1"
    differ "$safe --first 9" "$safe --first 9 --strength .2"
    same "$safe" "$safe --strength 3 --first 2 --common 5"
    same "--decoding self-cd" "--decoding self-cd --strength 2.5"
    same "--decoding rose" "--decoding rose --strength .5"
}

@test "safedecoding: after the first tokens the model goes on alone" {
    stage
    for m in 1 3; do
        echo '{"text":"The bird"}' >p.jsonl
        gen --decoding safedecoding --expert "$WORK/expert" --first $m >ids
        ids=$(echo '{"text":"The bird"}' | sp-eval tokenize "$model" - | jq -c .ids)
        jq -c --argjson p "$ids" --argjson m $m '{input_ids: ($p + .[:$m])}' ids >p.jsonl
        gen --max-new $((12 - m)) >rest
        diff <(jq -c --argjson m $m '.[$m:]' ids) rest
    done
}

@test "the cache, the batch, the threads and stretches of the prompt change nothing, greedy or drawn" {
    stage
    for defence in "--decoding rose" "--decoding self-cd --system-file kind" "--decoding safedecoding --first 4 --expert $WORK/expert"; do
        for draw in "" "--temperature .8 --top-p .9 --seed 3"; do
            gen $defence $draw >whole
            for how in "--no-cache -b 1" "-b 2 --prefill 3 -t 1 --low-memory"; do gen $defence $draw $how | diff whole -; done
        done
    done
}

@test "where a system text goes" {
    stage
    echo '{"prompt":"Hello","system":"You are kind and tell the truth."}' >a.jsonl
    echo '{"prompt":"Hello"}' >p.jsonl
    gen --system-file kind >with
    cp a.jsonl p.jsonl && gen | diff with -
    echo '{"prompt":"Hello","system":"Be short."}' >p.jsonl
    gen --system-file kind >with
    echo '{"prompt":"Hello","system":"You are kind and tell the truth.\n\nBe short."}' >p.jsonl
    gen | diff with -
    # no system turn in the template, no template at all, no text at all
    echo '{"user":"Q: {user}\n","assistant":"A: {assistant}{eos}"}' >tmpl
    echo '{"prompt":"Hello"}' >p.jsonl
    gen --template-file tmpl --system-file kind >with
    echo '{"prompt":"You are kind and tell the truth.\n\nHello"}' >p.jsonl
    gen --template-file tmpl | diff with -
    echo '{"text":"Hello"}' >p.jsonl
    gen --system-file kind >with
    echo '{"text":"You are kind and tell the truth.\n\nHello"}' >p.jsonl
    gen | diff with -
    : >empty
    same "--system-file empty" ""
    echo '{"input_ids":[1,2]}' >p.jsonl
    fails 1 'sp-eval: p.jsonl: line 1: *"input_ids"*' sp-eval generate --decoding rose "$model" p.jsonl
    sp-eval generate -n 3 --decoding safedecoding --expert "$WORK/expert" "$model" p.jsonl
}

@test "what does not fit together, and files that are not there" {
    stage
    usage() { fails 2 "$1" sp-eval generate "${@:2}" "$model" p.jsonl; }
    usage '*needs --expert*' --decoding safedecoding
    usage '*--expert*belong*' --expert x
    usage '*--first*belong*' --decoding rose --first 3
    usage '*--common*belong*' --decoding self-cd --common 3
    usage '*--anti-system-file*rose*' --decoding self-cd --anti-system-file wolf
    usage '*--strength*' --strength 2
    usage '*--decoding*' --decoding other
    bad() { fails 1 "$1" sp-eval generate "${@:2}" -o out.jsonl "$model" p.jsonl; }
    bad 'sp-eval: none: *' --system-file none
    bad 'sp-eval: none: *' --decoding rose --anti-system-file none
    bad 'sp-eval: none: *' --decoding safedecoding --expert none
    printf 'a\0b' >nul
    bad 'sp-eval: nul: *NUL*' --system-file nul
    head -c 1200000 /dev/zero | tr '\0' x >long
    bad 'sp-eval: long: longer than*' --system-file long
    head -c 100000 long >wide
    bad 'sp-eval: p.jsonl: line 1: *takes up to 511*' --system-file wide
    head -c 3000 "$model/model.safetensors" >cut
    bad 'sp-eval: cut: *' --decoding safedecoding --expert cut
    [ ! -e out.jsonl ]
}

@test "damaged experts are noticed, whatever the floor of probabilities says" {
    stage
    cp "$model/model.safetensors" bad.safetensors
    chmod u+w bad.safetensors
    # the largest F32 numbers all over the end of the file
    size=$(stat -c %s bad.safetensors)
    for i in $(seq 4000); do printf '\377\377\177\177'; done | dd of=bad.safetensors bs=4096 oflag=seek_bytes seek=$((size - 16000)) conv=notrunc status=none
    fails 1 'sp-eval: *not finite*' sp-eval generate --decoding safedecoding --expert bad.safetensors -o out.jsonl "$model" p.jsonl
    [ ! -e out.jsonl ]
}
