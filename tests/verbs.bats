# verbs.bats - each verb of sp-diff, sp-mask and sp-merge once, on numbers worked out by hand: is every option
# connected to what it names? The verbs' own properties are tested in patches.bats, merge.bats, streams.bats.
load helper

inputs() {
    st_one w 1 -2 3 0 8 >a
    st_one w 3 1 -3 4 0.5 >b
    printf '\1\0\1\0\1' | st_file '{"w":{"dtype":"BOOL","shape":[5],"data_offsets":[0,5]}}' >m
    printf '\1\1\0\0\1' | st_file '{"w":{"dtype":"BOOL","shape":[5],"data_offsets":[0,5]}}' >n
}

# numbers: those of a raw stream of one vector of five F32, on standard input
numbers() { tail -c 20 | od -An -v -tf4 -w20 | awk '{ $1 = $1 } 1'; }
bits() { tail -c 5 | od -An -v -tu1 -w5 | awk '{ $1 = $1 } 1'; }

@test "sp-diff: the difference, its figures, --dtype, --allow-nonfinite" {
    inputs
    [ "$(sp-diff --no-pg -z0 a b | numbers)" = "-2 -3 6 -4 7.5" ]
    sp-diff -z0 --no-pg --dtype F64 a b | head -c 60 | grep -q F64
    [ "$(sp-diff --stats a b | jq -c '.total | [.numel, .nonzero, .max_abs, .l2_diff * 100 | floor]')" = "[5,5,7,1101]" ]
    st_one w 1 2 nan 4 5 >c
    fails 1 'sp-diff: c: tensor "w": holds NaN or Inf*' sp-diff c b
    fails 1 'sp-diff: c: tensor "w": holds NaN or Inf*' sp-diff b c
    [ "$(sp-diff --allow-nonfinite --stats b c | jq .total.max_abs)" = 4.5 ]
    [ "$(sp-diff --allow-nonfinite --stats b c | jq .total.l2_diff)" = null ]
    fails 1 'sp-diff: m: tensor "w": dtype BOOL, expected floating point' sp-diff a m
}

@test "sp-mask: top, random, shuffle, minus, and, or, apply, stats" {
    inputs
    [ "$(sp-mask top --no-pg -z0 -r .4 b | bits)" = "1 0 0 1 0" ]
    f32 9 8 1 2 3 4 | st_file '{"x":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24]}}' >rows
    [ "$(sp-mask top --no-pg -z0 -r .5 --by row rows | tail -c 6 | od -An -tu1 | xargs)" = "1 0 0 1 0 1" ]
    [ "$(sp-mask top --no-pg -z0 -r .5 --by global rows | tail -c 6 | od -An -tu1 | xargs)" = "1 1 0 0 0 1" ]
    [ "$(sp-mask random --no-pg -z0 -p 1 a | bits)" = "1 1 1 1 1" ]
    run ! cmp <(sp-mask random --no-pg -p .5 rows) <(sp-mask random --no-pg -p .5 --key k --seed 9 rows)
    for o in "" "--seed 9" "--key k"; do
        sp-mask shuffle --no-pg -z0 $o a | numbers >shuffled
        [ "$(cut -d' ' -f4 shuffled)" = 0 ]
        [ "$(xargs -n1 <shuffled | sort -n | xargs)" = "-2 0 1 3 8" ]
        cat shuffled >>orders
    done
    [ "$(sort -u orders | wc -l)" -ge 2 ] # of 24
    [ "$(sp-mask minus --no-pg -z0 m n | bits)" = "0 0 1 0 0" ]
    [ "$(sp-mask and --no-pg -z0 m n | bits)" = "1 0 0 0 1" ]
    [ "$(sp-mask or --no-pg -z0 m n | bits)" = "1 1 1 0 1" ]
    [ "$(sp-mask apply --no-pg -z0 -p .5 a m | numbers)" = "2 0 6 0 16" ]
    [ "$(sp-mask stats m n | jq -c '.total | [.numel, .a, .b, .both, has("cosine")]')" = "[5,3,3,2,false]" ]
    [ "$(sp-mask stats a b | jq -c '.total | [.a, .b, .both, .cosine * 1000 | floor]')" = "[4,5,4,-77]" ]
    [ "$(sp-mask stats m | jq -c '.tensors.w | [.a, has("b")]')" = "[3,false]" ]
    fails 1 'sp-mask: a: tensor "w": dtype F32, expected BOOL' sp-mask minus m a
    fails 1 'sp-mask: a: tensor "w": dtype F32, expected BOOL' sp-mask apply b a
    fails 1 'sp-mask: a: tensor "w": dtype F32, expected BOOL' sp-mask stats m a
}

@test "sp-merge: patches, masks, scales, the method's options, --dtype" {
    inputs
    [ "$(sp-merge --no-pg -z0 a --add b --mask m --scale 2 | numbers)" = "7 -2 -3 0 9" ]
    [ "$(sp-merge --no-pg -z0 a --add b --add b --scale -1 --mask n | numbers)" = "1 -2 0 4 8" ]
    [ "$(sp-merge --no-pg -z0 a --add b --lambda .5 | numbers)" = "2.5 -1.5 1.5 2 8.25" ]
    [ "$(sp-merge --no-pg -z0 a --method ties --density .4 --add b | numbers)" = "4 -2 3 4 8" ]
    [ "$(sp-merge --no-pg -z0 a --method slerp --t 1 --add b --add a | numbers)" = "2 -4 6 0 16" ]
    sp-merge -z0 --no-pg --dtype BF16 a | head -c 60 | grep -q BF16
    run ! cmp <(sp-merge --no-pg a --drop .5 --seed 1 --add b) <(sp-merge --no-pg a --drop .5 --seed 2 --add b)
    fails 2 "sp-merge: --method slerp takes two patches, not 1" sp-merge a --method slerp --add b
}
