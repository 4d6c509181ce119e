# runner.bats - tests/run: what it counts, what it prints, its status.
load helper

# tap NAME LINE...: a test program that prints these lines; status STATUS, default 0
tap() {
    printf '%s\n' '#!/bin/sh' 'cat <<"END"' "${@:2}" END "exit ${STATUS:-0}" >"$1"
    chmod +x "$1"
}
# runs STATUS FILE...: tests/run on them ends with this status
runs() {
    run env -u SP_TEST_FILTER "$ROOT/tests/run" "${@:2}"
    echo "$output"
    [ "$status" = "$1" ]
}

@test "passed, failed and skipped tests of several files are added up" {
    tap a 1..3 'ok 1 - x' 'ok 2 - y' '# skipped: no luck' 'not ok 3 # SKIP z'
    tap b 1..2 'ok 1 x' 'ok 2 y # skip no luck'
    tap c 1..2 'ok 1 x # skip too late' 'not ok 2 # SKIP'
    runs 0 "$PWD"/{a,b,c}
    [ "${lines[-1]}" = "3 passed, 0 failed, 4 skipped" ]
    [ "${lines[-2]}" = "skipped: too late: 1" ]
    [ "${lines[-3]}" = "skipped: no reason given: 1" ]
    [ "${lines[-4]}" = "skipped: no luck: 2" ]
    [ "${#lines[@]}" = 7 ]
    grep -qE "^$PWD/a +2 passed +0 failed +1 skipped +[0-9]+\.[0-9] s$" <<<"$output"
}

@test "a failure is shown, with what was printed, and gives status 1" {
    tap a 1..1 'ok 1 fine'
    tap b 1..2 'not ok 1 broken' '# because' 'ok 2 fine'
    runs 1 "$PWD"/{a,b}
    [ "${lines[-1]}" = "2 passed, 1 failed, 0 skipped" ]
    grep -qx '    # because' <<<"$output"
    [[ $output != *'ok 2 fine'* ]]
}

@test "a file that dies, falls silent, is missing or hangs counts as a failure" {
    STATUS=3 tap a 1..1 'ok 1 fine'
    tap b 1..2 'ok 1 fine'
    tap c
    printf '#!/bin/sh\nsleep 100\n' >d
    chmod +x d
    SP_TEST_TIMEOUT=1 runs 1 "$PWD"/{a,b,c,d,e}
    [ "${lines[-1]}" = "2 passed, 5 failed, 0 skipped" ]
    grep -q '(exit status 124: timed out)' <<<"$output"
    runs 1 "$PWD/c"
    [ "${lines[-1]}" = "0 passed, 1 failed, 0 skipped" ]
}

@test "two files at a time, or as many as asked for" {
    for f in a b; do # each is content when it sees the other
        cat >$f <<END
#!/bin/bash
echo 1..1
touch $PWD/$f.began
for ((i = 0; i < 10 * WAIT; i++)); do [ -e $PWD/$(tr ab ba <<<$f).began ] || sleep .1; done
[ -e $PWD/$(tr ab ba <<<$f).began ] && echo ok 1 || echo not ok 1
END
    done
    chmod +x a b
    WAIT=60 SP_JOBS=2 runs 0 "$PWD"/{a,b}
    rm ./*.began
    WAIT=1 SP_JOBS=1 runs 1 "$PWD"/{a,b}
    [ "${lines[-1]}" = "1 passed, 1 failed, 0 skipped" ]
}

@test "tests receive SIGINT" {
    printf '#!/bin/bash\necho 1..1\nsh -c "kill -s INT \$\$"\n[ $? = 130 ] && echo ok 1\n' >int
    chmod +x int
    runs 0 "$PWD/int"
}
