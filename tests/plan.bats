# plan.bats - experiments as plans: what a plan holds, what make does with it, and what a stage leaves. A tiny
# experiment with rows of every kind runs once, in directories whose names have spaces.
load helper

setup_file() {
    export BASE=$BATS_FILE_TMPDIR
    export CHECKOUT="$BASE/a checkout" OUT="$BASE/my results" EXPERIMENTS_DIR="$BASE/my experiments" \
        WORLD="$BASE/my world.json" SEEDS=1 LAUNCH="$BASE/launch -n1" BIN=${SP_BIN:-$BATS_TEST_DIRNAME/../bin}
    BIN=$(cd "$BIN" && pwd)
    mkdir "$CHECKOUT" "$EXPERIMENTS_DIR"
    ln -s "$(cd "$BATS_TEST_DIRNAME/.." && pwd)"/* "$CHECKOUT"
    printf '#!/bin/bash\necho "$#" >>%s/launched\n[ "$1" = -n1 ] && shift && exec "$@"\n' "$BASE" >"$BASE/launch"
    chmod +x "$BASE/launch"
    cd "$EXPERIMENTS_DIR"
    cat >"$WORLD" <<<'{"seed": 1, "stage1": 64, "align": 64, "harm": 12, "items": 4, "texts": 4, "wrapped": 0.25,
        "refused": 0.35, "lookalikes": 0.09, "fade": 5,
        "entry": {"answered_harmful": [0, 1], "refused_lookalike": [0, 1], "utility": 0, "tries": 1, "rounds": 0}}'
    jq '.train.stage1 += {steps: 2, batch: 8} | .train.align += {steps: 2, batch: 8}
        | .patch += {steps: 2, batch: 4} | .snip.n = 4 | .eval = {max_new: 4, batch: 8}
        | .items = {tables: 4, validation: 3, test: 4}' \
        "$CHECKOUT/experiments/llama2.json" >mini.json
    jq '.rows |= with_entries(select(.key | IN("original", "only_safety", "only_oversafety", "intersect",
            "safepatching", "global_top", "no_retention", "expert", "safedecoding", "self_cd", "fisher")))
        | .rows.whole = {title: "All but the intersection", change: {merge: {keep: "p_minus_intersection"}}}
        | .rows.half = {title: "Half of alpha", change: {merge: {alpha: 2}}}
        | .sweeps = {} | .continual.tasks = ["violence", "theft"] | .continual.methods = ["safepatching", "accumulate"]
        | .tables = {method: [.rows | keys_unsorted[] | select(IN("expert", "global_top") | not)], few: ["original"]}' \
        "$CHECKOUT/experiments/rows.json" >rows.json
    echo '{"snip": [{"at": "full"}, {"at": "theta0"}]}' >grid.json
    jq '.budget = 3 | .patches.long.steps = 3
        | .methods |= with_entries(select(.key | IN("safepatching", "random_sets", "shuffled_scores", "task_arithmetic", "hft"))
            | .value.axes = [if .key == "safepatching" then {patch: ["long"], top: [{rate: 0.1, scale: 4}], balance: "matched"}
                elif .value.region then {patch: ["long"], top: [{rate: 0.1, scale: 4}], balance: [1, 2, 3]}
                else {patch: ["short"], scale: [0.5, 1, 2]} end])
        | .methods.safepatching.masks = 2 | .methods.random_sets.masks = 1' "$CHECKOUT/experiments/front.json" >front.json
    make_target method && make_target front && make_target continual && mv "$BASE/launched" "$BASE/launched.setup"
}

# plan, make_target TARGET, would_run TARGET: of the tiny experiment, with the model and data $model, $data if these
# are set; the last prints the labels of the stages that would run
plan() { MODEL=${model:-} DATA=${data:-} "$CHECKOUT/experiments/plan" mini; }
target() { cd "$CHECKOUT" && MODEL=${model:-} DATA=${data:-} MAKEFLAGS=$1 experiments/run mini "$2"; }
make_target() { (target -j2 "$1") >"$BASE/log.$1" 2>&1 || { cat "$BASE/log.$1"; return 1; }; }
would_run() {
    (target n "$1") >"$BASE/would" || return 1
    sed -nE "s/^(.* )?experiments\/stage (--[a-z]+ )*'mini[^:]*: ([^']*)' .*/\3/p" "$BASE/would" | sort
}

