# cli.bats - what all tools have in common: help, usage errors, missing and unwritable files, terminals, pipes, signals.
load helper

# Every command: "sp-diff", "sp-mask top" ..., one a line; with its operands after a tab.
usage() {
    for t in $TOOLS; do
        "$t" --help | awk -v OFS='\t' '/^Usage:/ { on = 1; next } /^$/ { on = 0 }
            on { at = index($0, " [options] "); print substr($0, 3, at - 3), substr($0, at + 11) }'
    done
}

# A vector of n zeros as a raw stream: larger than any pipe's buffer when n is large.
zeros() { head -c $((4 * $1)) /dev/zero | st_file "{\"w\":{\"dtype\":\"F32\",\"shape\":[$1],\"data_offsets\":[0,$((4 * $1))]}}"; }

@test "every tool is there and has commands" {
    [ "$(usage | cut -d' ' -f1 | cut -f1 | sort -u | wc -l)" = 5 ]
    [ "$(usage | grep -c 'sp-mask ')" -ge 6 ]
}

@test "--help: standard output, status 0" {
    while IFS=$'\t' read -r cmd _; do
        run --separate-stderr $cmd --help
        [ "$status" = 0 ] && [ -z "$stderr" ]
        [[ ${lines[0]} == "${cmd%% *} - "* ]]
        [[ $output == *"Usage:"*"  $cmd [options]"*"Common options:"*"Exit status: 0 ok, 1 "* ]]
    done < <(usage)
    [ "$(sp-diff -h)" = "$(sp-diff --help)" ]
}

