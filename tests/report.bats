# report.bats - from what runs left behind to tables, pictures, claims and the page. Most of it works on
# tests/data/report.json: a run of one backbone on 60 items a rate, cut short.
load helper

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    export REPORT=$BATS_TEST_DIRNAME/data/report.json REPORTS=$BATS_TEST_DIRNAME/../report
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
# decides N PASS FAIL: a case for decided: claim N holds after the filter PASS, and no longer after
# FAIL on top of it
decides() { echo "{claim: $1, held: [($2 | of($1).holds), ($2 | $3 | of($1).holds)]},"; }
# decided CASES...: all of them in one go; prints those that are otherwise
decided() {
    jq -L "$REPORTS" "include \"claims\"; def of(\$n): claims | map(select(.claim == \$n))[0];
        [$* empty][] | select(.held != [true, false])" "$REPORT"
}

# Every tag closed, in order. svg and HTML alike; no void elements but meta and br.
balanced() {
    awk 'BEGIN { RS = "<" }
        NR == 1 { next }
        { tag = $0; sub(/[ \t\n>].*/, "", tag); inside = $0; sub(/>.*/, "", inside) }
        tag ~ /^!/ || tag == "meta" || tag == "br" || inside ~ /\/$/ { next }
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

@test "claims.md: 24 claims on every backbone, no cell empty; claim 22 from all backbones" {
    "$REPORTS/markdown" claims "$RES"/{llama2,mistral}/all.json >claims.md
    grep -E '^\| [0-9]+\. ' claims.md >rows
    [ "$(wc -l <rows)" = 24 ]
    local outcome='(holds|does not hold|not testable here)' of22='| 22. Works across architectures'
    run grep -vE "^\| [0-9]+\. [^|]+( \| $outcome(, within the noise)?){2} \|\$" rows
    [ "$status" = 1 ]
    [ "$(grep -cE "^- \*\*(LLaMA-2|Mistral)\*\*, $outcome: .{4,}\.\$" claims.md)" = 48 ]
    grep -qF "$of22 | holds | does not hold |" claims.md
    "$REPORTS/markdown" claims "$RES/llama2/all.json" >one.md
    grep -qF "$of22 | not testable here |" one.md
}

@test "claims: what decides each" {
    local asr=asr_unseen no=refused_lookalike said=answered_lookalike u=utility
    # states in which a claim holds
    local original safepatching useless jailbroken others strict between merged parts spread examples
    original=$(rate original $asr 0.2 original $no 0.08 original $said 0.92 original $u 0.99 \
        original asr_jailbreak 0.3 original answered_benign 1 original ppl 2)
    safepatching="$original | $(rate safepatching $asr 0.05 safepatching $no 0.05 \
        safepatching $said 0.95 safepatching $u 0.99 safepatching answered_benign 1 safepatching ppl 2)"
    useless=$(rate only_safety $asr 0 only_safety $said 0.05)
    jailbroken="$original | $(rate only_oversafety $asr 1 only_oversafety $no 0)"
    others="$safepatching
        | (.rows[] | select(.row | IN(\"original\", \"safepatching\") | not)).mean.$u = 0.5"
    strict="$safepatching | $(rate ga_kl $asr 0 ga_kl $no 0.4 safedecoding $asr 0 safedecoding $no 0.8)"
    between=$(rate ties $asr 0.1 ties $no 0.02 task_arithmetic $asr 0.1 task_arithmetic $no 0.02)
    merged="$safepatching | $between"
    spread='.layers.global.depth |= (.[0].share_a = 0.9 | .[1].share_b = 0.9)'
    local times='.speed.safepatching.atgr = 1 | .speed.safedecoding.atgr = 1.03
        | .speed.rose.atgr = 2.08 | .speed.self_cd.atgr = 2.48'
    parts="$safepatching | $(rate continual_npo_3 $said 0 \
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
        decides 4 "$safepatching" "$(rate safepatching $asr 0.2)"
        decides 4 "$safepatching" "$(rate safepatching $no 0.09)"
        decides 5 "$others" "$(rate npo $asr 0.1 npo $no 0.08 npo $u 0.985)"
        decides 6 "$safepatching" "$(rate safepatching $u 0.97)"
        decides 6 "$safepatching" "$(rate safepatching answered_benign 0.98)"
        decides 6 "$safepatching" "$(rate safepatching ppl 2.1)"
        decides 8 "$strict" "$(rate ga_kl $no 0.09)"
        decides 9 "$original | $(rate self_cd $u 0.5 rose $u 0.5)" "$(rate rose $u 0.985)"
        decides 10 "$original | $(rate intersect $asr 0.205)" "$(rate intersect $asr 0.3)"
        decides 11 "$safepatching | $(rate intersect $asr 0.2)" "$(rate intersect $asr 0.09)"
        decides 12 "$merged" "$(rate ties $asr 0.04)"
        decides 12 "$merged" "$(rate task_arithmetic $no 0.5)"
        decides 13 "$safepatching | $(rate no_retention $asr 0.2 no_retention $no 0 no_retention $u 0.99)" \
            "$(rate no_retention $asr 0.05)"
        decides 14 '.regions[].both_of_a = 0.1' '.regions[].both_of_a = 0.3'
        decides 15 "$spread" '.layers.global.depth[1].share_a = 1'
        decides 18 "$times" '.speed.safedecoding.atgr = 0.99'
        decides 18 "$times" '.speed.rose.atgr = 1.4'
        decides 18 "$times" '.speed.safepatching.atgr = 0.94'
        decides 19 "$original | $(rate safepatching asr_jailbreak 0.2)" \
            "$(rate safepatching asr_jailbreak 0.4)"
        decides 20 "$parts" "$(rate continual_npo_3 $said 0.5)"
        decides 20 "$parts" "$(rate continual_safepatching_3 $said 0.8)"
        decides 21 "$transfers" "$(rate continual_safepatching_1 $asr:deceit 0.3)"
        decides 23 . "$examples"
        decides 24 "$useless | $(rate ga_kl $asr 0.01 ga_kl $said 0.5)" "$(rate ga_kl $said 0.01)"
    }
    cases >list
    [ "$(grep -c '^{claim' list)" = 30 ]
    run decided "$(<list)"
    echo "$output"
    [ "$status" = 0 ] && [ -z "$output" ]
}

@test "claims: what is needed and was not measured is said, of this claim alone" {
    # lacks FILTER CLAIM...: a case: after the filter these claims, and no others, lack figures
    lacks() { echo "{open: ($1 | open), is: [$(IFS=, && echo "${*:2}")]},"; }
    row() { echo "del(.rows[] | select(.row == \"$1\"))"; }
    cases() {
        lacks .
        lacks "$(row only_safety)" 1 3 5 24
        lacks "$(row only_oversafety)" 2 3
        lacks "$(row safepatching)" 4 5 6 8 11 12 13 16 17 19 20 21
        lacks "$(row safedecoding)" 5 8
        lacks "$(row self_cd)" 5 9
        lacks "$(row intersect)" 10 11
        lacks "$(row ties)" 12
        lacks "$(row no_retention)" 13 16
        lacks "$(row rate_0.03)" 16
        lacks "$(row beta_0)" 16 17
        lacks "$(row continual_safepatching_3)" 20
        lacks "$(row continual_safepatching_1)" 21
        lacks "$(row ga_kl)" 5 8 24
        lacks 'del(.rows[] | select(.row == "safepatching").mean.asr_jailbreak)' 19
        lacks 'del(.rows[] | select(.row == "original").mean.ppl)' 6
        lacks '.regions = []' 14
        lacks 'del(.layers)' 15
        lacks 'del(.sweeps.alpha)' 16 17
        lacks 'del(.speed.rose)' 18
        lacks 'del(.tables.baselines)' 5
        lacks '.stages = []' 23
    }
    run jq -c -L "$REPORTS" "include \"claims\";
        def open: [claims[] | select(.holds == null and .measured == null)
            | select(.why == \"what decides was not measured in this run\").claim];
        [$(cases) empty][] | select(.open != .is)" "$REPORT"
    echo "$output"
    [ "$status" = 0 ] && [ -z "$output" ]
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
