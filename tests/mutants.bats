# mutants.bats - each tolerance bites: a kernel broken by little more than the tolerance must fail its test. All mutants: make mutants.
load helper

@test "logits, loss, gradients, scores and trained weights: a small error is noticed" {
    need_golden llama2
    run "$ROOT/tests/mutate.sh" 'norm: epsilon|loss off by|off by 0.1|absolute value|AdamW: epsilon'
    echo "$output"
    [ "$status" = 0 ]
    [[ ${lines[-1]} =~ ^([0-9]+)' of '([0-9]+)' mutants noticed'$ ]]
    [ "${BASH_REMATCH[1]}" = "${BASH_REMATCH[2]}" ] && [ "${BASH_REMATCH[1]}" -ge 5 ]
}
