# The report: claims of the paper, results/claims.md and the page, from the trimmed results of one backbone (tests/data/report.json).
load helper

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    export REPORT=$BATS_TEST_DIRNAME/data/report.json
    for name in llama2 mistral; do # the second differs in one rate
        mkdir -p res/$name/1
        jq -L "$BATS_TEST_DIRNAME/../pipelines" --arg run "results/$name" 'include "claims"; .run = $run
            | if $run == "results/mistral" then .rows |= map(if .row == "safepatching" then .mean.asr_unseen = 0.9 else . end) else . end
            | .claims = claims' "$REPORT" >res/$name/all.json
        for kind in safety oversafety; do printf '{"step":%d,"loss":%s}\n' 1 0.5 2 1.5 3 2 >res/$name/1/$kind.loss.jsonl; done
    done
    "$BATS_TEST_DIRNAME/../pipelines/page/build" "$BATS_TEST_DIRNAME/../experiments/paper.json" res/{llama2,mistral}/all.json >report.html 2>report.err
    export PAGE=$PWD/report.html RES=$PWD/res
}

# claims [FILTER]: what becomes of every claim, after FILTER on the report: {"1": true, ...}
claims() { jq -L "$ROOT/pipelines" "include \"claims\"; ${1:-.} | claims | map({key: (.claim | tostring), value: .holds}) | from_entries" "$REPORT"; }
# holds N FILTER: claim N after FILTER
holds() { claims "$2" | jq --arg n "$1" '.[$n]'; }
# set ROW METRIC VALUE: the filter that gives a row another rate
set_rate() { echo ".rows |= map(if .row == \"$1\" then .mean.$2 = $3 else . end)"; }

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
    run grep -noiE '<(script|link|iframe|img|object|embed)|@import|url\(|src=|on[a-z]+="|(src|href)="?http[^ >]*' "$PAGE"
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
        [ "$(grep -oF "<figcaption>$caption" "$PAGE" | wc -l)" = 2 ] || { echo "no $caption"; false; }
    done
    [ "$(grep -c '<svg ' "$PAGE")" = 20 ]
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
    jq -e '.v1.rows | map(has("asr") or has("refused")) | any | not' "$ROOT/experiments/paper.json"
    jq -e '.later.rows | map(has("advbench") or has("xstest")) | any | not' "$ROOT/experiments/paper.json"
}

@test "page: of a run with little in it, what is missing is said" {
    mkdir little
    jq 'del(.sweeps, .layers, .speed, .tables.baselines, .tables.merging, .tables.decoding, .tables.continual, .tables.sweep)
        | .rows |= map(select(.row | IN("original", "safepatching")))' "$REPORT" >little/all.json
    run --separate-stderr "$ROOT/pipelines/page/build" "$ROOT/experiments/paper.json" little/all.json
    [ "$status" = 0 ]
    [ -z "$stderr" ]
    echo "$output" >little.html
    balanced little.html
    grep -q 'this model was not run' little.html
    grep -q 'what decides was not measured in this run' little.html
}

@test "claims.md: 24 claims on every backbone, no cell empty; claim 22 from all backbones" {
    jq -rs -L "$ROOT/pipelines" -f "$ROOT/pipelines/page/claims-md.jq" "$RES"/{llama2,mistral}/all.json >claims.md
    grep -E '^\| [0-9]+\. ' claims.md >rows
    [ "$(wc -l <rows)" = 24 ]
    run grep -vE '^\| [0-9]+\. [^|]+( \| (holds|does not hold|not testable here)(, within the noise)?){2} \|$' rows
    [ "$status" = 1 ]
    [ "$(grep -cE '^- \*\*(LLaMA-2|Mistral)\*\*, (holds|does not hold|not testable here): .{4,}\.$' claims.md)" = 48 ]
    grep -qF '| 22. Works across architectures | holds | does not hold |' claims.md
    jq -rs -L "$ROOT/pipelines" -f "$ROOT/pipelines/page/claims-md.jq" "$RES/llama2/all.json" | grep -qF '| 22. Works across architectures | not testable here |'
}

@test "claims: each condition decides" {
    claims | jq -e 'length == 24'
    while read -r n filter; do
        [ "$(holds "$n" "$filter")" != "$(holds "$n" .)" ] || { echo "claim $n does not move with: $filter"; false; }
    done <<<"$(conditions)"
}

# claim, and a filter that must turn its outcome
conditions() {
    local turn
    turn() { [ "$(holds "$1" .)" = true ] && echo "$1 $2" || echo "$1 $3"; }
    turn 1 "$(set_rate only_safety answered_lookalike 0.5)" "$(set_rate only_safety answered_lookalike 0) | $(set_rate only_safety asr_unseen 0)"
    turn 2 "$(set_rate only_oversafety refused_lookalike 0.5)" "$(set_rate only_oversafety asr_unseen 1) | $(set_rate only_oversafety refused_lookalike 0)"
    turn 4 "$(set_rate safepatching refused_lookalike 0.9)" "$(set_rate safepatching asr_unseen 0) | $(set_rate safepatching refused_lookalike 0)"
    turn 6 "$(set_rate safepatching ppl 9)" "$(set_rate safepatching ppl 1) | $(set_rate safepatching utility 1) | $(set_rate safepatching answered_benign 1)"
    turn 9 "$(set_rate rose utility 1)" "$(set_rate rose utility 0.1) | $(set_rate self_cd utility 0.1) | .rows |= map(.interval.utility |= null)"
    turn 10 "$(set_rate intersect asr_unseen 1)" "$(set_rate intersect asr_unseen '(.mean.asr_unseen | 0)') | .rows |= ((map(select(.row == \"original\"))[0].mean.asr_unseen) as \$o | map(if .row == \"intersect\" then .mean.asr_unseen = \$o else . end))"
    turn 11 "$(set_rate intersect asr_unseen 0)" "$(set_rate intersect asr_unseen 1)"
    turn 14 ".regions |= map(.both_of_a = 0.3)" ".regions |= map(.both_of_a = 0.1)"
    turn 18 ".speed.safedecoding.atgr = 0.9" ".speed.safepatching.atgr = 1 | .speed.safedecoding.atgr = 1.03 | .speed.rose.atgr = 2 | .speed.self_cd.atgr = 2.2"
    turn 19 "$(set_rate safepatching asr_jailbreak 1)" "$(set_rate safepatching asr_jailbreak 0)"
    turn 21 "$(set_rate safepatching asr_unseen 1)" "$(set_rate safepatching asr_unseen 0) | .rows |= map(if .row == \"continual_safepatching_1\" then .mean |= with_entries(if .key | startswith(\"asr_unseen\") then .value = 0 else . end) else . end)"
    turn 24 "$(set_rate ga_kl answered_lookalike -1)" "$(set_rate ga_kl answered_lookalike 1) | $(set_rate ga_kl asr_unseen 1)"
}

@test "make report: made anew when a result changed, and only then" {
    report() { make -s -C "$ROOT" MODE="$SP_MODE" report 'run=@:' OUT="$PWD/out" BACKBONES="${1:-llama2 mistral}"; }
    cp -r "$RES" out
    [ "$(report)" = "$(printf '%s\n' "$PWD"/out/report.html "$PWD"/out/claims.md)" ]
    [ -z "$(report)" ]
    touch out/mistral/all.json
    [ "$(report | wc -l)" = 2 ]
    rm out/claims.md
    [ "$(report)" = "$PWD/out/claims.md" ]
    [ "$(report llama2 | wc -l)" = 2 ]
    run grep -c Mistral out/claims.md
    [ "$output" = 0 ]
}