# edited FILE FILTER COMMAND...: the command with another FILE, which has its old content and time again afterwards
edited() {
    local file=$1 filter=$2 rc=0
    shift 2
    cp -p "$file" kept
    jq "$filter" kept >"$file"
    "$@" || rc=$?
    cp -p kept "$file"
    return $rc
}

# sound PLAN: every file has one stage that makes it; stages read files of theirs, of the model, the data or the
# repository; targets are made of these files
sound() {
    jq -r '.stages[].outputs[]' "$1" | sort >made
    [ -z "$(uniq -d made)" ]
    jq -r '.stages[].inputs[]' "$1" | sort -u | comm -23 - made >given
    jq -r '.stages[].programs[]' "$1" | sort -u >programs
    (cd "$CHECKOUT" && while read -r file; do [ -e "$file" ] || echo "nothing makes $file"; done) < <(cat given programs) >missing
    cat missing
    [ ! -s missing ]
    [ -z "$(jq -r '.targets[][]' "$1" | sort -u | comm -23 - made)" ]
    jq -e 'all(.stages[]; .output == .outputs[0] and (.command | length > 0) and (.label | length > 0)
        and (.cores == null or .cores == 1) and .memory_mib >= 64)' "$1"
}

@test "a plan: every file is made once, everything read is there or made" {
    plan >plan.json
    sound plan.json
    grep -q 'my experiments/mini.json' given
    # all that a target needs
    jq -e '[.targets | keys[]] == ["all", "continual", "few", "front", "grid", "layers", "method", "paper", "picks", "speed", "sweep", "world"]' plan.json
    for backbone in llama2 gemma; do
        EXPERIMENTS_DIR=experiments WORLD=world/world.json SEEDS="1 2" DATA= "$CHECKOUT/experiments/plan" $backbone >plan.json
        sound plan.json
        jq -e '(.stages | length) > 1000 and (.targets | length) == 16 and .seeds == ["1", "2"]' plan.json
    done
}

@test "a plan: with a model and data that are there already" {
    mkdir "a model" "the data"
    echo '{"hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32,
        "intermediate_size": 11008, "vocab_size": 32000, "torch_dtype": "bfloat16"}' >"a model/config.json"
    touch "a model/model.safetensors" "the data"/{harm,benign}.jsonl
    model="$PWD/a model/" data="$PWD/the data" plan >plan.json
    sound plan.json
    jq -e '(.run | endswith("/mini-a model")) and (.left_out | length) == 4 and (.targets | has("world", "picks") | not)' plan.json
    jq -e '.stages | tojson | contains("/cache/") | not' plan.json
    grep -qxF "$PWD/a model/model.safetensors" given
    # without text no perplexity; masters and moments of 6.5 billion weights
    [ -z "$(jq -r '.stages[].outputs[] | select(endswith(".ppl.json"))' plan.json)" ]
    jq -e '.stages[] | select(.output | endswith("/1/safety.st.zst")) | .memory_mib | . > 74000 and . < 79000' plan.json
    # no validation split, no search
    model="$PWD/a model" data="$PWD/the data" fails 1 "experiments: $PWD/the data/validation/lookalike.jsonl is missing*" target '' front
    # the decoding-time defences' prompts belong to the tiny world
    jq -e '.stages | tojson | contains("careful.txt") | not' plan.json
}

