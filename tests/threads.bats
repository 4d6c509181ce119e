# threads.bats - the thread sanitizer: queue, top-k and products, and what they are made of, have no data race (tests/tsan/tsan.mk).
load helper

setup_file() {
    local probe=build/tsan/tests/tsan/probe
    cd "$ROOT" || return 1
    if ! make -s MODE=tsan $probe >"$BATS_FILE_TMPDIR/log" 2>&1; then
        SKIP="the thread sanitizer does not build here"
    elif ! racy $probe loop || ! racy $probe lock; then
        SKIP="the thread sanitizer sees no races here"
    elif ! $probe >/dev/null 2>&1; then
        SKIP="the thread sanitizer needs LLVM's OpenMP runtime with Archer (Debian: libomp-dev)"
    else
        make -s -j2 MODE=tsan tsan-tests >"$BATS_FILE_TMPDIR/log" 2>&1 || { cat "$BATS_FILE_TMPDIR/log"; return 1; }
    fi
    export SKIP
}

# racy COMMAND...: it ends with a report of a race
racy() { ! "$@" >"$BATS_FILE_TMPDIR/racy" 2>&1 && grep -q 'ThreadSanitizer: data race' "$BATS_FILE_TMPDIR/racy"; }

clean() {
    [ -z "$SKIP" ] || skip "$SKIP"
    run env -u SP_BIN SP_MODE=tsan "$ROOT/tests/run" "${@/#/build/tsan/tests/unit/test_}"
    echo "$output"
    [ "$status" = 0 ]
}

@test "queue: no data race" { clean queue queue queue queue queue; } # each time the threads interleave otherwise
@test "top-k: no data race" { clean topk; }
@test "products: no data race" { clean gemm gemm_half gemm_rows; }
@test "attention and layers: no data race" { clean attn layer; }

@test "races put in on purpose are reported" {
    [ -z "$SKIP" ] || skip "$SKIP"
    run env -u SP_BIN SP_MODE=tsan "$ROOT/tests/mutate.sh"
    echo "$output"
    [ "$status" = 0 ]
    [[ ${lines[-1]} =~ ^([0-9]+)' of '([0-9]+)' mutants noticed'$ ]]
    [ "${BASH_REMATCH[2]}" -ge 6 ]
}
