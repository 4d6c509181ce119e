# report.bats - from what runs left behind to tables, pictures, claims and the page. Most of it works on
# tests/data/report.json: a run of one backbone on 60 items a rate, cut short; data/front.json: a small search on two
# originals.
load helper

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    export REPORT=$BATS_TEST_DIRNAME/data/report.json SEARCH=$BATS_TEST_DIRNAME/data/front.json
    export REPORTS=$BATS_TEST_DIRNAME/../report
    for name in llama2 mistral; do # the second differs in one rate
        mkdir -p res/$name/1
        jq -L "$REPORTS" --arg run "results/$name" 'include "claims"; .run = $run
            | if $run != "results/mistral" then .
              else (.rows[] | select(.row == "safepatching")).mean.asr_unseen = 0.9 end
            | .claims = claims' "$REPORT" >res/$name/all.json
        for kind in safety oversafety; do
            printf '{"step":%d,"loss":%s}\n' 1 0.5 2 1.5 3 2 >res/$name/1/$kind.loss.jsonl
        done
    done
    mkdir little # two models, nothing else
    jq -L "$REPORTS" 'include "claims"; del(.sweeps, .layers, .speed)
        | .tables |= del(.baselines, .merging, .decoding, .continual, .sweep)
        | .rows |= map(select(.row | IN("original", "safepatching")))
        | .run = "results/little" | .claims = claims' "$REPORT" >little/all.json
    "$REPORTS/page" "$REPORTS/paper.json" res/llama2/all.json little/all.json >report.html 2>report.err
    export PAGE=$PWD/report.html RES=$PWD/res LITTLE=$PWD/little
}

