# streams.bats - damaged, mismatched and endless input to the stream tools; pipes; the number of threads.
# Every failure: its exit status, one line that names the culprit, nothing on standard output, no file left.
load helper

# words SEED N: N F32 numbers that look random, none of them NaN or Inf, as bytes
words() { seq "$1" 400000 | gzip -9n | tail -c +100 | tr '\176\177\376\377' '\076\077\276\277' | head -c $((4 * $2)); }

HEADER='{"a":{"dtype":"F32","shape":[40,25],"data_offsets":[0,4000]},"b":{"dtype":"F32","shape":[10],"data_offsets":[4000,4040]}}'

# good.st, its mask good.m, and the first as zstd in two frames (edge: where the second begins)
make_good() {
    words 1 1010 | st_file "$HEADER" >good.st
    sp-mask random -p .5 --no-pg good.st -o good.m
    two_frames good.st good.zst
    sp-mask random -p .5 -z0 --no-pg good.st -o mask.st
    two_frames mask.st mask.zst
}

# two_frames FROM TO [N]: FROM compressed in two frames, which tell their sizes unless N is "unsized"
two_frames() {
    local n
    n=$(wc -c <"$1")
    set -- "$1" "$2" "${3:-sized}" --stream-size=1000 --stream-size=$((n - 1000))
    [ "$3" = sized ] || set -- "$1" "$2" "$3" --no-content-size --no-content-size
    head -c 1000 "$1" | zstd -qc "$4" >"$2"
    edge=$(wc -c <"$2")
    tail -c +1001 "$1" | zstd -qc "$5" >>"$2"
}

# Commands that read X as weights, patch or score; as a mask. Any four in a row have all three tools among them.
float_commands=("sp-mask top -r .5 X" "sp-merge X --add good.st" "sp-diff X good.st" "sp-mask shuffle X" "sp-mask random -p .5 X"
    "sp-merge good.st --add X"
    "sp-diff good.st X" "sp-mask apply X good.m" "sp-merge X" "sp-diff --stats X good.st" "sp-mask stats good.st X"
    "sp-merge good.st --add X --method ties" "sp-mask top -r .5 --by row X")
mask_commands=("sp-mask minus X good.m" "sp-merge good.st --add good.st --mask X" "sp-mask and good.m X" "sp-mask or X good.m"
    "sp-mask apply good.st X" "sp-mask stats X")

# quick PATTERN COMMAND...: as `fails 1`, without the cost of bats' run
quick() {
    local pattern=$1 rc=0
    shift
    "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || rc=$?
    # shellcheck disable=SC2053
    [[ $rc = 1 && ! -s $BATS_TEST_TMPDIR/out && $(<"$BATS_TEST_TMPDIR/err") == $pattern && $(wc -l <"$BATS_TEST_TMPDIR/err") = 1 ]] && return
    echo "$* gives $rc"
    cat "$BATS_TEST_TMPDIR/err"
    return 1
}

turn=0 # with which command the next file begins