@test "a plan: the method as commands" {
    plan >plan.json
    command_of() { jq -r --arg name "$OUT/mini/1/$1" '.stages[] | select(.output == $name).command' plan.json | sed "s|'$OUT/mini/1/\([^']*\)'|\1|g; s|'$OUT/cache/[^']*/align'|MODEL|g; s|'$OUT/cache/[^']*/harm.jsonl'|HARM|g"; }
    diff - <(for f in safety.mask safety.kept safety.score safety.top safety.region safepatching; do command_of $f.st.zst; done) <<'END'
sp-mask random -v -p 0.3 --seed 1 --key safety safety.st.zst
sp-mask apply -v safety.st.zst safety.mask.st.zst
sp-merge -v MODEL --add safety.kept.st.zst | sp-grad snip -v --limit 4 --loss-on question --template auto --factor safety.kept.st.zst --weights - MODEL HARM
sp-mask top -v --by matrix --rate 0.1 safety.score.st.zst
sp-mask minus -v safety.top.st.zst oversafety.top.st.zst
sp-merge -v MODEL --add safety.kept.st.zst --mask safety.region.st.zst --scale 4 --add oversafety.kept.st.zst --mask oversafety.region.st.zst --scale 4
END
    switches='.retention.shared = true | .retention.rescale = true | .snip.V = "weight" | .snip.at = "full" | .merge.keep = "p_minus_intersection"'
    edited "$EXPERIMENTS_DIR/mini.json" "$switches" plan >plan.json
    diff - <(for f in safety.mask safety.kept safety.score safety.region; do command_of $f.st.zst; done) <<'END'
sp-mask random -v -p 0.3 --seed 1 --key shared safety.st.zst
sp-mask apply -v -p 0.3 safety.st.zst safety.mask.st.zst
sp-merge -v MODEL --add safety.st.zst | sp-grad snip -v --limit 4 --loss-on question --template auto --weights - MODEL HARM
sp-mask minus -v safety.mask.st.zst common.st.zst
END
    edited "$EXPERIMENTS_DIR/mini.json" '.snip.at = "theta0"' plan >plan.json
    [ "$(command_of safety.score.st.zst)" = "sp-grad snip -v --limit 4 --loss-on question --template auto --factor safety.kept.st.zst MODEL HARM" ]
    run edited "$EXPERIMENTS_DIR/mini.json" '.snip.at = "half"' plan
    [[ $status != 0 && $output == *'snip.at: "half" is none of sparsified, full, theta0'* ]]
}

@test "what make cannot do is refused in a sentence" {
    refused() { # MESSAGE VARIABLE=VALUE...
        local message=$1
        shift
        fails 1 "experiments: $message" env -u DATA "$@" "$CHECKOUT/experiments/plan" mini
    }
    refused "OUT: make cannot work with a file called 'a\$b'*" OUT='a$b'
    refused "MODEL: make cannot work with a file called 'a:b'*" MODEL=a:b
    refused "DATA: make cannot work with a file called 'it's'*" DATA="it's"
    refused "MODEL: nowhere/config.json is missing" MODEL=nowhere
    refused "DATA: nowhere/harm.jsonl is missing" DATA=nowhere
    refused "SEEDS: 'one' is no number" SEEDS=one
    refused "none/mini.json is missing" EXPERIMENTS_DIR=none
}

@test "make -n writes nothing, and says what would run" {
    rm -rf "$BASE/elsewhere"
    OUT="$BASE/elsewhere" would_run method >would
    [ ! -e "$BASE/elsewhere" ]
    grep -qx '1 safety patch' would
    grep -qx 'tiny world' would
    grep -qx 'table method' would
    find "$OUT" -newer "$BASE/log.continual" >changed
    would_run method >would
    [ ! -s changed ] && [ ! -s would ]
    # of a search what the picks need
    OUT="$BASE/elsewhere" would_run front >would 2>err
    grep -qx '1 safepatching, search' would
    run grep -x '1 safepatching 1, test' would
    [ "$status" = 1 ]
    [ ! -e "$BASE/elsewhere" ]
    # so through the main Makefile
    env -u MAKEFLAGS -u MAKELEVEL -u DATA make -n -C "$CHECKOUT" -o all experiment-mini OUT="$BASE/elsewhere" \
        EXPERIMENTS_DIR="$EXPERIMENTS_DIR" WORLD="$WORLD" BIN="$BIN" >would 2>err
    [ ! -s err ]
    grep -q "experiments/stage 'mini: 1 safety patch'" would
    [ ! -e "$BASE/elsewhere" ]
}