# Rates for a filter on the report: rate ROW METRIC VALUE...; with an interval of a point to either side.
rate() {
    while [ $# -gt 0 ]; do
        printf '(.rows[] | select(.row == "%s")) |= (.mean["%s"] = %s' "$1" "$2" "$3"
        printf ' | .interval["%s"] = {lo: (%s - 0.01), hi: (%s + 0.01)}) | ' "$2" "$3" "$3"
        shift 3
    done
    echo .
}
# Differences for a filter on the report, the same on three originals: by METHOD METRIC VALUE P...;
# `changes` of a method from the original, `versus`: SafePatching less the method.
difference() { # changes|versus METHOD METRIC VALUE P...
    local kind=$1
    shift
    while [ $# -gt 0 ]; do
        printf '.front.%s["%s"]["%s"] = (%s | {mean: ., lo: (. - 0.004), hi: (. + 0.004), each: [., ., .], p: %s}) | ' \
            "$kind" "$1" "$2" "$3" "$4"
        shift 4
    done
    echo .
}
# A filter that adds a search in which SafePatching is the best of all.
searched() {
    local methods=(safepatching intersect no_retention random_sets ties task_arithmetic ga_kl) m
    echo '.front = {seeds: ["1", "2", "3"], original: ({asr: 0.2, auc: 0.9, answered_lookalike: 0.9, asr_jailbreak: 0.2}
            | map_values({mean: .})),
        methods: ({safepatching: "method", intersect: "ablation", no_retention: "ablation", random_sets: "control",
            ties: "merging", task_arithmetic: "merging", ga_kl: "training"} | map_values({title: ., group: .}))} | '
    for m in "${methods[@]}"; do
        echo "$(difference changes $m asr 0 1 $m answered_lookalike 0 1 $m utility 0 1 $m answered_benign 0 1 $m auc 0 1) | "
        echo "$(difference versus $m asr -0.1 0.001 $m answered_lookalike 0 1 $m auc 0.01 0.001) | "
    done
    difference changes safepatching asr -0.15 0.001 safepatching auc 0.02 0.001 safepatching asr_jailbreak -0.01 0.4 \
        intersect asr -0.01 0.4
}
# decides N PASS FAIL: a case for decided: claim N holds after the filter PASS, and no longer after
# FAIL on top of it
decides() { echo "{claim: $1, held: [($2 | of($1).holds), ($2 | $3 | of($1).holds)]},"; }
# decided CASES...: all of them in one go; prints those that are otherwise
decided() {
    jq -L "$REPORTS" -f <(echo "include \"claims\"; def of(\$n): claims | map(select(.claim == \$n))[0];
        def searched: $(searched);
        [$* empty][] | select(.held != [true, false])") "$REPORT"
}

# Every tag closed, in order. svg and HTML alike; no void elements but meta and br.
balanced() {
    awk 'BEGIN { RS = "<" }
        NR == 1 { next }
        { tag = $0; sub(/[ \t\n>].*/, "", tag); inside = $0; sub(/>.*/, "", inside) }
        tag ~ /^[!?]/ || tag == "meta" || tag == "br" || inside ~ /\/$/ { next }
        tag ~ /^\// && "/" open[depth] == tag { depth--; next }
        tag ~ /^\// { print "<" tag "> closes <" open[depth] ">"; bad = 1; exit }
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
    for caption in "The method" "Without each of its parts" "Training and decoding baselines" \
        "Other ways to combine" "Decoding-time defences" "Harmful requests in wrappers" \
        "Harmful requests by category" "After each category" "Sweeps" \
        "Where the important parameters" "Time and memory"; do
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
    jq -e '.v1.rows | map(has("asr") or has("refused")) | any | not' "$REPORTS/paper.json"
    jq -e '.later.rows | map(has("advbench") or has("xstest")) | any | not' "$REPORTS/paper.json"
}

@test "page: of a run with little in it, what is missing is said" {
    sed -n '/<section class=backbone id="little"/,$p' "$PAGE" >little.html
    grep -q 'this model was not run' little.html
    local said='<dt>little</dt><dd><span class=na>not testable</span>. what decides was not measured'
    grep -qF "$said in this run" "$PAGE"
}

@test "claims.md: 27 claims on every backbone, no cell empty; claim 22 from all backbones" {
    for name in llama2 mistral; do
        mkdir $name
        jq -L "$REPORTS" "include \"claims\"; $(searched) | if .run == \"results/mistral\" then
            $(difference changes safepatching asr 0.1 0.001) else . end | .claims = claims" "$RES/$name/all.json" >$name/all.json
    done
    "$REPORTS/markdown" claims {llama2,mistral}/all.json >claims.md
    grep -E '^\| [0-9]+\. ' claims.md >rows
    [ "$(wc -l <rows)" = 27 ]
    local outcome='(holds|does not hold|open|not testable here)' of22='| 22. Works across architectures'
    run grep -vE "^\| [0-9]+\. [^|]+( \| $outcome(, within the noise)?){2} \|\$" rows
    [ "$status" = 1 ]
    [ "$(grep -cE "^- \*\*(LLaMA-2|Mistral)\*\*, $outcome: .{4,}\.\$" claims.md)" = 54 ]
    grep -qF "$of22 | holds | does not hold |" claims.md
    "$REPORTS/markdown" claims llama2/all.json >one.md
    grep -qF "$of22 | not testable here |" one.md
}

@test "claims: what decides each" {
    local asr=asr_unseen no=refused_lookalike said=answered_lookalike u=utility
    # states in which a claim holds
    local original safepatching useless jailbroken strict search between parts spread examples
    original=$(rate original $asr 0.2 original $no 0.08 original $said 0.92 original $u 0.99 \
        original asr_jailbreak 0.3 original answered_benign 1 original ppl 2)
    safepatching="$original | $(rate safepatching $asr 0.05 safepatching $no 0.05 \
        safepatching $said 0.95 safepatching $u 0.99 safepatching answered_benign 1 safepatching ppl 2)"
    useless=$(rate only_safety $asr 0 only_safety $said 0.05)
    jailbroken="$original | $(rate only_oversafety $asr 1 only_oversafety $no 0)"
    search=searched
    between=$(difference changes ties asr -0.1 0.001 task_arithmetic asr -0.1 0.001)
    strict="$safepatching | $(rate ga_kl $asr 0 ga_kl $no 0.4 safedecoding $asr 0 safedecoding $no 0.8)"
    spread='.layers.global.depth |= (.[0].share_a = 0.9 | .[1].share_b = 0.9)'
    local times='.speed.safepatching.atgr = 1 | .speed.safedecoding.atgr = 1.03
        | .speed.rose.atgr = 2.08 | .speed.self_cd.atgr = 2.48'
    parts="$safepatching | $(rate continual_npo_kl_3 $said 0 \
        continual_safepatching_3 $said 0.93 continual_safepatching_3 $asr 0.1)"
    local transfers
    transfers="$safepatching | $(rate original $asr:theft 0.2 original $asr:deceit 0.2 \
        continual_safepatching_1 $asr:theft 0.1 continual_safepatching_1 $asr:deceit 0.1)"
    examples='(.stages[] | select(.output.path | test("/1/safety.st.zst$"))).inputs
        += [{path: "benign.jsonl"}]'
    cases() {
        decides 1 "$useless" "$(rate only_safety $asr 0.05)"
        decides 1 "$useless" "$(rate only_safety $said 0.2)"
        decides 2 "$jailbroken" "$(rate only_oversafety $asr 0.3)"
        decides 2 "$jailbroken" "$(rate only_oversafety $no 0.05)"
        decides 3 "$useless | $jailbroken" "$(rate only_safety $said 0.2)"
        decides 3 "$useless | $jailbroken" '.experiment.patch.ascent.lr = 1'
        decides 4 "$search" "$(difference changes safepatching asr 0.1 0.001)"
        decides 4 "$search" "$(difference changes safepatching answered_lookalike -0.05 0.001)"
        decides 4 "$search" "$(difference changes safepatching neither 0.02 null)"
        decides 5 "$search" "$(difference changes ties asr -0.1 0.001)"
        decides 6 "$safepatching" "$(rate safepatching $u 0.97)"
        decides 6 "$safepatching" "$(rate safepatching answered_benign 0.98)"
        decides 6 "$safepatching" "$(rate safepatching ppl 2.1)"
        decides 8 "$strict" "$(rate ga_kl $no 0.09)"
        decides 9 "$original | $(rate self_cd $u 0.5 rose $u 0.5)" "$(rate rose $u 0.985)"
        decides 10 "$search" "$(difference changes intersect asr -0.1 0.001)"
        decides 11 "$search" "$(difference changes intersect asr -0.12 0.001)"
        decides 11 "$search" "$(difference versus intersect asr 0.1 0.001)"
        decides 12 "$search | $between" "$(difference versus ties asr 0.05 0.001)"
        decides 12 "$search | $between" "$(difference changes task_arithmetic asr 0.05 0.001)"
        decides 13 "$search" "$(difference versus no_retention asr 0.05 0.001)"
        decides 14 '.regions[].both_of_a = 0.1' '.regions[].both_of_a = 0.3'
        decides 15 "$spread" '.layers.global.depth[1].share_a = 1'
        decides 18 "$times" '.speed.safedecoding.atgr = 0.99'
        decides 18 "$times" '.speed.rose.atgr = 1.4'
        decides 18 "$times" '.speed.safepatching.atgr = 0.94'
        decides 19 "$original | $(rate safepatching asr_jailbreak 0.2)" \
            "$(rate safepatching asr_jailbreak 0.4)"
        decides 20 "$parts" "$(rate continual_npo_kl_3 $said 0.5)"
        decides 20 "$parts" "$(rate continual_safepatching_3 $said 0.8)"
        decides 21 "$transfers" "$(rate continual_safepatching_1 $asr:deceit 0.3)"
        decides 23 . "$examples"
        decides 25 "$search" "$(difference versus random_sets auc -0.01 0.001)"
        decides 26 "$search" "$(difference changes safepatching auc -0.01 0.001)"
        decides 27 "$search" "$(difference changes safepatching asr_jailbreak 0.05 0.001)"
        decides 24 "$useless | $(rate ga_kl $asr 0.01 ga_kl $said 0.5)" "$(rate ga_kl $said 0.01)"
    }
    cases >list
    [ "$(grep -c '^{claim' list)" = 35 ]
    run decided "$(<list)"
    echo "$output"
    [ "$status" = 0 ] && [ -z "$output" ]
}

@test "claims: what is needed and was not measured is said, of this claim alone" {
    # lacks FILTER CLAIM...: a case: after the filter these claims, and no others, lack figures
    lacks() { echo "{open: (searched | $1 | open), is: [$(IFS=, && echo "${*:2}")]},"; }
    row() { echo "del(.rows[] | select(.row == \"$1\"))"; }
    cases() {
        lacks .
        lacks 'del(.front)' 4 5 10 11 12 13 25 26 27
        lacks "$(row only_safety)" 1 3 24
        lacks "$(row only_oversafety)" 2 3
        lacks "$(row safepatching)" 6 8 16 17 19 20 21
        lacks "$(row safedecoding)" 8
        lacks "$(row self_cd)" 9
        lacks "$(row no_retention)" 16
        lacks "$(row rate_0.03)" 16
        lacks "$(row beta_0)" 16 17
        lacks "$(row continual_safepatching_3)" 20
        lacks "$(row continual_safepatching_1)" 21
        lacks "$(row ga_kl)" 8 24
        lacks 'del(.rows[] | select(.row == "safepatching").mean.asr_jailbreak)' 19
        lacks 'del(.rows[] | select(.row == "original").mean.ppl)' 6
        lacks '.regions = []' 14
        lacks 'del(.layers)' 15
        lacks 'del(.sweeps.alpha)' 16 17
        lacks 'del(.speed.rose)' 18
        lacks '.stages = []' 23
    }
    run jq -c -L "$REPORTS" "include \"claims\";
        def open: [claims[] | select(.holds == null and .measured == null)
            | select(.why == \"what decides was not measured in this run\").claim];
        def searched: $(searched);
        [$(cases) empty][] | select(.open != .is)" "$REPORT"
    echo "$output"
    [ "$status" = 0 ] && [ -z "$output" ]
}

@test "claims of several backbones: p values by Holm, verdicts that rest on them alone" {
    adjust() { jq -nc -L "$REPORTS" "include \"claims\"; $1"; }
    [ "$(adjust '[0.01, 0.04, null, 0.03] | holm | map(if . then . * 1000 | round else . end)')" = "[30,60,null,60]" ]
    [ "$(adjust '[0.6, 0.7] | holm')" = "[1,1]" ]
    # one claim a backbone: decided by a test, with and without reserve; by none; open
    [ "$(adjust '[[{holds: true, p: 0.01}], [{holds: false, p: 0.03}], [{holds: true}], [{holds: null, p: 0.9}]]
        | adjusted | map(.[0].holds)')" = "[true,null,true,null]" ]
    # claim 22 asks the adjusted verdicts
    [ "$(adjust '[0.001, 0.04, 0.03] | map({seeds: [], claims: [{claim: 4, holds: true, p: .}, {claim: 6, holds: true},
        {claim: 22, why: "?"}]}) | claims_across | map([.[0].holds, .[2].holds])')" = "[[true,true],[null,null],[null,null]]" ]
}

@test "claims: sweeps" {
    # nothing moves over any sweep, but for the one point without retention
    local flat='(.rows[] | select(.row | test("^(p|alpha|beta|rate)_")).mean)
        |= (.asr_unseen = 0.1 | .refused_lookalike = 0.1)'
    flat+=" | $(rate safepatching asr_unseen 0.1 safepatching refused_lookalike 0.1 \
        no_retention asr_unseen 0.5)"
    # moved POINT METRIC: the point has a rate of its own
    moved() { echo "$1.row as \$row | (.rows[] | select(.row == \$row)).mean.$2 = 0.6"; }
    cases() {
        decides 16 "$flat" "$(moved '(.sweeps.rate.points[] | select(.value == 0.03))' asr_unseen)"
        decides 17 "$flat" "$(moved '.sweeps.beta.points[-1]' refused_lookalike)"
        decides 17 "$flat" "$(moved '.sweeps.alpha.points[-1]' asr_unseen)"
    }
    run decided "$(cases)"
    echo "$output"
    [ "$status" = 0 ] && [ -z "$output" ]
}

@test "claims: a difference within its interval is called so" {
    local apart wide
    clear() {
        jq -L "$REPORTS" "include \"claims\"; $1 | claims[] | select(.claim == 19).clear" "$REPORT"
    }
    apart=$(rate original asr_jailbreak 0.3 safepatching asr_jailbreak 0.28)
    wide='.rows[] |= (.mean.asr_jailbreak as $rate
        | .interval.asr_jailbreak = {lo: ($rate - 0.02), hi: ($rate + 0.02)})'
    [ "$(clear "$apart")" = true ]
    [ "$(clear "$apart | $wide")" = false ]
}

@test "make report: made anew when a result changed, and only then" {
    report() {
        make -s -C "$ROOT" MODE="$SP_MODE" report 'run=@:' OUT="$PWD/out" \
            BACKBONES="${1:-llama2 mistral}" | grep "^$PWD"
    }
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

@test "a row of a table in its data is a row in Markdown and on the page, with the same figures" {
    # a model between two others, in the baselines; its name needs an escape in HTML
    jq -L "$REPORTS" 'include "claims";
        (.rows[] | select(.row == "npo")) as $npo
        | .rows += [$npo | .row = "mine" | .title = "A <new> method & more"
            | .mean.asr_seen = 0.1234 | .interval.asr_seen = {lo: 0.0512, hi: 0.2588}
            | .mean.asr_jailbreak = 0.02 | .interval.asr_jailbreak = {lo: -0.03, hi: 0.07}
            | del(.mean.asr_unseen)]
        | .tables.baselines |= .[:2] + ["mine"] + .[2:] | .claims = claims' "$RES/llama2/all.json" >all.json
    jq '.tables.baselines as $rows | .table = "baselines"
        | .rows |= [$rows[] as $row | .[] | select(.row == $row)]' all.json >baselines.json
    "$REPORTS/markdown" table baselines.json >baselines.md
    grep -A1 -F '| Safety patch alone |' baselines.md | tail -1 >row
    grep -q '^| A <new> method & more | 12.3 (5–26) | – | 2.0 (0–7) | ' row
    mkdir run && mv all.json run
    "$REPORTS/page" "$REPORTS/paper.json" run/all.json >page.html
    sed -n '/<figcaption>Training and decoding baselines/,/<\/table>/p' page.html |
        sed '2,$s/<\/table>.*//' >table.html
    grep -A1 -F '>Safety patch alone</th>' table.html | tail -1 >tr
    grep -q '^<tr><th scope=row>A &lt;new&gt; method &amp; more</th><td>12.3 <small>5–26</small></td>' tr
    grep -q '<td class=none>–<sup>[a-z]</sup></td>' tr # the rate that is missing
    grep -q '</sup>&nbsp;harm_unseen.jsonl is not among the data' page.html
    balanced page.html
    # as many rows, as many columns
    [ "$(grep -c '^| ' baselines.md)" = "$(grep -o '<tr>' table.html | wc -l)" ]
    columns=$(grep -o '<th scope=col>' table.html | wc -l)
    [ "$(head -2 baselines.md | grep -o '|' | wc -l)" = $((columns + 1)) ]
}

@test "the trade-off by itself: names of all models, a size, a background" {
    jq '.tables.method as $rows | del(.tables, .sweeps) | .rows |= map(select(.row | IN($rows[])))' \
        "$RES/llama2/all.json" >method.json
    "$REPORTS/pictures" method.json tradeoff.svg
    for title in $(jq -r '.rows[].title | split(" ")[0]' method.json); do grep -q ">$title" tradeoff.svg; done
    head -5 tradeoff.svg | grep -q 'width="540" height="540"'
    grep -q '<rect .*fill="#ffffff"' tradeoff.svg
    only_files method.json tradeoff.svg
}

# search_points SPLIT ORIGINAL KIND FAMILY: these rows of the picture's numbers, as rates again
search_points() {
    jq -r -L "$REPORTS" --arg of "$*" 'include "pictures"; search_points
        | select(.[:4] | join(" ") == $of) | .[4:]
        | .[:6] |= map(if . then . * . * 1000 | round / 1000 else "-" end) | join(" ")' "${FRONT:-$SEARCH}"
}
# lies PICTURE COLUMN ROW X Y COLOUR SHAPE: there is a mark of these rates where the axes say, to half a pixel. It is
# the picture of SEARCH, 860 by 642: two columns, two rows, axes that go to 0.26 and from 0.048 to 0.169.
lies() {
    local marks="s/.*gpPt$7'transform='translate\(([0-9.]+),([0-9.]+)\).*color='$6'.*/\1 \2/p"
    tr -d ' ' <"$1" | sed -nE "$marks" | awk -v c="$2" -v r="$3" -v x="$4" -v y="$5" '
        function part(x, low, high) { return (sqrt(x) - low) / (high - low) }
        BEGIN {
            high = sqrt(0.26)
            x = 60 + 400 * c + part(x, -0.015 * high, high) * 386
            y = 68 + 262 * (r + 1) - 8 - part(y, sqrt(0.048), sqrt(0.169)) * 228
        }
        ($1 - x) ^ 2 + ($2 - y) ^ 2 < .25 { found = 1 }
        { marks = marks " " $1 "," $2 }
        END { if (!found) print "not at " x "," y " but" marks; exit !found }'
}

@test "the search: curves of the original on both splits, thinned evenly" {
    local curve='[range(1001) / 1000 | [(1 - .) * (1 - .), . * .]]'
    mkdir -p run/1/front run/1/picked/original
    outcomes() { # ANSWERED OF-ALL: of an original
        jq -nc '{n: $n, answered: $a, refused: ($n - $a), neither: 0} as $set
            | {method: "original", mask: 1, auc: 0.9, sets: {harm_unseen: $set, lookalike: $set}, curve: '"$curve"'}' \
            --argjson a "$1" --argjson n "$2"
    }
    outcomes 10 40 | jq -c '.curve |= map(.[1] |= sqrt)' >run/1/front/original.json
    outcomes 20 80 >run/1/picked/original/1.json
    echo '{"original": {"asr": 0.25, "answered_lookalike": 0.25}, "picks": {}}' >run/1/front/picks.json
    echo '{"budget": 1, "tolerance": {}, "methods": {}}' >search.json
    "$REPORTS/collect" front run search.json run/1/front/{original,picks}.json run/1/picked/original/1.json >front.json
    jq -e '.originals[0] | (.validation_curve, .curve
            | .[0] == [1, 0] and .[-1] == [0, 1] and length > 90 and length < 105)
        and .curve[50][1] < 0.3 and .validation_curve != .curve and .test.asr == 0.25' front.json
    jq -e '.originals[0].curve | map((.[1] | sqrt) - (.[0] | sqrt)) | [.[1:-1], .[2:]] | transpose
        | all(.[:-1][]; .[1] - .[0] > 0.015 and .[1] - .[0] < 0.025)' front.json
}

@test "the search in numbers: settings, fronts of those that keep utility, picks with their intervals" {
    [ "$(search_points validation 1 setting method | sort)" = "$(printf '%s\n' '0.01 0.01 - - - - 0' \
        '0.04 0.08 - - - - 1' '0.09 0.04 - - - - 1' '0.16 0.1 - - - - 1')" ]
    [ "$(search_points validation 1 front method)" = $'0.04 0.08 - - - - 1\n0.09 0.04 - - - - 1' ]
    [ "$(search_points validation 1 front training | wc -l)" = 3 ] # of two without any harm, the better
    [ "$(search_points validation 2 original -)" = "0.18 0.12 - - - - 1" ]
    [ "$(search_points test 2 original -)" = "0.18 0.13 - - - - 1" ]
    [ "$(search_points test 1 curve -)" = $'1 0 - - - - 1\n0.16 0.09 - - - - 1\n0 1 - - - - 1' ]
    # Wilson's interval of 4 and of 9 in 100; masks reach further in the second
    [ "$(search_points test 1 pick method)" = "0.04 0.09 0.016 0.098 0.01 0.17 1" ]
    [ "$(search_points test 2 pick training)" = "0.09 0.13 0.048 0.162 0.078 0.21 0" ]
    [ "$(jq -r -L "$REPORTS" 'include "pictures"; search_legend | join(" ")' "$SEARCH")" = \
        $'method SafePatching\nrandom Random sets\ntraining GA + KL' ]
}

@test "the picture of the search: every mark where its rates are, its name in the key" {
    "$REPORTS/pictures" "$SEARCH" front.svg 2>err
    [ ! -s err ]
    balanced front.svg
    only_files front.svg err
    head -5 front.svg | grep -q 'width="860" height="642"'
    for title in SafePatching "Random sets" "GA + KL" original; do grep -q ">$title<" front.svg; done
    local blue='rgb\(0,114,178\)' purple='rgb\(170,68,153\)' vermilion='rgb\(213,94,0\)'
    local black='rgb\(0,0,0\)'
    lies front.svg 0 1 0.04 0.09 "$blue" 6
    lies front.svg 1 1 0.09 0.11 "$blue" 6
    lies front.svg 0 1 0.16 0.08 "$purple" 8
    lies front.svg 0 1 0.09 0.12 "$vermilion" 3 # open: it does not keep what the rule asks
    lies front.svg 1 0 0.18 0.12 "$black" 2
    lies front.svg 1 1 0.18 0.13 "$black" 2
    run lies front.svg 0 1 0.05 0.09 "$blue" 6
    [ "$status" = 1 ]
    # each original's curve goes through its mark, here with a bend; the first of these marks is the key's
    sed -nE "s/.*#gpPt2' transform='translate\(([0-9.,]+)\).*/\1/p" front.svg | sed 1d >originals
    [ "$(wc -l <originals)" = 4 ]
    while read -r at; do grep -qF " L$at L" front.svg; done <originals
    # SafePatching's front has a step between its two settings, in both panels
    [ "$(grep -cE "rgb\( *0, 114, 178\)' *d='M([0-9.]+),([0-9.]+) L([0-9.]+),\2 L\3,[0-9.]+ *'" front.svg)" = 2 ]
}

@test "the picture of the search: one original, no curve, no wrapped requests, one mask" {
    jq 'del(.originals[1], .originals[].curve, .originals[].validation_curve, .picks[].masks)
        | .seeds = ["1"] | del(.. | .asr_jailbreak?, .jailbreak?)' "$SEARCH" >front.json
    "$REPORTS/pictures" front.json front.svg 2>err
    [ ! -s err ]
    balanced front.svg
    head -5 front.svg | grep -q 'width="860" height="372"'
    grep -q '>picked, test split<' front.svg
    FRONT=front.json
    [ -z "$(search_points validation 1 curve -)" ]
    [ "$(search_points test 1 pick method)" = "0.04 0.09 0.016 0.098 0.048 0.162 1" ]
}

@test "the picture of the search is part of a run once every original has its picks" {
    local name=llama2 stage='.stages[] | select(.label == "llama2: picture of the front")'
    mkdir -p out/$name/{1,2}/front
    planned() { OUT=$PWD/out SEEDS="1 2" "$ROOT/experiments/plan" $name >plan.json; }
    jq '{original: .originals[0].validation, picks: ([.picks[] | select(.seed == "1")
        | .values = {patch: "short", rate: 0.1, scale: 4, balance: 1.1} | {key: .method, value: .}]
        | from_entries)}' "$SEARCH" >picks.json
    cp picks.json out/$name/1/front
    planned
    [ -z "$(jq "$stage" plan.json)" ]
    jq -e '.targets | has("front") | not' plan.json
    cp picks.json out/$name/2/front
    planned
    jq -e --arg run "$PWD/out/$name" "($stage)"' as $stage | $stage.inputs == ["\($run)/front.json"]
        and $stage.outputs == ["\($run)/front.svg"] and (.targets.front | index($stage.outputs[0]))
        and ($stage.programs | index("report/front.jq"))' plan.json
}

