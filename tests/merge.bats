# sp-merge: every method and its options from the shell.
load helper

# Streams b (all 10), p and q, of one vector; scale of the numbers as in tests/unit/test_merge.c.
inputs() {
    st_one w 10 10 10 10 10 >b
    st_one w 1 -2 3 0 8 >p
    st_one w 3 1 -3 4 0.5 >q
}

# gives "X..." ARGUMENT...: what sp-merge makes of b, to five digits
gives() {
    local want=$1 got
    shift
    sp-merge --no-pg -z0 b "$@" >out
    got=$(tail -c $((4 * $(wc -w <<<"$want"))) out | od -An -v -w4 -tf4 | awk '{ printf "%s%.5g", sep, $1; sep = " " }')
    [ "$got" = "$want" ] || { echo "sp-merge b $*: $got, expected $want"; return 1; }
}

# two NAME X NAME Y...: a stream of two-element vectors:  two a 1 2 b 3 4
two() { f32 $2 $3 $5 $6 | st_file "{\"$1\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"$4\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}}"; }

# large N: `like`, a vector of N zeros, and patches p1, p2 of mostly distinct random magnitudes (a ramp
# with signs, thinned at random)
large() {
    LC_ALL=C awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) printf "%c%c%c%c", 1 + i % 127, 1 + int(i / 127) % 127, 1 + int(i / 16129) % 127, i % 3 ? 63 : 191 }' >ramp
    st_file "{\"w\":{\"dtype\":\"F32\",\"shape\":[$1],\"data_offsets\":[0,$((4 * $1))]}}" <ramp >r
    sp-merge --no-pg -z0 r --add r --scale -1 -o like
    for i in 1 2; do sp-merge --no-pg -z0 like --drop .4 --seed $i --add r --scale .$((2 * i)) -o p$i; done
}

@test "sum, average: --scale, negative too, and --lambda" {
    inputs
    gives "14 9 10 14 18.5" --add p --add q
    gives "12 9.5 10 12 14.25" --method average --add p --add q
    gives "15 14 1 18 3" --add p --scale -1 --add q --scale 2
    gives "9 12 7 10 2" --add p --scale -1
    gives "10.5 9 11.5 10 14" --add p --lambda .5
    gives "7 9 13 6 9.5" --lambda -1 --add q
}

@test "RESTA: a patch taken away is the opposite of a patch added, with --drop too" {
    inputs
    st_one w -1 2 -3 0 -8 >minus
    for drop in 0 .5; do
        sp-merge --no-pg --drop $drop --seed 3 b --add p --scale -0.5 -o x
        sp-merge --no-pg --drop $drop --seed 3 b --add minus --scale 0.5 -o y
        cmp x y
    done
}

@test "ties: --density, --trim tensor" {
    inputs
    gives "12 8 13 14 14.25" --method ties --density 1 --add p --add q
    gives "13 10 13 14 18" --method ties --density .4 --add p --add q
    gives "13 10 13 14 18" --method ties --density .4 --trim tensor --add p --add q
    gives "11.5 10 11.5 12 14" --method ties --density .4 --lambda .5 --add p --add q
}

@test "ties --trim global: one threshold for all tensors of a patch" {
    two x 0 0 y 0 0 >b
    two x 5 -6 y 1 2 >p
    gives "0 -6 0 2" --method ties --density .5 --add p
    gives "5 -6 0 0" --method ties --density .5 --trim global --add p
    gives "5 -6 0 2" --method ties --density .75 --trim global --add p
    gives "0 0 0 0" --method ties --density .2 --trim global --add p
    two y 1 2 x 5 -6 >r # the base's order holds, whatever the patch's
    gives "5 -6 0 0" --method ties --density .5 --trim global --add r
    two x 3 3 y 3 3 >p # ties: the first of the base
    gives "3 3 3 0" --method ties --density .75 --trim global --add p
    printf '\0\1\1\1' | st_file '{"x":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]},"y":{"dtype":"BOOL","shape":[2],"data_offsets":[2,4]}}' >m
    gives "0 3 3 0" --method ties --density .5 --trim global --add p --mask m
    for s in p m; do
        cp p P; cp m M
        in="--add P --mask M"
        [ $s = p ] && in="--add - --mask M" || in="--add P --mask -"
        run --separate-stderr bash -c "cat $s | sp-merge b $in --method ties --trim global"
        [ "$status" = 1 ] && [ -z "$output" ]
        [[ $stderr == *"--trim global reads a patch and its mask several times: a file is needed" ]]
    done
}

@test "dare: --drop for every method, half by --method dare; masks and seeds" {
    inputs
    gives "14 9 10 14 18.5" --method dare --drop 0 --add p --add q
    sp-merge --no-pg b --method dare --seed 2 --add p --add q -o x
    sp-merge --no-pg b --drop .5 --seed 2 --add p --add q -o y
    cmp x y
    large 1000
    for how in average "ties --density .6" "breadcrumbs --density .6" slerp stock; do
        sp-merge --no-pg like --method $how --drop .5 --seed 1 --add p1 --add p2 -o x
        sp-merge --no-pg like --method $how --drop .5 --seed 2 --add p1 --add p2 -o y
        run ! cmp -s x y
    done
}