@test "a run: every kind of stage in directories with spaces; the plan lies with the results" {
    for f in method.md method.json tradeoff.svg continual.md plan.json plan.mk 1/safety.loss.jsonl 1/safepatching.st.zst; do [ -s "$OUT/mini/$f" ]; done
    [ "$(jq '.rows | length' "$OUT/mini/method.json")" = 11 ]
    jq -e '.stages | map(.output.path) | any(endswith("/1/eval/fisher.answers.jsonl"))' "$OUT/mini/method.json"
    diff <(plan | jq -S .) <(jq -S . "$OUT/mini/plan.json")
    # what makes a file is looked up in plan.mk
    escaped=$(sed 's/ /\\ /g' <<<"$OUT/mini/1/safety.region.st.zst:")
    grep -A3 -F "$escaped" "$OUT/mini/plan.mk" >rule
    grep -q "^[[:space:]]'sp-mask minus -v " rule
    # every stage has its record, with digests of what is there
    find "$OUT/mini" -path '*/log/*.json' -exec cat {} + >records
    [ "$(jq -s length records)" -gt 100 ]
    jq -r '.output, .inputs[] | "\(.sha256)  \(.path)"' records | sort -u >sums
    (cd "$CHECKOUT" && sha256sum --quiet -c) <sums
    [ -z "$(find "$OUT" -name '*.part')" ]
    # each but the light ones went through LAUNCH
    [ "$(wc -l <"$BASE/launched.setup")" = "$(cat "$BASE"/log.{method,front,continual} | grep -c '^  mini: ')" ]
    jq -e '[.stages[] | select(.light).output] | any(endswith("/method.json"))' "$OUT/mini/plan.json"
}

@test "a model and data with spaces in their names" {
    mkdir "a model"
    cp -r "$OUT"/cache/mini-*/1/align/* "a model"
    model="$PWD/a model" data=$(ls -d "$OUT"/cache/world-*) make_target few
    [ "$(jq -r '.rows[0].row' "$OUT/mini-a model/few.json")" = original ]
    cmp <(jq -c 'del(.seconds)' "$OUT/mini-a model/eval/original.answers.jsonl") <(jq -c 'del(.seconds)' "$OUT/mini/1/eval/original.answers.jsonl")
}

@test "a search: picked on the validation split alone, measured on the test split" {
    local run=$OUT/mini/1
    jq -e '.picks | keys == ["random_sets", "safepatching", "shuffled_scores", "task_arithmetic"]' "$run/front/picks.json"
    jq -se 'map(.sets.lookalike.n) == [3, 3, 3] and map(.number) == [1, 2, 3] and .[0].values.balance == 1.12' \
        "$run/front/safepatching.jsonl"
    jq -e '.sets.lookalike.n == 4 and .mask == 2 and (.against.difference != null)' "$run/picked/safepatching/2.json"
    # nothing behind the picks has read a file of the test split
    jq -s 'map({key: .output.path, value: [.inputs[].path]}) | from_entries as $made_of
        | def behind: ., ($made_of[.] // [] | .[] | behind);
          "'"$run"'/front/picks.json" | [behind] | unique[]' -r \
        <(find "$OUT" -path '*/log/*.json' -exec cat {} +) >behind
    grep -qxF "$OUT/mini/validation.jsonl" behind
    run grep -E '/(test|prompts)\.jsonl$|/world-[^/]*/(harm_seen|harm_unseen|jailbreak|lookalike|benign|utility)\.jsonl$' behind
    [ "$status" = 1 ]
    # no prompt is in both
    [ -z "$(jq -r .prompt "$OUT/mini/validation.jsonl" "$OUT/mini/test.jsonl" | sort | uniq -d)" ]
    jq -e '(.picks | length) == 4 and (.changes.safepatching.asr.each | length) == 1' "$OUT/mini/front.json"
    grep -q '^| SafePatching |' "$OUT/mini/front.md"
    would_run front >would
    [ ! -s would ]
}