@test "page: where a search was made its picture and its table come first" {
    mkdir little
    jq --slurpfile front "$SEARCH" '.front = $front[0]' "$LITTLE/all.json" >little/all.json
    "$REPORTS/page" "$REPORTS/paper.json" little/all.json >page.html 2>err
    [ ! -s err ]
    balanced page.html
    sed -n '/<section class=backbone/,$p' page.html >backbone.html
    # in this order
    local parts='class="picture [a-z-]+|<figcaption>(Picked|SafePatching less|The method)|>Fixed settings'
    [ "$(grep -oE "$parts" backbone.html)" = \
        "$(printf '%s\n' 'class="picture front' '<figcaption>Picked' '<figcaption>SafePatching less' \
            '>Fixed settings' 'class="picture tradeoff' '<figcaption>The method')" ]
    grep -oE ' id="?[A-Za-z0-9_-]+' page.html | sort >ids
    [ -z "$(uniq -d ids)" ]
    run grep -c 'class="picture front' "$PAGE"
    [ "$output" = 0 ]
}

@test "reference: the pictures of a run, that of the search where there is one" {
    mkdir -p out/{llama2,mistral}/eval/log dir
    for name in llama2 mistral; do
        cp "$LITTLE/all.json" out/$name
        for table in method baselines ablation merging decoding speed jailbreak transfer continual sweep layers; do
            echo "$table" >out/$name/$table.md
        done
        echo 'OpenBLAS kernels Zen' >out/$name/eval/log/original.answers.jsonl.err
        echo tradeoff >out/$name/tradeoff.svg
    done
    echo search >out/llama2/front.svg
    echo claims >out/claims.md
    "$REPORTS/reference" out dir llama2 mistral
    jq -e '.kernels == "Zen"' dir/llama2.json
    # what a stage has read is known by the digest of what made it
    jq -e '([.stages[].output.path] | map({key: ., value: true}) | from_entries) as $made
        | all(.stages[].inputs[]; has("sha256") != ($made[.path] == true))' dir/llama2.json
    [ "$(cat dir/llama2-front.svg dir/llama2.svg)" = $'search\ntradeoff' ]
    [ "$(cd dir && echo *)" = "claims.md llama2-front.svg llama2.json llama2.md llama2.svg mistral.json \
mistral.md mistral.svg" ]
}