# refuse FILE PATTERN COMMANDS...: FILE is refused by four of the commands, others each time, the first also through a pipe and with -o
refuse() {
    local file=$1 pattern=$2 cmd i
    shift 2
    local -a cmds=("$@")
    for i in 0 1 2 3; do
        cmd=${cmds[(turn + i) % $#]}
        quick "${cmd%% *}: $file: $pattern" ${cmd//X/$file}
        [ $i = 0 ] || continue
        quick "${cmd%% *}: standard input: *" ${cmd//X/-} < <(cat "$file")
        quick "${cmd%% *}: $file: $pattern" ${cmd//X/$file} -o out
    done
    turn=$((turn + 3))
    rm "$file"
}

@test "cut in the header, in the data, one byte short, empty" {
    make_good
    n=$(wc -c <good.st) m=$(wc -c <mask.st)
    for cut in 0 5 60 $((n / 4)) $((n / 2)) $((n * 3 / 4)) $((n - 1)); do
        head -c $cut good.st >bad
        refuse bad "*" "${float_commands[@]}"
    done
    for cut in 0 60 $((m / 2)) $((m - 1)); do
        head -c $cut mask.st >bad
        refuse bad "*" "${mask_commands[@]}"
    done
    only_files good.st good.m good.zst mask.st mask.zst
}

@test "zstd cut anywhere, also between two frames" {
    make_good
    for kind in sized unsized; do
        two_frames good.st good.zst $kind
        n=$(wc -c <good.zst)
        for cut in 3 $edge $((edge - 1)) $((edge + 5)) $((n / 2)) $((n * 3 / 4)) $((n - 1)); do
            head -c $cut good.zst >bad
            refuse bad "*truncated*" "${float_commands[@]}"
        done
    done
    two_frames mask.st mask.zst
    for cut in $edge $(($(wc -c <mask.zst) - 1)); do
        head -c $cut mask.zst >bad
        refuse bad "*truncated*" "${mask_commands[@]}"
    done
    only_files good.st good.m good.zst mask.st mask.zst
}

# flip FILE AT: FILE with one bit of the byte at offset AT turned, as "bad"
flip() {
    cp "$1" bad
    local byte
    byte=$(tail -c +$(($2 + 1)) bad | head -c1 | od -An -tu1)
    # shellcheck disable=SC2059
    printf "\\$(printf %03o $((byte ^ 16)))" | dd of=bad bs=1 seek="$2" conv=notrunc status=none
}

@test "a flipped bit: in a frame's header, its data, its checksum, in the JSON header" {
    make_good
    two_frames good.st good.zst
    n=$(wc -c <good.zst)
    for at in 0 $((edge / 2)) $((edge - 2)) $edge $((n - 1)); do
        flip good.zst $at
        refuse bad "*" "${float_commands[@]}"
    done
    for at in 0 8 9 23 37; do # length, brace, quote, dtype, shape
        flip good.st $at
        refuse bad "*" "${float_commands[@]}"
    done
    two_frames mask.st mask.zst
    for at in $((edge - 1)) $(($(wc -c <mask.zst) - 3)); do
        flip mask.zst $at
        refuse bad "*" "${mask_commands[@]}"
    done
    only_files good.st good.m good.zst mask.st mask.zst
}

@test "something after the end" {
    make_good
    { cat good.st; echo; } >bad
    refuse bad "longer than its header says*" "${float_commands[@]}"
    { cat good.zst; echo; } >bad
    refuse bad "*garbage*" "${float_commands[@]}"
    { cat good.zst good.zst; } >bad
    refuse bad "longer than its header says*" "${float_commands[@]}"
    { cat mask.zst; echo; } >bad
    refuse bad "*garbage*" "${mask_commands[@]}"
}

@test "no stream at all, or one that claims more than there can be" {
    make_good
    echo "a text that is no stream, whatever its name says" >bad
    refuse bad "not a safetensors file*" "${float_commands[@]}" "${mask_commands[@]}"
    st_file '{"a":{"dtype":"F32","shape":[250000000000000],"data_offsets":[0,1000000000000000]}}' <good.st >bad
    refuse bad "truncated*" "sp-mask top -r .5 X" "sp-merge X" "sp-mask stats X" "sp-mask random -p .1 X"
    st_file '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}' <<<1234567 >bad
    refuse bad "bad header: duplicate*" "${float_commands[@]}"
}

@test "NaN and Inf are refused by tensor, and pass with --allow-nonfinite" {
    for x in nan inf -inf; do
        st_one w 1 $x 3 >bad
        st_one w 1 2 3 >b
        sp-mask random -p 1 b -o m
        for cmd in "sp-diff bad b" "sp-diff b bad" "sp-diff --stats bad b" "sp-mask top -r .5 bad" "sp-mask top -r .5 --by global bad" \
            "sp-mask apply bad m" "sp-mask shuffle bad" "sp-mask stats bad" "sp-mask stats b bad" "sp-merge bad" "sp-merge bad --add b" "sp-merge b --add bad" \
            "sp-merge b --add bad --mask m" "sp-merge b --add bad --method ties"; do
            fails 1 "${cmd%% *}: bad: tensor \"w\": *NaN or Inf*" $cmd -o out
            [ ! -e out ]
            $cmd --allow-nonfinite -o out
            rm out
        done
    done
    st_one w 3e38 >a
    st_one w -3e38 >b
    fails 1 'sp-diff: a: tensor "w": the difference overflows F32' sp-diff a b
    st_one w 70000 >a
    fails 1 'sp-merge: a: tensor "w": *in the result as F16 *' sp-merge a --dtype F16
    sp-diff a b --dtype F64 -o out
}

@test "other shapes, missing tensors, other dtypes" {
    st_one w 1 2 3 >three
    st_one w 1 2 3 4 >four
    st_one v 1 2 3 >other
    for t in three four other; do sp-mask random -p .5 $t -o $t.m; done
    shape='tensor "w": shape 3, expected 4'
    fails 1 "sp-diff: three: $shape" sp-diff four three
    fails 1 "sp-mask: three.m: $shape" sp-mask minus four.m three.m
    fails 1 "sp-mask: three.m: $shape" sp-mask apply four three.m
    fails 1 "sp-mask: three.m: $shape" sp-mask stats four.m three.m
    fails 1 "sp-merge: three: $shape" sp-merge three --add four
    fails 1 "sp-merge: three.m: $shape" sp-merge four --add four --mask three.m
    fails 1 'sp-diff: three: tensor "v": missing' sp-diff other three
    fails 1 'sp-mask: other.m: tensor "w": missing' sp-mask or three.m other.m
    fails 1 'sp-merge: three: tensor "v": missing' sp-merge three --add other
    fails 1 'sp-merge: other.m: tensor "w": missing' sp-merge three --add three --mask other.m
    fails 1 'sp-mask: three: tensor "w": dtype F32, expected BOOL' sp-mask and three.m three
    fails 1 'sp-merge: three: tensor "w": dtype F32, expected BOOL' sp-merge three --add three --mask three
    fails 1 'sp-merge: three.m: tensor "w": dtype BOOL, expected floating point' sp-merge three --add three.m
    fails 1 'sp-diff: three.m: tensor "w": dtype BOOL, expected floating point' sp-diff three three.m
    # a mask with one tensor more: nothing of it may get lost
    st_file '{"w":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]},"x":{"dtype":"BOOL","shape":[1],"data_offsets":[3,4]}}' < <(printf '\1\1\1\1') >more.m
    fails 1 'sp-mask: three.m: tensor "x": missing' sp-mask minus three.m more.m
}

@test "pipes: any input may be one, in the order of the first; standard input only once" {
    make_good
    sp-diff --no-pg good.st good.zst -o want
    cat good.zst | sp-diff --no-pg - good.st | cmp - want
    cat good.st | sp-diff --no-pg good.zst - | cmp - want
    sp-diff --no-pg <(cat good.zst) <(cat good.st) | cmp - want
    sp-diff --no-pg good.st - <good.zst | cmp - want # a file on standard input
    fails 2 "sp-diff: standard input can be given only once" bash -c "cat good.st | sp-diff - -"
    st_file '{"b":{"dtype":"F32","shape":[10],"data_offsets":[0,40]},"a":{"dtype":"F32","shape":[40,25],"data_offsets":[40,4040]}}' \
        < <(tail -c 40 good.st; tail -c 4040 good.st | head -c 4000) >swapped.st
    sp-diff swapped.st good.st -o by-name
    [ "$(st_values by-name | sort -u)" = 0 ]
    fails 1 'sp-diff: standard input: tensor "b" expected, but the pipe has gone on to "a": *in the order of the first input' \
        bash -c "cat swapped.st | sp-diff good.st -"
    fails 1 "sp-mask: standard input: --by global reads the scores four times, so it needs a file" bash -c "cat good.st | sp-mask top -r .1 --by global -"
    mkfifo fifo
    cat fifo >got &
    sp-diff --no-pg good.st good.st -o fifo
    wait
    cmp got want
}

@test "one huge frame without its size, as other programs write it" {
    make_good
    zstd -qc --no-check <good.st >foreign.zst
    sp-diff good.st foreign.zst -o zero
    [ "$(st_values zero | sort -u)" = 0 ]
    sp-mask top -r .1 --by global --no-pg foreign.zst -o a
    sp-mask top -r .1 --by global --no-pg good.st -o b
    cmp a b
}

@test "the same bytes for any number of threads, raw or compressed" {
    words 7 150000 | st_file '{"w":{"dtype":"F32","shape":[300,500],"data_offsets":[0,600000]}}' >a
    words 9 150000 | st_file '{"w":{"dtype":"F32","shape":[300,500],"data_offsets":[0,600000]}}' >b
    sp-mask random -p .4 a -o m
    for cmd in "sp-diff a b" "sp-diff a b --dtype BF16" "sp-diff --stats a b" "sp-mask random -p .3 --seed 5 a" "sp-mask shuffle a" "sp-mask top -r .1 a" \
        "sp-mask top -r .1 --by row a" "sp-mask top -r .1 --by global a" "sp-mask apply a m --keep .4" "sp-mask stats a b" "sp-mask minus m m" \
        "sp-merge a --add b --mask m" "sp-merge a --add b --add a --method ties" "sp-merge a --add b --method dare"; do
        $cmd --no-pg -z1 -t1 -o one
        $cmd --no-pg -z1 -t3 -o many
        $cmd --no-pg -z0 -t2 -o raw
        cmp one many || { echo "$cmd"; false; }
        zstd -dcfq one | cmp - raw || { echo "$cmd"; false; }
    done
}

# long NAME SEED: a raw stream of 3 million numbers, many pieces and frames, from byte 88
long() {
    words "$2" 150000 >part
    for _ in $(seq 20); do cat part; done |
        st_file "$(printf %-80s '{"w":{"dtype":"F32","shape":[3000,1000],"data_offsets":[0,12000000]}}')" >"$1"
    rm part
}

@test "many pieces: in order, whatever the threads, from files, frames and pipes" {
    long a 7
    long b 9
    for x in a b; do sp-merge --no-pg -z1 $x -o $x.zst; done
    sp-mask random -p .4 a -o m.zst
    sp-mask and -z0 --no-pg m.zst m.zst -o m
    for cmd in "sp-diff A b" "sp-diff b A --dtype BF16" "sp-mask random -p .3 A" "sp-mask shuffle A" "sp-mask top -r .1 A" "sp-mask apply A m" "sp-merge A --add b --mask m" \
        "sp-merge b --add A --method dare"; do
        ${cmd/A/a} --no-pg -z0 -t1 -o want
        for t in 1 2 5; do
            ${cmd/A/a.zst} --no-pg -z0 -t$t -o got
            cmp want got || { echo "$cmd, $t threads, frames"; false; }
            cat a.zst | ${cmd/A/-} --no-pg -z1 -t$t -o got
            zstd -dcq <got | cmp want - || { echo "$cmd, $t threads, a pipe"; false; }
        done
    done
    for op in minus and or; do
        sp-mask $op m m.zst --no-pg -z0 -t1 -o want
        cat m | sp-mask $op --no-pg -z0 -t5 m.zst - | cmp want -
    done
}

@test "many pieces: of several errors the first one tells, in the middle of a stream, and nothing is left" {
    long a 7
    long b 9
    f32 nan | dd of=a bs=4 seek=2500000 conv=notrunc status=none
    f32 inf | dd of=b bs=4 seek=1000000 conv=notrunc status=none
    for t in 1 2 5; do
        for z in 0 1; do
            fails 1 'sp-diff: b: tensor "w": holds NaN or Inf*' sp-diff -t$t -z$z a b -o out
            sp-merge -t$t -z$z b --allow-nonfinite --add a -o c
            rm c
            fails 1 'sp-diff: standard input: tensor "w": holds NaN or Inf*' bash -c "cat a | sp-diff -t$t -z$z - a -o out"
            fails 1 'sp-mask: a: tensor "w": holds NaN or Inf*' sp-mask top -r .1 -t$t -z$z a -o out
            fails 1 'sp-diff: standard input: truncated*' bash -c "head -c 9000000 b | sp-diff -t$t -z$z --allow-nonfinite a - -o out"
        done
    done
    only_files a b
}

@test "provenance: who made it from what, on top of the inputs' own; --no-pg leaves it out" {
    st_one w 1 2 3 >a
    sp-diff a a -o d
    sp-mask random -p 1 d -o m
    sp-merge a --add d --mask m -o out
    st_json out >h
    [ "$(jq -r '.__metadata__|keys|join(" ")' h)" = "sp.pg.1 sp.pg.2 sp.pg.3" ]
    [ "$(jq -r '.__metadata__["sp.pg.1"]|fromjson|.command' h)" = "sp-diff a a -o d" ]
    [ "$(jq -r '.__metadata__["sp.pg.3"]|fromjson|.tool' h)" = sp-merge ]
    [ "$(jq -r '.__metadata__["sp.pg.3"]|fromjson|[.inputs[].name]|join(" ")' h)" = "a d m" ]
    [ "$(jq -r '.__metadata__["sp.pg.3"]|fromjson|.inputs[0].digest|length' h)" = 16 ]
    sp-merge a --add d --mask m --no-pg -o out
    [ "$(st_json out | jq -c keys)" = '["w"]' ]
}