@test "fisher: --fisher belongs to the --add before it, --scale weighs" {
    inputs
    st_one w 1 1 1 1 1 >one
    st_one w 3 3 3 3 3 >three
    gives "12.5 10.25 8.5 13 12.375" --method fisher --add p --fisher one --add q --fisher three
    gives "12.5 10.25 8.5 13 12.375" --method fisher --add p --fisher one --add q --fisher one --scale 3
    gives "11.5 8.75 11.5 11 16.125" --method fisher --add q --fisher one --add p --fisher three
    fails 2 "sp-merge: --add q: --method fisher needs a --fisher" sp-merge b --method fisher --add p --fisher one --add q
    fails 2 "sp-merge: --add p: only --method fisher takes a --fisher" sp-merge b --add p --fisher one
    fails 2 "sp-merge: --add p: --method fisher needs a --scale above 0" sp-merge b --method fisher --add p --fisher one --scale 0
    fails 2 "sp-merge: option --fisher: it must follow *" sp-merge b --fisher one --add p
    fails 2 "sp-merge: option --fisher: --add p has one already*" sp-merge b --add p --fisher one --fisher one
    fails 1 'sp-merge: q: tensor "w": holds NaN, Inf or a negative number: no Fisher information' sp-merge b --method fisher --add p --fisher q -o out2
    st_one v 1 >v
    fails 1 'sp-merge: v: tensor "w": missing' sp-merge b --method fisher --add p --fisher v -o out2
    sp-mask random -p .5 b -o bool
    fails 1 'sp-merge: bool: tensor "w": dtype BOOL, expected floating point' sp-merge b --method fisher --add p --fisher bool -o out2
    [ ! -e out2 ]
}

@test "fisher: from sp-grad grad --square to the merged model" {
    need_golden stories260K
    m=$GOLDEN/stories260K
    for i in 1 2; do
        echo "{\"input_ids\":[1,40$i,7,5],\"labels\":[1,40$i,7,5]}" >$i.jsonl
        sp-grad grad --square "$m" $i.jsonl -o f$i
        sp-grad tune --steps 1 "$m" $i.jsonl | sp-diff - "$m" >p$i
    done
    sp-merge -z0 "$m" --method fisher --add p1 --fisher f1 --add p2 --fisher f2 -o x
    sp-merge -z0 "$m" --method average --add p1 --add p2 -o y
    run ! cmp -s x y
    sp-merge -z0 --no-pg "$m" --method fisher --add p1 --fisher f1 --add p1 --fisher f2 | sp-diff --stats - <(sp-merge "$m" --add p1) |
        jq -e '[.tensors[].max_abs] | max < 1e-6'
}

@test "breadcrumbs: --density and --gamma" {
    inputs
    gives "13 8 10 10 10" --method breadcrumbs --density .4 --gamma .2 --add p --add q
    gives "13 10 13 14 18" --method breadcrumbs --density .4 --gamma 0 --add p --add q
    gives "13 10 13 14 18" --method breadcrumbs --density .4 --add p --add q # a hundredth of 5 is none
    gives "14 9 10 14 18.5" --method breadcrumbs --density 1 --gamma .9 --add p --add q
}

@test "slerp: --t on the arc between two models" {
    st_one w 1 0 >b
    st_one w 0 0 >p
    st_one w -1 1 >q
    gives "0.70711 0.70711" --method slerp --add p --add q
    gives "1 0" --method slerp --t 0 --add p --add q
    gives "0 1" --method slerp --t 1 --add p --add q
    # a patch without the tensor: the base
    two w 1 0 v 1 0 >b
    two v 0 0 w 0 0 >p
    gives "0 1 1 0" --method slerp --t 1 --add p --add q
    fails 2 "sp-merge: --method slerp takes two patches, not 1" sp-merge b --method slerp --add p
    fails 2 "sp-merge: --method slerp takes two patches, not 3" sp-merge b --method slerp --add p --add p --add p
}

@test "stock: as far as the patches agree" {
    st_one w 1 1 >b
    st_one w 3 4 >p
    st_one w 4 0 >q
    gives "3.625 2.5" --method stock --add p --add q
    fails 2 "sp-merge: --method stock takes two patches or more, not 1" sp-merge b --method stock --add p
}

@test "chunks: one large tensor, the whole patch" {
    large 4300000 # more than a chunk
    for density in .1 .5; do
        for trim in tensor global; do
            sp-merge --no-pg -z0 like --method ties --trim $trim --density $density --drop .3 --add p1 --add p2 -o $trim
        done
        cmp tensor global
    done
}

@test "the same bytes for any number of threads, any method" {
    large 100000
    sp-mask random -p .7 like -o m
    LC_ALL=C tr '\274-\277' '\074-\077' <p1 >f1 # without the signs
    LC_ALL=C tr '\274-\277' '\074-\077' <p2 >f2
    for how in sum average ties "ties --trim global" dare fisher breadcrumbs slerp stock; do
        f1= f2=
        [ "$how" != fisher ] || f1="--fisher f1" f2="--fisher f2"
        for t in 1 3; do
            sp-merge --no-pg -z0 -t$t p1 --method $how --drop .3 --add p1 $f1 --mask m --add p2 $f2 --scale .5 -o t$t
        done
        cmp t1 t3
        run ! cmp -s t1 p1
    done
}

@test "elements whose sum is zero keep the bits of the base, any dtype" {
    # -0, a subnormal, 1 + 2^-23, 3 in F32; patch -1, 1 where the mask is not
    printf '\0\0\0\200\1\0\0\0\1\0\200\77\0\0\100\100' | st_file '{"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}' >b
    st_one w 1 2 -1 0 >p
    printf '\0\0\0\0' | st_file '{"w":{"dtype":"BOOL","shape":[4],"data_offsets":[0,4]}}' >m
    st_one w 1 1 1 1 >f
    for how in sum average ties "ties --trim global" dare breadcrumbs slerp stock "fisher"; do
        f=
        [ "$how" != fisher ] || f="--fisher f"
        sp-merge --no-pg -z0 b --method $how --add p --mask m $f --add p --mask m $f -o out
        cmp <(tail -c 16 out) <(tail -c 16 b)
    done
}