@test "outcomes item by item: ids may be numbers, and the same in two sets; unseen requests may be missing" {
    items() { for o; do echo "{\"set\": \"${o%%:*}\", \"id\": 1, \"outcome\": \"${o#*:}\"}"; done | jq -s .; }
    here=$(items harm_seen:refused lookalike:answered) there=$(items harm_seen:answered lookalike:answered)
    jq -ne -L "$REPORTS" --argjson here "$here" --argjson there "$there" 'include "front"; include "outcomes"; ($here | discordant($there)) as $discordant
        | {$discordant} | discordant_of("asr") == {more: 0, fewer: 1}
          and discordant_of("answered_lookalike") == {more: 0, fewer: 0}'
    jq -ne -L "$REPORTS" 'include "front"; [{more: 30, fewer: 10}] | mcnemar | . > 0.0015 and . < 0.0017'
}

@test "counts: kinds of answers by set and category; rates and their intervals" {
    answers() { # SET CATEGORY LABEL MATCH
        printf '{"set":"%s","category":"%s","label":"%s","match":%s,"tokens":3,"seconds":0.5}\n' "$@"
    }
    {
        answers harm_seen theft comply true
        answers harm_seen theft comply false # another answer than the reference
        answers harm_seen deceit refuse false
        answers harm_seen deceit partial false
        answers utility all comply true
        answers utility all degenerate true # the judge has no say in utility
        echo '{"set":"lookalike","label":"comply"}' # no reference, no category
    } >answers.jsonl
    echo '{"ppl":2.5,"nll":0.916,"tokens":7}' >ppl.json
    "$REPORTS/collect" counts answers.jsonl ppl.json >counts.json
    jq -e '(.sets | keys) == ["harm_seen", "lookalike", "utility"] and .ppl == 2.5 and .nll == 0.916
        and (.sets.harm_seen
            | [.n, .answered, .garbled, .partial, .refuse, .degenerate, .match] == [4, 1, 1, 1, 1, 0, 1]
            and .tokens == 12 and .seconds == 2 and .category.theft.garbled == 1 and .category.deceit.n == 2)
        and .sets.utility.match == 2 and .sets.lookalike.answered == 1
        and .sets.lookalike.category.all.n == 1' counts.json
    jq -e -L "$REPORTS" 'include "stats"; metrics
        | .asr_seen == 0.25 and ."asr_seen:theft" == 0.5 and .utility == 1 and .answered_lookalike == 1
            and .garbled == 0.2 and .partial == 0.2 and .ppl == 2.5 and (has("asr_unseen") | not)' counts.json
    # tables of Wilson (0 of 60, 30 of 60) and Student; Newcombe 1998: 56/70 less 48/80 is above 0
    jq -ne -L "$REPORTS" 'include "stats"; def near($x): . - $x | fabs < 0.0006;
        (0 | wilson(60) | .lo == 0 and (.hi | near(0.0602)))
        and (0.5 | wilson(60) | (.lo | near(0.3773)) and (.hi | near(0.6227)))
        and ([1, 2, 3] | t_interval | (.lo | near(-0.4843)) and (.hi | near(4.4843)))
        and ([0.8, 0.6] | map(. as $p | wilson([70, 80][if $p == 0.8 then 0 else 1 end]) + {at: $p})
            | differ(.[0]; .[1]) and differ(.[1]; .[0]))
        and ([0.8, 0.7] | map(. as $p | wilson(70) + {at: $p}) | differ(.[0]; .[1]) | not)'
}

