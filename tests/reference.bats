# reference.bats - one backbone from nothing: the figures agree with results/reference, and make knows what depends on what.
load helper

# The optimised tools, whatever build is under test: this is a training from random weights.
setup_file() {
    export ROOT=$BATS_TEST_DIRNAME/.. OUT=$BATS_FILE_TMPDIR/results
    make -C "$ROOT" MODE=opt all >/dev/null && run_experiment >"$BATS_FILE_TMPDIR/log" 2>&1 || { cat "$BATS_FILE_TMPDIR/log"; return 1; }
}

# Standard error has a line a stage: "  llama2: 1 safety patch      1.2 s".
run_experiment() { env -u MAKEFLAGS -u MAKELEVEL make -j2 -C "$ROOT" MODE=opt experiment-llama2 OUT="$OUT" SEEDS=1; }
stages() {
    run_experiment >/dev/null 2>ran || { cat ran; return 1; } # a failure says something, so it is not taken for nothing to do
    sed -nE 's/^  llama2: (.*[^ ]) +[0-9.]+ s$/\1/p' ran
}

@test "a fresh run agrees with the reference within the 95 % intervals" {
    # other kernels round differently, and a training from random weights then ends in another model
    kernels=$(jq -r .kernels "$ROOT/results/reference/llama2.json")
    grep -q "OpenBLAS kernels $kernels" "$OUT"/llama2/1/eval/log/*.err || skip "the reference was made with OpenBLAS kernels $kernels"
    jq -r -n --slurpfile fresh "$OUT/llama2/method.json" --slurpfile reference "$ROOT/results/reference/llama2.json" '
        $fresh[0].rows[] as $f | ($reference[0].rows[] | select(.row == $f.row)) as $r
        | ("asr_seen", "asr_unseen", "asr_jailbreak", "refused_lookalike", "answered_benign", "utility") as $k
        | [$f.row, $k, $f.mean[$k], $r.mean[$k], (1e-9 as $rounding | $f.interval[$k].lo <= $r.interval[$k].hi + $rounding and $r.interval[$k].lo <= $f.interval[$k].hi + $rounding)]
        | @tsv' >compared
    cat compared
    [ "$(wc -l <compared)" = 36 ]
    ! grep -q 'false$' compared
}

@test "teacher forcing gives the outcome that generation has, item by item" {
    model=$(ls -d "$OUT"/cache/llama2-*/1/align)
    for row in original safepatching only_safety; do
        weights=()
        [ $row = original ] || weights=(--weights "$OUT/llama2/1/$row.st.zst")
        sp-eval margin --openings "$ROOT/world/openings.json" "${weights[@]}" "$model" "$OUT/llama2/prompts.jsonl" |
            jq -c '[.id, .outcome == "answered", .outcome == "refused"]' >forced
        jq -c '[.id, .match, (.match | not) and .label == "refuse"]' "$OUT/llama2/1/eval/$row.answers.jsonl" >generated
        [ "$(wc -l <forced)" = "$(wc -l <"$OUT/llama2/prompts.jsonl")" ]
        # how a broken model refuses, the margin's openings and the judge's rules may see otherwise
        if [ $row = only_safety ]; then
            diff <(jq -c '.[:2]' forced) <(jq -c '.[:2]' generated)
        else
            diff forced generated
        fi
        [ "$(jq -c 'select(.[1])' forced | wc -l)" -gt 90 ] # not all the same
    done
}

@test "a second run does nothing" {
    [ -z "$(stages)" ]
}

# a result without the times in it
content() { case $1 in *.answers.jsonl) jq -c 'del(.seconds)' "$1" ;; *) cat "$1" ;; esac | sha256sum; }

@test "a lost result is made again, the same content, with what depends on it and nothing else" {
    lost() { # FILE STAGE...: these stages run again
        local file=$OUT/llama2/$1 before
        shift
        before=$(content "$file")
        rm "$file"
        diff <(printf '%s\n' "$@" | sort) <(stages | sort)
        [ "$(content "$file")" = "$before" ]
        [ -z "$(stages)" ]
    }
    lost 1/eval/intersect.answers.jsonl "1 evaluate intersect"
    lost 1/eval/intersect.ppl.json "1 evaluate intersect: perplexity"
    lost 1/intersect.st.zst "1 merge intersection" "1 evaluate intersect" "1 evaluate intersect: perplexity"
    lost 1/patches.json "1 patches compared"
    lost 1/overlap.json "1 overlap"
    [ -z "$(rm "$OUT/llama2/1/eval/intersect.json"; stages)" ] && [ -s "$OUT/llama2/1/eval/intersect.json" ]
    rm "$OUT/llama2/1/safety.loss.jsonl"
    stages >again
    [ "$(head -n 1 again)" = "1 safety patch" ] && [ -s "$OUT/llama2/1/safety.loss.jsonl" ]
    ! grep -q "oversafety patch" again
}

@test "experiments that start together on an empty cache share it" {
    out=$PWD/results
    for x in llama2 llama3 gemma; do
        env -u MAKEFLAGS -u MAKELEVEL -u DATA OUT="$out" SEEDS=1 BIN="$ROOT/bin" "$ROOT/experiments/run" $x world 2>$x.err &
    done
    wait
    cat ./*.err
    [ "$(cat ./*.err | grep -c 'tiny world')" = 1 ]
}