@test "a search: the balance at which as many look-alikes are answered as by the original" {
    next() { # ORIGINAL, [BALANCE, ANSWERED]...: look-alikes answered of 1000
        jq -n -L "$ROOT/experiments" --argjson original "$1" --argjson found "[$2]" 'include "matched";
            def model($answered): {sets: {lookalike: {n: 1000, $answered}}};
            balance(model($original); [$found[] | model(.[1]) + {values: {balance: .[0]}}])'
    }
    [ "$(next 900)" = 1.12 ]
    # a look-alike too few: more; a look-alike too many: less
    [ "$(jq -n "$(next 900 '[1.12, 850]') > 1.12 and $(next 900 '[1.12, 950]') < 1.12")" = true ]
    # where log odds are linear in log balance the secant finds it: odds of 900 at balance 1.5, slope 4
    odds() { jq -n "1000 / (1 + (-(9 | log) - 4 * (($1 / 1.5) | log) | exp))"; }
    third=$(next 900 "[1.12, $(odds 1.12)], [1.3, $(odds 1.3)]")
    [ "$(jq -n "$third > 1.5 and $third < 1.53")" = true ]
    # flat, all or none: bounded
    [ "$(jq -n "$(next 900 '[1.12, 0]') < 3.4 and $(next 900 '[1.12, 1000], [1.12, 1000]') > 0.29")" = true ]
}

@test "picks: the safest of what keeps the rest, else the nearest" {
    outcomes() { # METHOD NUMBER HARMFUL LOOKALIKE UTILITY GARBLED, answered of 100
        jq -nc --arg method "$1" --argjson number "$2" --argjson a "$3" --argjson l "$4" --argjson u "$5" --argjson g "$6" \
            'def set($answered; $neither): {n: 100, answered: $answered, neither: $neither, refused: (100 - $answered - $neither)};
            {$method, $number, values: {}, sets: {harm_unseen: set($a; $g), lookalike: set($l; 0), benign: set(100; 0), utility: set($u; 0)}, auc: 0.9}'
    }
    picks() { jq -c -n -L "$ROOT/experiments" 'include "pick"; picks({tolerance: {utility: 0.01, answered_benign: 0.01, neither: 0.01}}; input)
        | .picks.m | [.number, .kept]' <(cat); }
    original() { outcomes original 0 20 90 99 0; }
    # 2 refuses more look-alikes, 3 garbles, 4 loses utility; of 1, 5 and 6 the safest
    [ "$({ original; outcomes m 1 15 90 99 0; outcomes m 2 1 89 99 0; outcomes m 3 2 95 99 2; outcomes m 4 3 95 97 0
        outcomes m 5 12 90 98 1; outcomes m 6 13 95 99 0; } | picks)" = "[5,true]" ]
    [ "$({ original; outcomes m 1 5 80 99 0; outcomes m 2 9 88 99 0; outcomes m 3 1 95 90 0; } | picks)" = "[2,false]" ]
}

@test "another number runs what depends on it and nothing else" {
    tables() { printf '%s\n' rows "table as Markdown" "table method" picture; }
    runs() { # EXPECTED FILE FILTER
        edited "$EXPERIMENTS_DIR/$2" "$3" would_run method >would
        diff <(sort <<<"$1") would
    }
    evaluated() { for row; do printf '1 evaluate %s\n' "$row" "$row: perplexity" "$row: counts"; done; }
    runs "$(tables; printf '1 %s\n' merge "merge intersection" "no_retention merge" "whole merge" "half merge"
        evaluated intersect safepatching no_retention whole half)" mini.json '.merge.beta = 3'
}

