# The report: claims of the paper, claims.md and the page, from tests/data/report.json: a run of one backbone on 60 items a rate, cut short.
load helper

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    export REPORT=$BATS_TEST_DIRNAME/data/report.json
    for name in llama2 mistral; do # the second differs in one rate
        mkdir -p res/$name/1
        jq -L "$BATS_TEST_DIRNAME/../report" --arg run "results/$name" 'include "claims"; .run = $run
            | if $run == "results/mistral" then .rows |= map(if .row == "safepatching" then .mean.asr_unseen = 0.9 else . end) else . end
            | .claims = claims' "$REPORT" >res/$name/all.json
        for kind in safety oversafety; do printf '{"step":%d,"loss":%s}\n' 1 0.5 2 1.5 3 2 >res/$name/1/$kind.loss.jsonl; done
    done
    mkdir little
    jq -L "$BATS_TEST_DIRNAME/../report" 'include "claims"; del(.sweeps, .layers, .speed, .tables.baselines, .tables.merging, .tables.decoding, .tables.continual, .tables.sweep)
        | .rows |= map(select(.row | IN("original", "safepatching"))) | .run = "results/little" | .claims = claims' "$REPORT" >little/all.json
    "$BATS_TEST_DIRNAME/../report/page" "$BATS_TEST_DIRNAME/../report/paper.json" res/llama2/all.json little/all.json >report.html 2>report.err
    export PAGE=$PWD/report.html RES=$PWD/res LITTLE=$PWD/little
}

