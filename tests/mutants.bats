# mutants.bats - each tolerance bites: a kernel broken by little more than the tolerance must fail its test. All mutants: make mutants.
load helper

@test "every mutant applies: its edit changes its file" {
    local file edit rest n=0
    while IFS=$'\t' read -r file edit rest; do
        sed -E "$edit" "$ROOT/$file" >edited || { echo "no sed expression: $file $edit"; return 1; }
        ! cmp -s edited "$ROOT/$file" || { echo "no change: $file $edit"; return 1; }
        n=$((n + 1))
    done < <(cat "$ROOT"/tests/mutants/*.tsv "$ROOT"/tests/tsan/*.tsv | grep -E -v "^(#|\$)")
    [ "$n" -ge 50 ]
}

@test "every module has two mutants" {
    "$ROOT/tests/mutate.sh" --count
}

@test "logits, loss, gradients, scores and trained weights: a small error is noticed" {
    need_golden llama2
    run "$ROOT/tests/mutate.sh" 'norm: epsilon|loss off by|off by 0.1|absolute value|AdamW: epsilon'
    echo "$output"
    [ "$status" = 0 ]
    [[ ${lines[-1]} =~ ^([0-9]+)' of '([0-9]+)' mutants noticed'$ ]]
    [ "${BASH_REMATCH[1]}" = "${BASH_REMATCH[2]}" ] && [ "${BASH_REMATCH[1]}" -ge 5 ]
}