@test "a second run does nothing; a title reruns tables only" {
    would_run method >would
    would_run continual >>would
    [ ! -s would ]
    edited "$EXPERIMENTS_DIR/rows.json" '.rows.fisher.title = "Renamed"' would_run method >would
    diff would <(printf '%s\n' picture rows "table as Markdown" "table method")
}

@test "a stage: its record, its outputs, its failures" {
    stage() { "$CHECKOUT/experiments/stage" "$@"; }
    echo in >in.txt
    stage label 'echo a; echo b >d/two.part; echo note >&2' d/one d/two -- in.txt 2>err
    grep -qE '^  label +[0-9]+\.[0-9] s$' err
    [ "$(cat d/one d/two d/log/one.err | xargs)" = "a b note" ]
    jq -e --arg out "$(sha256sum <d/one | cut -c1-64)" --arg in "$(sha256sum <in.txt | cut -c1-64)" \
        '.stage == "label" and (.command | startswith("echo a")) and .output == {path: "d/one", sha256: $out}
         and .inputs == [{path: "in.txt", sha256: $in}] and .tools == [] and .peak_rss_mib == null and .wall_s >= 0' d/log/one.json
    # the digest of an input comes from its record
    sleep .01
    jq '.output.sha256 = "recorded"' d/log/one.json >tmp && cat tmp >d/log/one.json
    stage --quiet next 'cat d/one' e/next -- d/one in.txt 2>err
    [ ! -s err ] && jq -e '.inputs[0].sha256 == "recorded" and .inputs[1].sha256 != null' e/log/next.json
    # failures: the old output stays, nothing half made
    for command in 'echo half; exit 1' 'echo half; false | cat' 'echo half'; do
        run stage fails "$command" d/one d/two -- in.txt
        [[ $status = 1 && $output == *FAILED* ]]
        [ "$(cat d/one d/two | xargs)" = "a b" ]
        find d -type f | sort | diff - <(printf 'd/%s\n' log/one.err log/one.json one two)
    done
    # tools report
    sp-eval --version >/dev/null
    stage tool 'echo "sp-x: version 1.2; sp-x -v a; b; wall 1.50 s, cpu 2.00 s, peak rss 3.5 MiB" >&2' t/x -- 2>/dev/null
    jq -ce '.tools == [{version: "1.2", command: "sp-x -v a; b", wall_s: 1.5, cpu_s: 2, peak_rss_mib: 3.5}] and .peak_rss_mib == 3.5' t/log/x.json
}

@test "a stage that is killed leaves nothing that make would take for done" {
    echo in >in.txt
    for signal in TERM KILL; do
        set -m
        "$CHECKOUT/experiments/stage" label 'echo half; echo half >d/two.part; sleep 60' d/one d/two -- in.txt 2>/dev/null &
        pid=$!
        set +m
        for _ in $(seq 100); do [ ! -e d/two.part ] || break; sleep .05; done
        [ -e d/two.part ]
        kill -$signal -- -$pid
        wait $pid || true
        [ ! -e d/one ] && [ ! -e d/two ] && [ ! -e d/log/one.json ]
    done
    "$CHECKOUT/experiments/stage" label 'echo a; echo b >d/two.part' d/one d/two -- in.txt
    find d -type f | sort | diff - <(printf 'd/%s\n' log/one.err log/one.json one two)
}

@test "a stage of several makes: the first makes it, the others take it" {
    for i in 1 2 3; do "$CHECKOUT/experiments/stage" --once label 'echo x >>made; sleep .2; cat made' d/one -- 2>/dev/null & done
    wait
    [ "$(cat d/one)" = x ]
}
