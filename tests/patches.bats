# patches.bats - sp-diff, sp-mask and sp-merge: what each option means, and the identities of the method byte for byte.
load helper


# floats SEED N [SCALE]: N reproducible F32 numbers in (-SCALE, SCALE), as bytes
floats() {
    f32 $(awk -v seed="$1" -v n="$2" -v scale="${3:-1}" 'BEGIN { srand(seed); for (i = 0; i < n; i++) printf "%.9g\n", (2 * rand() - 1) * scale }')
}

HEADER='{"a":{"dtype":"F32","shape":[20,15],"data_offsets":[0,1200]},"b":{"dtype":"F32","shape":[40],"data_offsets":[1200,1360]}}'
stream() { floats "$@" | st_file "$HEADER"; }
raw="--no-pg -z0"
values() { cat >"$BATS_TEST_TMPDIR/values"; st_values "$BATS_TEST_TMPDIR/values"; } # of a stream on standard input

# base.st and two tuned models se.st, osm.st that patches can reach, with their patches P_SE, P_OSM and scores S_SE, S_OSM
make_world() {
    stream 1 340 >base.st
    for k in SE OSM; do
        stream $((${#k} + 1)) 340 .01 >delta.st
        sp-merge base.st --add delta.st $raw -o theta_$k
        sp-diff theta_$k base.st -o P_$k
        # shellcheck disable=SC2046
        f32 $(floats $((${#k} + 10)) 340 | od -An -v -w4 -tf4 | awk '{ print $1 < 0 ? -$1 : $1 }') | st_file "$HEADER" >S_$k
    done
    sp-merge base.st $raw -o theta_0
}

# patching A B ALPHA BETA: the method with top rates A, B and scales ALPHA, BETA into "theta"; further words go to sp-merge
patching() {
    sp-mask top --rate "$1" S_SE -o T_SE
    sp-mask top --rate "$2" S_OSM -o T_OSM
    sp-mask minus T_SE T_OSM -o D_SE
    sp-mask minus T_OSM T_SE -o D_OSM
    sp-merge base.st --add P_SE --mask D_SE --scale "$3" --add P_OSM --mask D_OSM --scale "$4" $raw "${@:5}" -o theta
}

total() { sp-mask stats "$@" | jq ".total$field"; }

# ---- the identities --------------------------------------------------------------------------------------------------

@test "a = b = 1: nothing is left, the output is the base" {
    make_world
    cmp theta_0 base.st 2>/dev/null || [ "$(st_values theta_0)" = "$(st_values base.st)" ]
    patching 1 1 1 1
    cmp theta theta_0
    field=.a
    [ "$(total D_SE)" = 0 ] && [ "$(total D_OSM)" = 0 ] && [ "$(total T_SE)" = 340 ]
}

@test "a = 1, b = 0, alpha = 1: the tuned model of the safety patch; and the mirror" {
    make_world
    patching 1 0 1 1
    cmp theta theta_SE
    patching 0 1 1 1
    cmp theta theta_OSM
    ! cmp -s theta_SE theta_OSM
}

@test "b = 0: the difference set is the whole top region" {
    make_world
    patching .1 0 1 1
    field=.both_of_a
    [ "$(total T_SE D_SE)" = 1 ]
    sp-merge base.st --add P_SE --mask T_SE $raw -o want
    cmp theta want
    ! cmp -s theta theta_0
}

@test "difference sets are disjoint, so the order of addition changes nothing" {
    make_world
    patching .3 .4 .7 -1.3
    field=.both
    [ "$(total D_SE D_OSM)" = 0 ]
    sp-merge base.st --add P_OSM --mask D_OSM --scale -1.3 --add P_SE --mask D_SE --scale .7 $raw -o swapped
    cmp theta swapped
    # and each alone, one after the other
    sp-merge base.st -a P_SE -m D_SE -s .7 $raw -o half
    sp-merge half -a P_OSM -m D_OSM -s -1.3 $raw -o both
    cmp theta both
}

@test "|D_SE| + |T_SE and T_OSM| = floor(a * numel) for each matrix" {
    make_world
    for a in .03 .1 .29 .5; do
        patching $a .2 1 1
        sp-mask and T_SE T_OSM -o both
        for t in a:300 b:40; do
            d=$(sp-mask stats D_SE | jq ".tensors.${t%:*}.a") o=$(sp-mask stats both | jq ".tensors.${t%:*}.a")
            [ $((d + o)) = "$(jq -n "($a * ${t#*:} + 1e-9) | floor")" ]
        done
    done
}

@test "opposite patches cancel to the bit, and scale 0 and an empty mask change nothing" {
    make_world
    sp-merge base.st --add P_SE --add P_SE --scale -1 $raw -o theta
    cmp theta theta_0
    sp-merge base.st --add P_SE --scale 0 $raw -o theta
    cmp theta theta_0
    sp-mask random -p 0 base.st -o none
    sp-merge base.st --add P_SE --mask none $raw -o theta
    cmp theta theta_0
}

@test "retention: what the mask drops never enters the top, which shrinks where too little is left" {
    make_world
    sp-mask random -p .3 --seed 1 --key se P_SE -o keep
    sp-mask apply S_SE keep -o score
    sp-mask top --rate .1 score -o T
    field=.both
    [ "$(total T keep)" = 34 ]
    sp-mask top --rate .5 score -o T
    field=.a
    left=$(total keep)
    [ "$left" -lt 150 ] && [ "$(total T)" = "$left" ]
    field=.both
    [ "$(total T keep)" = "$left" ]
}

@test "whole bits of a bf16 checkpoint stay, element by element where the mask is clear" {
    need_golden llama2
    base=$GOLDEN/llama2/model.safetensors
    sp-merge $GOLDEN/llama2 $raw -o copy
    cmp copy "$base"
    st_json copy | jq '{"lm_head.weight"}' >h # patch one tensor only, on half of its elements
    n=$(jq '."lm_head.weight".shape | .[0] * .[1]' h)
    floats 3 "$n" .1 | st_file "{\"lm_head.weight\":{\"dtype\":\"F32\",\"shape\":$(jq -c '."lm_head.weight".shape' h),\"data_offsets\":[0,$((4 * n))]}}" >patch
    sp-mask random -p .5 patch -o m
    sp-merge $GOLDEN/llama2 --add patch --mask m $raw -o out
    cmp <(tail -c +$((9 + $(st_json "$base" | wc -c) + 2 * n)) "$base") <(tail -c +$((9 + $(st_json out | wc -c) + 2 * n)) out) # all others
    sp-diff out "$base" -o moved
    sp-mask top --rate 1 moved -o up && sp-mask stats up m | jq -e '.tensors."lm_head.weight".both_of_a == 1' # only where the mask is set
    sp-mask stats moved | jq -e '.tensors."lm_head.weight".a > 2000 and .total.a == .tensors."lm_head.weight".a'
}

@test "weights trained by sp-grad come back to the bit through their patch; the first SGD steps up and down cancel" {
    for g in llama2 stories260K; do
        need_golden $g
        data=$GOLDEN/llama2/tokens.jsonl
        for dir in "" --ascend; do
            sp-grad tune $dir --steps 5 --lr 3e-2 --no-pg -z0 $GOLDEN/$g $data -o tuned
            run --separate-stderr sp-diff -v tuned $GOLDEN/$g -o patch
            [[ $stderr != *"does not give"* ]]
            sp-merge $GOLDEN/$g --add patch --dtype F32 $raw -o back
            cmp back tuned
        done
        for dir in "" --ascend; do
            sp-grad tune $dir --optimizer sgd --steps 1 --lr 1e-3 --no-pg $GOLDEN/$g $data | sp-diff - $GOLDEN/$g -o patch$dir
        done
        sp-mask stats patch patch--ascend | jq -e '.total.cosine < -0.999'
    done
}

# ---- sp-diff ---------------------------------------------------------------------------------------------------------

@test "sp-diff: values, dtypes, order of the first" {
    st_one w 1.5 -2 0.25 >t
    st_one w 1 2 0.25 >b
    [ "$(sp-diff t b | values | xargs)" = "0.5 -4 0" ]
    for d in F64 BF16 f16; do
        sp-diff t b --dtype $d -o out
        [ "$(st_json out | jq -r .w.dtype)" = "${d^^}" ]
        [ "$(sp-merge b --add out | values | xargs)" = "1.5 -2 0.25" ]
    done
    fails 2 "sp-diff: option --dtype: 'I32' is none of F64, F32, BF16, F16*" sp-diff t b --dtype I32
}

@test "sp-diff: F32 misses what needs more than 24 bits, says so at -v, F64 does not" {
    st_one w 0.3 1e-9 >t
    st_one w 0.1 1 >b
    run --separate-stderr sp-diff -v t b -o p
    [[ $stderr == *"for 1 elements BASE + patch does not give TUNED back"*"--dtype F64"* ]]
    sp-merge b --add p $raw -o out
    [ "$(st_values out | head -1)" = "$(st_values t | head -1)" ]
    [ "$(st_values out | tail -1)" != "$(st_values t | tail -1)" ]
    run --separate-stderr sp-diff -v t b --dtype F64 -o p
    [[ $stderr != *"does not give"* ]]
    sp-merge b --add p $raw -o out
    [ "$(st_values out)" = "$(st_values t)" ]
}

@test "sp-diff --stats" {
    st_one w 4 2 0 5 >t
    st_one w 1 2 4 5 >b
    sp-diff --stats t b -o s.json
    jq -e '.tensors.w == .total and .total.numel == 4 and .total.nonzero == 2 and .total.l2_diff == 5 and .total.max_abs == 4 and .total.p50 == 3
        and .total.p99 == 4' s.json
    jq -e '(.total.l2_base * .total.l2_base - 46 | fabs) < 1e-9 and (.total.rel_l2 - .total.l2_diff / .total.l2_base | fabs) < 1e-12' s.json
    only_files t b s.json
}

# ---- sp-mask ---------------------------------------------------------------------------------------------------------

# bits FILE: its BOOL data as a string of 0 and 1
bits() { zstd -dcfq -- "$1" | tail -c "$2" | od -An -v -tu1 | tr -d ' \n'; }

@test "sp-mask top: largest first, ties to the lowest index, zeros and negatives never" {
    st_one w 3 1 3 0 -9 3 2 0 >s
    for r in 0:00000000 .124:00000000 .125:10000000 .25:10100000 .375:10100100 .5:10100110 .625:11100110 .75:11100110 1:11100110; do
        sp-mask top -r ${r%:*} s -o m
        [ "$(bits m 8)" = ${r#*:} ]
    done
    fails 2 "sp-mask: top needs --rate*" sp-mask top s
    fails 2 "sp-mask: option --rate: 1.5 is outside 0..1*" sp-mask top -r 1.5 s
}

@test "sp-mask top --by matrix, row, global" {
    f32 1 9 2 8 3 7 4 6 5 5 4 6 20 1 | st_file '{"a":{"dtype":"F32","shape":[3,4],"data_offsets":[0,48]},"b":{"dtype":"F32","shape":[2],"data_offsets":[48,56]}}' >s
    sp-mask top -r .25 --by matrix s -o m
    [ "$(bits m 14)" = 01010100000000 ]
    sp-mask top -r .5 --by row s -o m
    [ "$(bits m 14)" = 01010101100110 ]
    sp-mask top -r .25 --by global s -o m # floor(3.5) = 3 of 14
    [ "$(bits m 14)" = 01010000000010 ]
}

@test "sp-mask random: rate, seeds, keys, names" {
    head -c 80000 /dev/zero | st_file '{"a":{"dtype":"F32","shape":[10000],"data_offsets":[0,40000]},"b":{"dtype":"F32","shape":[10000],"data_offsets":[40000,80000]}}' >like
    sp-mask random -p .3 like --no-pg -o m
    sp-mask stats m | jq -e '.tensors.a.density_a > .28 and .tensors.a.density_a < .32 and .tensors.b.density_a > .28 and .tensors.b.density_a < .32'
    [ "$(bits m 20000 | head -c 10000)" != "$(bits m 10000)" ]
    sp-mask random --keep .3 like --no-pg -o again
    cmp m again
    for other in "--seed 1" "--key osm"; do # independent: they meet as often as chance has it
        sp-mask random -p .3 $other like -o n
        sp-mask stats m n | jq -e '.total.both / .total.numel > .08 and .total.both / .total.numel < .1'
    done
    sp-mask random -p 1 like -o all
    sp-mask stats all | jq -e '.total.density_a == 1'
    fails 2 "sp-mask: random needs -p*" sp-mask random like
    # one tensor alone gets the bits it had among others
    head -c 40000 /dev/zero | st_file '{"b":{"dtype":"F32","shape":[10000],"data_offsets":[0,40000]}}' >alone
    sp-mask random -p .3 alone -o n
    [ "$(bits n 10000)" = "$(bits m 10000)" ]
}

# scored: a stream of 8000 and 4000 numbers, half of them zero and a quarter negative
scored() {
    floats 5 12000 | st_file '{"a":{"dtype":"F32","shape":[80,100],"data_offsets":[0,32000]},"b":{"dtype":"F32","shape":[4000],"data_offsets":[32000,48000]}}' >all
    sp-mask random -p .5 all | sp-mask apply all - -o scores
}

@test "sp-mask shuffle: top takes as many of each tensor, but by chance" {
    scored
    sp-mask shuffle --seed 1 scores -o shuffled
    sp-mask top -r .1 scores -o m
    sp-mask top -r .1 shuffled -o n
    # one in five of the entries that are not zero, within 5 standard deviations
    sp-mask stats m n | jq -e '.tensors | .a.a == 800 and .b.a == 400 and all(.a == .b and .both_of_a > .11 and .both_of_a < .29)
        and (.a.both_of_a - .2 | fabs) < .0625'
    # zeros stay, numbers keep their sizes
    sp-mask stats scores shuffled | jq -e '.tensors | all(.a == .both and .b == .both and .a < .53 * .numel
        and (.l2_a / .l2_b - 1 | fabs) < 1e-9 and (.cosine | fabs) < .1)'
    diff <(st_values scores | head -n 8000 | sort) <(st_values shuffled | head -n 8000 | sort)
    diff <(st_values scores | tail -n 4000 | sort) <(st_values shuffled | tail -n 4000 | sort)
}

@test "sp-mask shuffle: seeds, keys, names; dtypes are kept; what is no score" {
    scored
    sp-mask shuffle scores --no-pg -o s
    sp-mask shuffle - --seed 0 --no-pg <scores | cmp - s
    for other in "--seed 1" "--key osm"; do
        sp-mask shuffle $other scores -o n
        sp-mask stats s n | jq -e '.tensors | all((.cosine | fabs) < .1)'
    done
    st_values s | tail -n 4000 >b
    # one tensor alone gets the order it had among others
    zstd -dcfq scores | tail -c 16000 | st_file '{"b":{"dtype":"F32","shape":[4000],"data_offsets":[0,16000]}}' >alone
    diff <(sp-mask shuffle alone | values) b
    for dtype in BF16 F16; do
        sp-merge scores --dtype $dtype -o half
        sp-mask shuffle half -o n
        [ "$(st_json n | jq -r .b.dtype)" = $dtype ]
        sp-merge s --dtype $dtype $raw | cmp - <(sp-merge n $raw) # rounding makes no zeros here
    done
    sp-mask random -p .3 scores --no-pg -z0 -o m
    sp-mask shuffle m --no-pg -z0 | cmp - m # ones among the places of ones
    head -c 16 /dev/zero | st_file '{"i":{"dtype":"I32","shape":[4],"data_offsets":[0,16]}}' >ints
    fails 1 'sp-mask: ints: tensor "i": dtype I32, expected floating point' sp-mask shuffle ints
    fails 1 'sp-mask: ints: tensor "i": dtype I32, expected floating point' sp-mask top -r .1 ints
}

@test "sp-mask shuffle: entries go from one end of a large tensor to the other" {
    { f32 1 2 3 4; head -c 19999968 /dev/zero; f32 5 6 7 8; } | st_file '{"w":{"dtype":"F32","shape":[5000000],"data_offsets":[0,20000000]}}' >s
    sp-mask shuffle $raw s -o n
    ends() { { tail -c 20000000 "$1" | head -c 16; tail -c 16 "$1"; } | od -An -v -w4 -tf4 | xargs -n1; }
    [ "$(ends n | sort | xargs)" = "1 2 3 4 5 6 7 8" ]
    [ "$(ends n | tail -n 4 | sort | xargs)" != "5 6 7 8" ]
}

@test "sp-mask minus, and, or, apply" {
    mask() { printf "$1" | st_file '{"w":{"dtype":"BOOL","shape":[4],"data_offsets":[0,4]}}'; }
    mask '\0\0\1\1' >a
    mask '\0\1\0\3' >b # any byte but 0 is set
    sp-mask minus a b -o m && [ "$(bits m 4)" = 0010 ]
    sp-mask minus b a -o m && [ "$(bits m 4)" = 0100 ]
    sp-mask and a b -o m && [ "$(bits m 4)" = 0001 ]
    sp-mask or a b -o m && [ "$(bits m 4)" = 0111 ]
    st_one w 1 2 3 4 >p
    [ "$(sp-mask apply p a | values | xargs)" = "0 0 3 4" ]
    [ "$(sp-mask apply p a --keep .5 | values | xargs)" = "0 0 6 8" ]
    sp-merge p --dtype BF16 -o half
    sp-mask apply half b -p .25 -o out
    [ "$(st_json out | jq -r .w.dtype)" = BF16 ]
    [ "$(sp-merge out --dtype F32 | values | xargs)" = "0 8 0 16" ]
    fails 2 "sp-mask: option --keep: 0 is not a rate*" sp-mask apply p a --keep 0
    sp-merge p --dtype F16 -o half
    fails 1 'sp-mask: half: tensor "w": holds NaN or Inf*' sp-mask apply half b --keep .00001
}

@test "sp-mask stats: masks and patches" {
    printf '\1\1\1\0\0\0\0\0' | st_file '{"w":{"dtype":"BOOL","shape":[8],"data_offsets":[0,8]}}' >a
    printf '\1\0\0\1\0\0\0\0' | st_file '{"w":{"dtype":"BOOL","shape":[8],"data_offsets":[0,8]}}' >b
    sp-mask stats a | jq -e '.total == {numel:8, a:3, density_a:.375}'
    sp-mask stats a b | jq -e '.total == .tensors.w and .total.both == 1 and .total.both_of_b == .5 and .total.chance_of_a == .25
        and (.total.both_of_a * 3 - 1 | fabs) < 1e-12'
    st_one w 3 4 0 >p
    st_one w -3 -4 0 >q
    sp-mask stats p q | jq -e '.total.l2_a == 5 and .total.cosine == -1 and .total.a == 2'
    sp-mask random -p 0 a -o none
    sp-mask stats none b | jq -e '.total.both_of_a == null and .total.both_of_b == 0'
}

# ---- sp-merge --------------------------------------------------------------------------------------------------------

@test "sp-merge: scales, masks, methods" {
    st_one w 10 10 10 10 10 >base
    st_one w 1 -2 3 0 8 >a
    st_one w 3 1 -3 4 0.5 >b
    merged() { sp-merge base --add a --add b "$@" | values | xargs; }
    [ "$(merged)" = "14 9 10 14 18.5" ]
    [ "$(merged --scale 2)" = "17 10 7 18 19" ]
    [ "$(merged --method sum)" = "14 9 10 14 18.5" ]
    [ "$(merged --method average)" = "12 9.5 10 12 14.25" ]
    [ "$(merged --method ties --density 1)" = "12 8 13 14 14.25" ]
    [ "$(merged --method ties --density .4)" = "13 10 13 14 18" ]
    [ "$(merged --method dare --drop 0)" = "14 9 10 14 18.5" ]
    sp-merge base --add a --scale 2 --add b --scale -1 -o out
    [ "$(st_values out | xargs)" = "9 5 19 6 25.5" ]
    # dare: survivors are scaled by 1 / (1 - drop), --seed picks others
    for v in $(sp-merge base --add a --method dare --drop .75 | values); do [[ " 10 14 2 22 42 " == *" $v "* ]]; done
    floats 1 2000 >x
    st_file '{"w":{"dtype":"F32","shape":[2000],"data_offsets":[0,8000]}}' <x >big
    [ "$(sp-merge big --add big --method dare | values | cksum)" != "$(sp-merge big --add big --method dare --seed 1 | values | cksum)" ]
    fails 2 "sp-merge: option --mask: it must follow the --add it belongs to*" sp-merge base --mask a --add a
    fails 2 "sp-merge: option --scale: *must follow*" sp-merge base --scale 2
    fails 2 "sp-merge: option --scale: 'nan' is not a number*" sp-merge base --add a --scale nan
    fails 2 "sp-merge: option --mask: --add a has one already*" sp-merge base --add a --mask a --mask b
    fails 2 "sp-merge: option --drop: 1 is outside*" sp-merge base --drop 1
}

@test "sp-merge: many patches, also from pipes; tensors a patch lacks" {
    make_world
    sp-merge base.st --add <(cat P_SE) --mask <(sp-mask random -p .5 base.st) --add - $raw -o x <P_OSM
    sp-merge base.st --add P_SE --mask <(sp-mask random -p .5 base.st) --add P_OSM $raw -o y
    cmp x y
    floats 5 40 | st_file '{"b":{"dtype":"F32","shape":[40],"data_offsets":[0,160]}}' >only-b
    sp-merge base.st --add only-b $raw -o x
    [ "$(st_values x | head -300 | cksum)" = "$(st_values base.st | head -300 | cksum)" ]
    sp-diff x base.st | values | awk 'NR <= 300 && $1 != 0 { exit 1 } NR > 300 && $1 != 0 { n++ } END { exit n < 39 }'
    args=()
    for _ in $(seq 33); do args+=(--add P_SE); done
    sp-merge base.st "${args[@]:2}" -o x
    fails 2 "sp-merge: option --add: more than 32 patches*" sp-merge base.st "${args[@]}"
}

@test "sp-merge -o DIR/: a checkpoint like the base, one file or shards, all or nothing" {
    for g in llama2 mistral; do
        need_golden $g
        sp-merge $GOLDEN/$g --no-pg -o $g/
        for f in "$GOLDEN"/$g/model*.safetensors; do cmp "$f" $g/"${f##*/}"; done
        cmp $GOLDEN/$g/config.json $g/config.json
        [ ! -e $g/expected.safetensors ]
        sp-diff --stats $g $GOLDEN/$g | jq -e '.total.nonzero == 0'
    done
    diff <(jq -S . mistral/model.safetensors.index.json) <(jq -S . $GOLDEN/mistral/model.safetensors.index.json)
    sp-merge $GOLDEN/mistral --dtype F32 -o wide
    [ -f wide ] # without the slash: a stream
    sp-merge $GOLDEN/mistral --dtype F32 -o wide.d/
    jq -e '.torch_dtype == "float32" and .sliding_window == 7' wide.d/config.json
    jq -e '.metadata.total_size == 415200' wide.d/model.safetensors.index.json
    sp-diff --stats wide.d wide | jq -e '.total.nonzero == 0'
    fails 1 "sp-merge: llama2: exists and is not empty" sp-merge $GOLDEN/mistral -o llama2/
    fails 1 "sp-merge: llama2: exists and is not empty" sp-merge $GOLDEN/mistral -o llama2
    fails 2 "sp-merge: -o new/: a directory needs BASE to be one*" sp-merge wide -o new/
    st_one w nan >bad
    fails 1 'sp-merge: *: tensor "w": missing' sp-merge $GOLDEN/mistral --add bad -o new/
    mkdir empty
    sp-merge $GOLDEN/mistral -o empty/
    [ -f empty/config.json ]
    only_top=$(ls -A | sort | xargs)
    [ "$only_top" = "bad empty llama2 mistral wide wide.d" ]
}

@test "sp-merge -o DIR/: a patched model of every family loads again, in its dtype or another, with what lay beside it" {
    for g in llama2 llama3 llama31 mistral gemma; do
        need_golden $g
        cp -r "$GOLDEN/$g" base && chmod -R u+w base && rm base/expected*
        echo '{"eos_token_id":[1,2]}' >base/generation_config.json
        touch base/chat_template.jinja base/pytorch_model.bin
        sp-grad tune --steps 1 --lr 1e-2 base base/tokens.jsonl | sp-diff - base >p
        sp-merge base --add p >stream
        sp-merge base --add p -o out/
        diff <(cd base && ls | grep -v pytorch_model.bin) <(ls out)
        for f in base/*.json base/*.jinja; do [[ $f == *index.json ]] || cmp "$f" out/"${f##*/}"; done
        for f in base/*.safetensors; do diff <(st_json "$f" | jq -S 'del(.__metadata__)') <(st_json out/"${f##*/}" | jq -S 'del(.__metadata__)'); done
        [ "$(for f in out/*.safetensors; do st_json "$f" | jq -r .__metadata__.format; done | sort -u)" = pt ]
        sp-eval ppl out base/tokens.jsonl >a
        sp-eval ppl --weights stream base base/tokens.jsonl | diff a -
        sp-eval ppl base base/tokens.jsonl | (! diff -q a -)
        sp-merge base --add p --dtype F16 -o half/
        sp-eval ppl half base/tokens.jsonl | jq -e --slurpfile a a '.nll - $a[0].nll | fabs < 1e-2'
        jq -e '.torch_dtype == "float16"' half/config.json
        rm -r base out half
    done
}

@test "sp-merge -o DIR/ that fails or is killed leaves no directory" {
    need_golden llama2
    mkdir ck
    head -c 40000000 /dev/zero | st_file '{"a":{"dtype":"F32","shape":[5000000],"data_offsets":[0,20000000]},"b":{"dtype":"F32","shape":[5000000],"data_offsets":[20000000,40000000]}}' >ck/model.safetensors
    echo '{}' >ck/config.json
    f32 nan | st_file '{"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}' >nan
    mkfifo fifo
    sp-merge ck --add fifo -o out/ 2>err &
    pid=$!
    exec 9>fifo
    st_file '{"b":{"dtype":"F32","shape":[5000000],"data_offsets":[0,20000000]}}' </dev/null >&9
    for _ in $(seq 100); do
        ls -d out.tmp-* 2>/dev/null && break
        sleep .05
    done
    [ -d out.tmp-$pid ]
    kill $pid
    rc=0
    wait $pid || rc=$?
    exec 9>&-
    [ $rc = 143 ]
    [ ! -e out ] && [ ! -e out.tmp-$pid ]
    { st_file '{"b":{"dtype":"F32","shape":[5000000],"data_offsets":[0,20000000]}}' </dev/null; head -c 19999996 /dev/zero; f32 nan; } >late-nan
    fails 1 'sp-merge: late-nan: tensor "b": holds NaN or Inf*' sp-merge ck --add late-nan -o out/
    only_files ck ck/config.json ck/model.safetensors err fifo late-nan nan
}