# Rates for a filter on the report: rate ROW METRIC VALUE...; with an interval of a point to either side.
rate() {
    while [ $# -gt 0 ]; do
        printf '.rows |= map(if .row == "%s" then .mean["%s"] = %s | .interval["%s"] = {lo: (%s - 0.01), hi: (%s + 0.01)} else . end) | ' "$1" "$2" "$3" "$2" "$3" "$3"
        shift 3
    done
    echo .
}
# decides N PASS FAIL: a case for decided: claim N holds after the filter PASS, and no longer after FAIL on top of it
decides() { printf '{claim: %s, held: [(%s | of(%s)), (%s | %s | of(%s))]},\n' "$1" "$2" "$1" "$2" "$3" "$1"; }
# decided CASES...: all of them in one go; prints those that are otherwise
decided() { jq -L "$ROOT/report" "include \"claims\"; def of(\$n): claims | map(select(.claim == \$n))[0].holds; [$* empty][] | select(.held != [true, false])" "$REPORT"; }

# Every tag closed, in order. svg and HTML alike; no void elements but meta and br.
balanced() {
    awk 'BEGIN { RS = "<" }
        NR == 1 { next }
        { tag = $0; sub(/[ \t\n>].*/, "", tag); inside = $0; sub(/>.*/, "", inside) }
        tag ~ /^!/ || tag == "meta" || tag == "br" || inside ~ /\/$/ { next }
        tag ~ /^\// { if ("/" open[depth--] != tag) { print "<" tag "> closes <" open[depth + 1] ">"; bad = 1; exit } next }
        { open[++depth] = tag }
        END { if (depth && !bad) print "left open: " open[depth]; exit bad || depth }' "$1"
}

@test "page: built without a word, every tag closed" {
    [ ! -s "${PAGE%/*}/report.err" ]
    balanced "$PAGE"
    printf '<p><b>x</p></b>' >wrong.html
    run balanced wrong.html
    [ "$status" = 1 ]
}

@test "page: one file, nothing loaded, nothing run" {
    run grep -noiE '<(script|link|iframe|img|object|embed)|@import|url\(|src=|[ "]on[a-z]+=|(src|href)="?http[^ >]*' "$PAGE"
    [ "$(grep -c arxiv.org <<<"$output")" = "${#lines[@]}" ]
    [ "${#lines[@]}" = 1 ]
}

@test "page: names are unique, links have their targets" {
    grep -oE ' id="?[A-Za-z0-9_-]+' "$PAGE" | sed 's/.*="*//' | sort >ids
    [ "$(wc -l <ids)" -gt 50 ]
    [ -z "$(uniq -d ids)" ]
    grep -oE 'href="#[A-Za-z0-9_-]+' "$PAGE" | sed 's/.*#//' | sort -u >targets
    [ -z "$(comm -13 <(sort -u ids) targets)" ]
}

@test "page: every table, every picture of each backbone; no cell is empty without a reason" {
    for caption in "The method" "Without each of its parts" "Training and decoding baselines" "Other ways to combine" "Decoding-time defences" \
        "Harmful requests in wrappers" "Harmful requests by category" "After each category" "Sweeps" "Where the important parameters" "Time and memory"; do
        grep -qF "<figcaption>$caption" "$PAGE" || { echo "no $caption"; false; }
    done
    [ "$(grep -c '<svg ' "$PAGE")" = 11 ] # ten, and one of the run with little in it
    run grep -nE '<td[^>]*>( *|null|NaN|–)</td>' "$PAGE"
    [ "$status" = 1 ]
    # a mark of an empty cell has its note
    [ "$(grep -c 'class=none' "$PAGE")" -gt 0 ]
    grep -q 'class=notes><sup>a</sup>&nbsp;the weights are the original' "$PAGE"
}

@test "page: the paper's two versions never share a table" {
    grep -o '<figcaption>[^<]*paper ([^<]*' "$PAGE" >captions
    [ "$(wc -l <captions)" -ge 8 ]
    run grep 'v1.*later\|later.*v1' captions
    [ "$status" = 1 ]
    jq -e '.v1.rows | map(has("asr") or has("refused")) | any | not' "$ROOT/report/paper.json"
    jq -e '.later.rows | map(has("advbench") or has("xstest")) | any | not' "$ROOT/report/paper.json"
}

@test "page: of a run with little in it, what is missing is said" {
    sed -n '/<section class=backbone id="little"/,$p' "$PAGE" >little.html
    grep -q 'this model was not run' little.html
    grep -q '<dt>little</dt><dd><span class=na>not testable</span>. what decides was not measured in this run' "$PAGE"
}

@test "claims.md: 24 claims on every backbone, no cell empty; claim 22 from all backbones" {
    "$ROOT/report/markdown" claims "$RES"/{llama2,mistral}/all.json >claims.md
    grep -E '^\| [0-9]+\. ' claims.md >rows
    [ "$(wc -l <rows)" = 24 ]
    run grep -vE '^\| [0-9]+\. [^|]+( \| (holds|does not hold|not testable here)(, within the noise)?){2} \|$' rows
    [ "$status" = 1 ]
    [ "$(grep -cE '^- \*\*(LLaMA-2|Mistral)\*\*, (holds|does not hold|not testable here): .{4,}\.$' claims.md)" = 48 ]
    grep -qF '| 22. Works across architectures | holds | does not hold |' claims.md
    "$ROOT/report/markdown" claims "$RES/llama2/all.json" | grep -qF '| 22. Works across architectures | not testable here |'
}

@test "claims: what decides each" {
    local asr=asr_unseen no=refused_lookalike said=answered_lookalike u=utility
    local original safepatching
    original=$(rate original $asr 0.2 original $no 0.08 original $said 0.92 original $u 0.99 original asr_jailbreak 0.3 original answered_benign 1 original ppl 2)
    safepatching="$original | $(rate safepatching $asr 0.05 safepatching $no 0.05 safepatching $said 0.95 safepatching $u 0.99 safepatching answered_benign 1 safepatching ppl 2)"
    local useless jailbroken
    useless=$(rate only_safety $asr 0 only_safety $said 0.05)
    jailbroken="$original | $(rate only_oversafety $asr 1 only_oversafety $no 0)"
    cases() {
        decides 1 "$useless" "$(rate only_safety $asr 0.05)"
        decides 1 "$useless" "$(rate only_safety $said 0.2)"
        decides 2 "$jailbroken" "$(rate only_oversafety $asr 0.3)"
        decides 2 "$jailbroken" "$(rate only_oversafety $no 0.05)"
        decides 3 "$useless | $jailbroken" "$(rate only_safety $said 0.2)"
        decides 3 "$useless | $jailbroken" '.experiment.patch.ascent.lr = 1'
        decides 4 "$safepatching" "$(rate safepatching $asr 0.2)"
        decides 4 "$safepatching" "$(rate safepatching $no 0.09)"
        decides 5 "$safepatching | .rows |= map(if .row | IN(\"original\", \"safepatching\") then . else .mean.$u = 0.5 end)" "$(rate npo $asr 0.1 npo $no 0.08 npo $u 0.985)"
        decides 6 "$safepatching" "$(rate safepatching $u 0.97)"
        decides 6 "$safepatching" "$(rate safepatching answered_benign 0.98)"
        decides 6 "$safepatching" "$(rate safepatching ppl 2.1)"
        decides 8 "$safepatching | $(rate ga_kl $asr 0 ga_kl $no 0.4 safedecoding $asr 0 safedecoding $no 0.8)" "$(rate ga_kl $no 0.09)"
        decides 9 "$original | $(rate self_cd $u 0.5 rose $u 0.5)" "$(rate rose $u 0.985)"
        decides 10 "$original | $(rate intersect $asr 0.205)" "$(rate intersect $asr 0.3)"
        decides 11 "$safepatching | $(rate intersect $asr 0.2)" "$(rate intersect $asr 0.09)"
        decides 12 "$safepatching | $(rate ties $asr 0.1 ties $no 0.02 task_arithmetic $asr 0.1 task_arithmetic $no 0.02)" "$(rate ties $asr 0.04)"
        decides 12 "$safepatching | $(rate ties $asr 0.1 ties $no 0.02 task_arithmetic $asr 0.1 task_arithmetic $no 0.02)" "$(rate task_arithmetic $no 0.5)"
        decides 13 "$safepatching | $(rate no_retention $asr 0.2 no_retention $no 0 no_retention $u 0.99)" "$(rate no_retention $asr 0.05)"
        decides 14 '.regions |= map(.both_of_a = 0.1)' '.regions |= map(.both_of_a = 0.3)'
        decides 15 '.layers.global.depth |= (.[0].share_a = 0.9 | .[1].share_b = 0.9)' '.layers.global.depth |= (.[1].share_a = 1)'
        decides 18 '.speed |= (.safepatching.atgr = 1 | .safedecoding.atgr = 1.03 | .rose.atgr = 2.08 | .self_cd.atgr = 2.48)' '.speed.safedecoding.atgr = 0.99'
        decides 19 "$original | $(rate safepatching asr_jailbreak 0.2)" "$(rate safepatching asr_jailbreak 0.4)"
        decides 20 "$safepatching | $(rate continual_npo_3 $said 0 continual_safepatching_3 $said 0.93 continual_safepatching_3 $asr 0.1)" "$(rate continual_npo_3 $said 0.5)"
        decides 20 "$safepatching | $(rate continual_npo_3 $said 0 continual_safepatching_3 $said 0.93 continual_safepatching_3 $asr 0.1)" "$(rate continual_safepatching_3 $said 0.8)"
        decides 21 "$safepatching | $(rate original $asr:theft 0.2 original $asr:deceit 0.2 continual_safepatching_1 $asr:theft 0.1 continual_safepatching_1 $asr:deceit 0.1)" \
            "$(rate continual_safepatching_1 $asr:deceit 0.3)"
        decides 23 . '.stages |= map(if .output.path | test("/1/safety.st.zst$") then .inputs += [{path: "benign.jsonl"}] else . end)'
        decides 24 "$useless | $(rate ga_kl $asr 0.01 ga_kl $said 0.5)" "$(rate ga_kl $said 0.01)"
    }
    cases >list
    [ "$(wc -l <list)" = 28 ]
    run decided "$(<list)"
    echo "$output"
    [ "$status" = 0 ] && [ -z "$output" ]
}

@test "claims: sweeps" {
    local flat='.rows |= map(.row as $r | (["p", "alpha", "beta", "rate"] | map(select(. as $a | $r | startswith($a + "_")))[0]) as $axis | if $axis then .mean.asr_unseen = 0.1 | .mean.refused_lookalike = 0.1 else . end)'
    flat+=" | $(rate safepatching asr_unseen 0.1 safepatching refused_lookalike 0.1 no_retention asr_unseen 0.5)"
    cases() {
        decides 16 "$flat" '(.sweeps.rate.points[] | select(.value == 0.03) | .row) as $row | .rows |= map(if .row == $row then .mean.asr_unseen = 0.6 else . end)'
        decides 17 "$flat" '(.sweeps.beta.points[-1].row) as $row | .rows |= map(if .row == $row then .mean.refused_lookalike = 0.6 else . end)'
    }
    run decided "$(cases)"
    echo "$output"
    [ "$status" = 0 ] && [ -z "$output" ]
}

@test "claims: a difference within its interval is called so" {
    local filter
    clear() { jq -L "$ROOT/report" "include \"claims\"; $1 | claims | map(select(.claim == 19))[0].clear" "$REPORT"; }
    filter=$(rate original asr_jailbreak 0.3 safepatching asr_jailbreak 0.28)
    [ "$(clear "$filter")" = true ]
    [ "$(clear "$filter | .rows |= map(.interval.asr_jailbreak = {lo: (.mean.asr_jailbreak - 0.02), hi: (.mean.asr_jailbreak + 0.02)})")" = false ]
}

@test "make report: made anew when a result changed, and only then" {
    report() { make -s -C "$ROOT" MODE="$SP_MODE" report 'run=@:' OUT="$PWD/out" BACKBONES="${1:-llama2 mistral}" | grep "^$PWD"; }
    mkdir -p out/mistral && cp -r "$LITTLE" out/llama2
    jq '.run = "results/mistral"' "$LITTLE/all.json" >out/mistral/all.json
    [ "$(report)" = "$(printf '%s\n' "$PWD"/out/report.html "$PWD"/out/claims.md)" ]
    [ -z "$(report)" ]
    touch out/mistral/all.json
    [ "$(report | wc -l)" = 2 ]
    [ "$(report llama2 | wc -l)" = 2 ]
    run grep -c Mistral out/claims.md
    [ "$output" = 0 ]
}

@test "a table's seeds are the seeds, whatever other files it is made of" {
    mkdir -p r/param r/1/eval log
    echo '{"rows": {"original": {"title": "Original"}}, "tables": {"method": ["original"]}}' >r/param/rows.json
    echo '{"sets": {}}' >r/1/eval/original.json
    for f in r/1/overlap.json r/1/patches.json r/layers.json r/speed.json; do echo '{"total": {}}' >$f; done
    [ "$("$ROOT/report/collect" table method r <(echo '{}') r/param/rows.json log r/1/eval/original.json r/1/overlap.json r/1/patches.json r/layers.json r/speed.json | jq -c .seeds)" = '["1"]' ]
}