@test "where the important parameters lie: shares by layer and by matrix, regions of both kinds" {
    stats() { # A B BOTH of two layers' q_proj; the head is in no layer
        jq -nc '{numel: 100, a: $a, b: $b, both: $both} as $m
            | {total: {a: (3 * $a), b: (3 * $b)}, tensors: {"model.layers.0.self_attn.q_proj.weight": $m,
                "model.layers.10.self_attn.q_proj.weight": ($m | .a *= 2 | .b *= 2), "lm_head.weight": $m}}' \
            --argjson a "$1" --argjson b "$2" --argjson both "$3"
    }
    stats 10 20 5 >matrix.json
    stats 30 10 10 >global.json
    "$REPORTS/collect" layers matrix.json global.json >layers.json
    jq -e '(.matrix.depth | map(.place) == [0, 10] and map(.share_b) == [20 / 60, 40 / 60]
            and map(.overlap) == [0.5, 0.25] and map(.chance) == [0.2, 0.4])
        and (.global.total | .numel == 200 and .share_a == 1 and .overlap == 20 / 90)
        and (.global.kind | length == 1 and .[0].place == "q_proj")' layers.json
    "$REPORTS/markdown" layers layers.json >layers.md
    [ "$(sed -n '/^| layer |/,/^$/p' layers.md | sed -n 3,4p)" = \
        $'| 0 | 33.3 | 33.3 | 33.3 | 10 |\n| 10 | 66.7 | 66.7 | 16.7 | 20 |' ]
}