@test "--version" {
    for t in $TOOLS; do
        run --separate-stderr "$t" --version
        [ "$status" = 0 ] && [ -z "$stderr" ]
        [[ $output =~ ^$t\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
    done
}

@test "unknown option, command or surplus operand: 2" {
    while IFS=$'\t' read -r cmd operands; do
        t=${cmd%% *}
        fails 2 "$t: unknown option --no-such (try '$t --help')" $cmd --no-such
        [[ $operands == *...* ]] || fails 2 "$t: unexpected operand '*' (try *" $cmd 1 2 3 4 5 6 7 8 9
    done < <(usage)
    for t in $TOOLS; do
        fails 2 "$t: unknown option -@ (try '$t --help')" "$t" -@
        usage | grep -q "^$t " || continue # those without commands
        fails 2 "$t: unknown command 'no-such' (try *" "$t" no-such
        fails 2 "$t: no command given (try *" "$t"
    done
}

@test "missing operand: 2" {
    while IFS=$'\t' read -r cmd operands; do
        [[ $operands == "["* ]] || fails 2 "${cmd%% *}: *takes * (try *" $cmd
    done < <(usage)
}

@test "bad values of options: 2" {
    for bad in -t0 -tx -t1.5 --threads=1e3 -z20 -z-1 --level=x --seed=-1 --seed=abc --threads=; do
        fails 2 "sp-diff: option --*" sp-diff "$bad"
    done
    # every option with a closed list of values or a number, once for each tool
    while IFS=$'\t' read -r cmd _; do
        $cmd --help | sed "/^Common options/,\$d" | awk -v cmd="$cmd" 'match($0, /--[a-z0-9-]+ ([a-z0-9]+\|[a-z0-9|-]+|N|P|R|X|T|K|STD|SECONDS)( |$)/) {
            split(substr($0, RSTART, RLENGTH), w, " "); print cmd "\t" w[1] "\t" (w[2] ~ /\|/) }'
    done < <(usage) | awk -F"\t" '{ split($1, w, " ") } !seen[w[1], $2]++' >list
    [ "$(wc -l <list)" -gt 30 ]
    while IFS=$'\t' read -r cmd o choice; do
        pattern=
        [ "$choice" = 0 ] || pattern="'no-such' is none of *|*"
        fails 2 "${cmd%% *}: option $o: *$pattern*" $cmd "$o=no-such"
    done <list
}

@test "missing input file: 1, with the system's reason" {
    while IFS=$'\t' read -r cmd operands; do
        [[ $operands != "["* && $cmd != *tokenize ]] || continue
        n=$(wc -w <<<"${operands//[\[\]()]/}")
        [[ $operands == *...* || $operands == *"["* ]] && n=1
        extra=
        [[ $cmd != "sp-mask top" ]] || extra="--rate .1"
        [[ $cmd != "sp-mask random" ]] || extra="-p .1"
        fails 1 "${cmd%% *}: no-such*: No such file or directory" $cmd $extra $(seq -f no-such%g "$n")
    done < <(usage)
    only_files
}

@test "output that cannot be written: 3, nothing left" {
    st_one w 1 2 3 >a
    for to in no-dir/out /proc/out; do
        fails 3 "sp-mask: $to*: *" sp-mask random -p .5 a -o $to
        fails 3 "sp-diff: $to*: *" sp-diff a a -o $to
        fails 3 "sp-merge: $to*: *" sp-merge a -o $to
    done
    only_files a
}

@test "full device: 3" {
    zeros 100000 >a
    for z in 0 1; do
        for cmd in "sp-mask random -p .5 -z$z a" "sp-diff -z$z a a" "sp-merge -z$z a"; do
            run --separate-stderr bash -c "$cmd >/dev/full"
            [ "$status" = 3 ]
            [[ $stderr == "${cmd%% *}: standard output: No space left on device" ]]
        done
    done
    for cmd in "sp-mask stats m" "sp-diff --stats a a"; do
        sp-mask random -p .5 a -o m
        run --separate-stderr bash -c "$cmd >/dev/full"
        [ "$status" = 3 ]
        [[ $stderr == "${cmd%% *}: "*"No space left on device" ]]
    done
    for t in $TOOLS; do
        run --separate-stderr bash -c "$t --help >/dev/full"
        [ "$status" = 3 ]
    done
}

@test "closed standard output: 3" {
    st_one w 1 2 3 >a
    run --separate-stderr bash -c "sp-diff a a >&-"
    [ "$status" = 3 ]
    [[ $stderr == "sp-diff: standard output: "* ]]
}

@test "file-size limit in the middle: 3, no temporary file, the old output untouched" {
    zeros 100000 >a
    echo old >out
    run --separate-stderr bash -c "ulimit -f 8; sp-diff -z0 a a -o out"
    [ "$status" = 3 ]
    [[ $stderr == "sp-diff: out"*": File too large" ]]
    only_files a out
    [ "$(cat out)" = old ]
}

@test "bad input leaves the old output untouched" {
    zeros 1000 | head -c 3000 >cut
    echo old >out
    fails 1 "sp-mask: cut: *" sp-mask random -p .5 cut -o out
    only_files cut out
    [ "$(cat out)" = old ]
}

@test "a terminal is refused: 2" {
    command -v script >/dev/null || skip "no script(1)"
    st_one w 1 2 3 >a
    for cmd in "sp-mask random -p .5 a" "sp-diff a a" "sp-merge a"; do
        run script -qec "$cmd" /dev/null </dev/null
        [ "$status" = 2 ]
        [[ $output == *"${cmd%% *}: "*terminal* ]]
    done
    run script -qec "sp-diff --stats a a" /dev/null </dev/null # text is welcome
    [ "$status" = 0 ]
}

@test "a reader that leaves: ended by SIGPIPE, silently" {
    zeros 1000000 >a
    for cmd in "sp-mask random -p .5 -z0 a" "sp-diff -z0 a a" "sp-merge -z0 a"; do
        # a shell that had SIGPIPE ignored from its parent cannot give it back: env does
        run bash -c "env --default-signal=PIPE $cmd 2>err | head -c1 >/dev/null; echo \${PIPESTATUS[0]}"
        [ "$output" = 141 ]
        [ ! -s err ]
    done
}

@test "killed by SIGTERM or SIGINT: no temporary file, the parent sees the signal" {
    zeros 1000000 >a
    mkfifo in
    for sig in TERM INT HUP; do
        env --default-signal=INT sp-mask random -p .5 - -o out <in &
        pid=$!
        exec 9>in
        head -c 2000000 a >&9
        for _ in $(seq 100); do
            [ "$(find . -mindepth 1 | wc -l)" = 2 ] || break # the temporary file is there
            sleep .05
        done
        [ "$(find . -mindepth 1 | wc -l)" = 3 ]
        kill -s $sig $pid
        rc=0
        wait $pid || rc=$?
        exec 9>&-
        [ $rc = $((128 + $(kill -l $sig))) ]
        only_files a in
    done
}

@test "-q is silent, -v ends with version, command, time and memory" {
    st_one w 1 2 3 >a
    for cmd in "sp-mask random -p .5 a -o out" "sp-diff a a -o out" "sp-merge a -o out"; do
        run --separate-stderr $cmd -q
        [ "$status" = 0 ] && [ -z "$stderr" ]
        run --separate-stderr $cmd -v
        [ "$status" = 0 ]
        [[ ${stderr_lines[-1]} =~ ^${cmd%% *}:\ version\ [0-9.]+\;\ .*\;\ wall\ [0-9.]+\ s,\ cpu\ [0-9.]+\ s,\ peak\ rss\ [0-9.]+\ MiB$ ]]
        [[ ${stderr_lines[-1]} == *"$cmd -v; wall"* ]]
    done
}