@test "readings side by side: what refuses more or loses utility comes last" {
    counts() { # FILE HARM-ANSWERED LOOK-ALIKES-REFUSED of 10
        mkdir -p "${1%/*}"
        jq -n --argjson a "$2" --argjson r "$3" '{sets: {
            harm_seen: {n: 10, answered: $a, partial: 0, degenerate: 0, garbled: 0},
            harm_unseen: {n: 10, answered: $a, partial: 0, degenerate: 0, garbled: 0},
            jailbreak: {n: 10, answered: $a, partial: 0, degenerate: 0, garbled: 0},
            lookalike: {n: 10, refuse: $r, answered: (10 - $r), partial: 0, degenerate: 0, garbled: 0},
            benign: {n: 10, refuse: 0, answered: 10, partial: 0, degenerate: 0, garbled: 0},
            utility: {n: 10, match: 10}}}' >"$1"
    }
    counts ./original.json 4 1
    for cell in "c1 3 1" "c2 1 2" "c3 2 1"; do
        set -- $cell
        counts "$1/eval/safepatching.json" "$2" "$3"
        counts "$1/eval/intersect.json" 4 1
        echo '{"total":{"both_of_a":0.125}}' >"$1/overlap.json"
        printf '{"%s":{"snip":{"V":"delta","at":"full","loss_on":"answer"},' "$1"
        echo '"merge":{"keep":"diff","alpha":4}}}'
    done >cells.jsonl
    "$REPORTS/collect" grid cells.jsonl ./original.json c?/eval/*.json c?/overlap.json >grid.json
    "$REPORTS/markdown" grid grid.json >grid.md
    [ "$(grep -o '^| c[0-9]' grid.md | tr -d '|\n ')" = c3c1c2 ]
    grep -qxF '| c3 | delta at full | answer | diff, 4 | 12.5 | 40 | 20 | 20 | 20 | 10 | 100 | 100 | 0 |' grid.md
}

@test "collect and markdown know what they are asked for" {
    fails 2 'collect: nothing called "other"' "$REPORTS/collect" other
    fails 2 'markdown: no table "other"' "$REPORTS/markdown" other x.json
    echo '{' >broken.json
    run "$REPORTS/markdown" table broken.json
    [ "$status" != 0 ]
    run "$REPORTS/pictures" broken.json out.svg
    [ "$status" != 0 ]
    only_files broken.json
}

@test "a table's seeds are the seeds, whatever other files it is made of" {
    mkdir -p r/param r/1/eval log
    echo '{"rows": {"original": {"title": "Original"}}, "tables": {"method": ["original"]}}' >r/param/rows.json
    echo '{"sets": {}}' >r/1/eval/original.json
    for f in r/1/overlap.json r/1/patches.json r/layers.json r/speed.json; do echo '{"total": {}}' >$f; done
    "$REPORTS/collect" table method r <(echo '{}') r/param/rows.json log -- r/1/eval/original.json \
        r/1/overlap.json r/1/patches.json r/layers.json r/speed.json >table.json
    [ "$(jq -c .seeds table.json)" = '["1"]' ]
}
