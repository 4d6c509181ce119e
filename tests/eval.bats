# sp-eval from the outside: generate, loglik, margin, roc, ppl, logits, tokenize.
load helper

# prompts FAMILY: its reference prompts as JSONL;  wanted FAMILY: the ids that must follow, one array a line
prompts() { jq -c '{id: ("p" + (input_line_number | tostring)), input_ids}' "$GOLDEN/$1/tokens.jsonl"; }
wanted() { jq -c '.gen_ids[]' "$GOLDEN/$1/expected.json"; }
gen() { sp-eval generate --ignore-eos --max-new 16 "$@"; }
no_time() { jq -c 'del(.seconds)'; }

@test "generate: reference continuations of every family, cached or not, in any batch" {
    need_golden llama2
    for family in llama2 llama3 llama31 mistral gemma; do
        prompts $family > p.jsonl
        wanted $family > want
        gen "$GOLDEN/$family" p.jsonl > a.jsonl
        diff want <(jq -c .ids a.jsonl)
    done
    prompts mistral > p.jsonl # with a window: the cache is a ring
    gen "$GOLDEN/mistral" p.jsonl | no_time > a.jsonl
    for options in "-b 1" "-b 2 --prefill 3" "--no-cache" "--low-memory" "-t 1"; do
        # shellcheck disable=SC2086
        gen $options "$GOLDEN/mistral" p.jsonl | no_time | diff a.jsonl -
    done
}

@test "generate: order and fields of the input are kept, results come after them" {
    need_golden stories260K
    for i in 1 2 3 4 5 6 7; do
        echo '{"id":'$i',"text":"One day","note":{"x":[1.5,null]},"rate":0.1,"response":"old"}'
    done > p.jsonl
    gen -n 5 -b 2 "$GOLDEN/stories260K" p.jsonl > out.jsonl
    diff <(seq 7) <(jq .id out.jsonl)
    [ "$(head -1 out.jsonl | jq -c keys_unsorted)" = '["id","text","note","rate","response","ids","finish","tokens","seconds"]' ]
    [ "$(head -1 out.jsonl | jq -c '[.note,.tokens,.finish,(.ids|length)]')" = '[{"x":[1.5,null]},5,"length",5]' ]
    grep -q '"rate":0.1,' out.jsonl
    [ "$(jq -c .response out.jsonl | sort -u | wc -l)" = 1 ]
}

@test "generate: the texts of stories260K, from standard input to -o" {
    need_golden stories260K
    model=$GOLDEN/stories260K
    jq -c '.cases[] | {text: .prompt}' "$model/expected.json" | gen -n 200 -o out.jsonl "$model" -
    jq -c '.cases[] | .steps - (.prompt_ids | length)' "$model/expected.json" > lengths
    paste -d' ' lengths out.jsonl | while read -r n line; do echo "$line" | jq -c --argjson n "$n" '.ids[:$n]'; done > got
    diff <(jq -c '.cases[] | .ids[(.prompt_ids | length):]' "$model/expected.json") got
    jq -c '.cases[] | {ids}' "$model/expected.json" | sp-eval tokenize --decode "$model" | jq .text |
        diff <(jq '.cases[].text' "$model/expected.json") -
}

@test "generate: stop texts, end tokens, length" {
    need_golden stories260K
    model=$GOLDEN/stories260K
    echo '{"text":"Once upon a time"}' > p.jsonl
    gen -n 40 "$model" p.jsonl > whole.jsonl
    gen -n 40 --stop "not in it" --stop "Lily" "$model" p.jsonl > cut.jsonl
    [ "$(jq -r .finish cut.jsonl)" = stop ]
    [ "$(jq -j .response cut.jsonl)Lily" = "$(jq -j .response whole.jsonl | sed 's/Lily.*/Lily/')" ]
    [ "$(jq .tokens cut.jsonl)" -lt 40 ]
    # the model is trained on stories that end: without --ignore-eos the answer is shorter than the limit or has no end token in it
    sp-eval generate -n 400 "$model" p.jsonl | jq -e '.ids | index(2) == null'
}

@test "generate: sampling depends on the seed, not on batch or threads" {
    need_golden stories260K
    for i in 1 2 3 4 5; do echo '{"text":"One day"}'; done > p.jsonl
    draw() { gen --temperature 1.2 --top-p .95 "$@" "$GOLDEN/stories260K" p.jsonl | jq -c .ids; }
    draw --seed 1 > a
    draw --seed 1 -b 2 -t 1 > b
    draw --seed 2 > c
    diff a b
    [ "$(sort -u a | wc -l)" = 5 ]
    ! diff -q a c
    gen --temperature 1 --top-k 1 "$GOLDEN/stories260K" p.jsonl | jq -c .ids | diff - <(gen "$GOLDEN/stories260K" p.jsonl | jq -c .ids)
}

@test "generate: a chat template is used, and the weights may come from a stream" {
    need_golden stories260K
    model=$GOLDEN/stories260K
    echo '{"prompt":"Hello"}' > p.jsonl
    echo '{"messages":[{"role":"user","content":"Hello"}]}' > m.jsonl
    gen --template llama2 "$model" p.jsonl | jq -c .ids > a
    gen --template llama2 "$model" m.jsonl | jq -c .ids | diff a -
    ! gen --template plain "$model" p.jsonl | jq -c .ids | diff -q a -
    zstd -qc "$model/model.safetensors" | gen --template llama2 --weights - "$model" p.jsonl | jq -c .ids | diff a -
}

# A copy of stories260K with this chat template; one without any: none.
with_template() { # DIR TEXT
    cp -r "$GOLDEN/stories260K" "$1" && chmod -R u+w "$1"
    jq --arg t "$2" '.chat_template = $t' "$GOLDEN/stories260K/tokenizer_config.json" >"$1/tokenizer_config.json"
}
chosen() { gen -v "$@" ids.jsonl 2>&1 >/dev/null | grep -o ', template [a-z0-9]*'; }
loss() { sp-eval ppl "$@" | jq -c '[.nll, .tokens]'; }

@test "generate: --template auto takes the directory's own template, and -v says so" {
    need_golden stories260K
    echo '{"input_ids":[1,2]}' > ids.jsonl
    echo '{"prompt":"Hello","response":" you"}' > p.jsonl
    with_template m "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}Q: {{ m.content }}
A:{% else %}{{ m.content + eos_token }}{% endif %}{% endfor %}"
    [ "$(chosen m)" = ", template own" ]
    echo '{"user":"Q: {user}\nA:","assistant":"{assistant}{eos}","trim":false}' > same.json
    [ "$(chosen --template-file same.json m)" = ", template file" ]
    [ "$(chosen --template gemma m)" = ", template gemma" ]
    for on in answer question all; do
        [ "$(loss --loss-on $on m p.jsonl)" = "$(loss --loss-on $on --template-file same.json m p.jsonl)" ]
    done
    [ "$(loss m p.jsonl)" != "$(loss --template plain m p.jsonl)" ]
    gen m p.jsonl >own 2>log
    [ ! -s log ]
    jq -c .ids own | diff <(gen --template-file same.json m p.jsonl | jq -c .ids) -
    # where there is a file of its own, it counts
    echo "{{ bos_token + messages[0].content + ' ' }}" >m/chat_template.jinja
    ! gen m p.jsonl | jq -c .ids | diff -q <(jq -c .ids own) -
}

@test "templates: --date and --no-thinking reach the model's own" {
    need_golden stories260K
    echo '{"prompt":"Hello","response":" you"}' > p.jsonl
    with_template m "{{ strftime_now('%d %b %Y') }}{% if enable_thinking is defined and not enable_thinking %} no{% endif %}
{%- for m in messages %} {{ m.content }}{% endfor %}"
    literal() { # TEXT: the same with this text instead
        with_template "$1" "$1{% for m in messages %} {{ m.content }}{% endfor %}"
        loss "$1" p.jsonl
    }
    [ "$(loss m p.jsonl)" = "$(literal "26 Jul 2024")" ]
    [ "$(loss --date 2025-02-28 m p.jsonl)" = "$(literal "28 Feb 2025")" ]
    [ "$(loss --no-thinking m p.jsonl)" = "$(literal "26 Jul 2024 no")" ]
    for date in 2025-02-30 2025-2-28 28-02-2025 2025-02-28x tomorrow ''; do
        fails 2 "sp-eval: --date: '$date' is no date (YYYY-MM-DD)" sp-eval ppl --date "$date" m p.jsonl
        fails 2 "sp-grad: --date: '$date' is no date (YYYY-MM-DD)" sp-grad grad --date "$date" m p.jsonl
    done
}

@test "templates: what the model's own cannot do is said" {
    need_golden stories260K
    echo '{"input_ids":[1,2]}' > ids.jsonl
    echo '{"prompt":"Hello","response":" you"}' > p.jsonl
    # says PATTERN COMMAND...: status 0, this one line on standard error
    says() { run --separate-stderr "${@:2}"; [ "$status" = 0 ] && [[ $stderr == $1 && $stderr != *$'\n'* ]] || { echo "$stderr"; return 1; }; }
    # no template: said once, and only of conversations
    says "sp-eval: *stories260K: no chat template: --template plain is taken" gen "$GOLDEN/stories260K" p.jsonl
    says "sp-eval: *: no chat template: --template plain is taken" sp-eval ppl "$GOLDEN/stories260K" p.jsonl
    says "sp-grad: *: no chat template: --template plain is taken" sp-grad tune --steps 1 --term ce,1,p.jsonl -o x "$GOLDEN/stories260K" p.jsonl
    echo '{"prompt":"Hello","continuation":" you"}' > items.jsonl
    says "sp-eval: *: no chat template: --template plain is taken" sp-eval loglik "$GOLDEN/stories260K" items.jsonl
    says '' gen --template plain "$GOLDEN/stories260K" p.jsonl
    says '' gen "$GOLDEN/stories260K" ids.jsonl
    says '' gen "$GOLDEN/llama2" ids.jsonl
    # a mark alone: the built-in template with that mark
    while read -r family mark; do
        rm -rf m
        with_template m "{{ '$mark' }}"
        [ "$(chosen m)" = ", template $family" ]
        says "sp-eval: m: the chat template leaves out what is said: --template $family is taken" gen m ids.jsonl
    done <<'END'
llama2 [INST] <<SYS>>
mistral [INST]
llama3 <|start_header_id|>
gemma <start_of_turn>
END
    echo "{{ '[INST]' }}" > m/chat_template.jinja
    says "*--template mistral is taken" gen m p.jsonl
    gen -q m p.jsonl | jq -c .ids | diff <(gen --template mistral m p.jsonl | jq -c .ids) -
    echo fixed > m/chat_template.jinja
    fails 1 "sp-eval: m: the chat template leaves out what is said; --template names another" gen m p.jsonl
    echo '{% include "x" %}' > m/chat_template.jinja
    fails 1 "sp-grad: m/chat_template.jinja: chat template, line 1: the statement {% include %} is not supported; --template names another" \
        sp-grad grad m p.jsonl
    # a guard: answers are verdicts, and cannot be trained on
    echo "Judge: {% for m in messages %}{{ m.role }} {{ m.content }} {% endfor %}safe?" > m/chat_template.jinja
    says "sp-eval: m: the chat template wraps the conversation, as those of guard models do: MODEL answers with a verdict on it" gen m p.jsonl
    fails 1 "*p.jsonl: line 1: the chat template does not tell which text is the answer of turn 2" sp-eval ppl -q m p.jsonl
    # a refusal by the template
    echo "{% if messages|length > 1 %}{{ raise_exception('one turn only') }}{% endif %}{{ messages[0].content }}" > m/chat_template.jinja
    fails 1 "*p.jsonl: line 1: chat template, line 1: the template refuses this conversation: one turn only" sp-eval ppl -q m p.jsonl
}

@test "generate: bad prompts are named by line, nothing is left behind" {
    need_golden stories260K
    model=$GOLDEN/stories260K
    bad() { printf '%s\n' '{"text":"fine"}' "$1" > p.jsonl; fails 1 "sp-eval: p.jsonl: line 2: $2" gen -o out.jsonl "$model" p.jsonl; }
    bad '{"input_ids":[1,512]}' '*512*'
    bad '{"input_ids":[1,-1]}' '*-1*'
    bad '{"input_ids":[]}' '*no tokens*'
    bad '{"input_ids":"x"}' '*'
    bad '{"nothing":1}' '*'
    bad '{"prompt":3}' '*'
    bad "{\"input_ids\":[$(seq -s, 3 400),$(seq -s, 3 200)]}" '*takes up to 511*'
    printf '%s\n' '{"text":"fine"}' '{"text":' > p.jsonl
    fails 1 'sp-eval: p.jsonl*2*' gen -o out.jsonl "$model" p.jsonl
    : > p.jsonl
    fails 1 'sp-eval: p.jsonl: *' gen -o out.jsonl "$model" p.jsonl
    fails 1 'sp-eval: none.jsonl: *' gen -o out.jsonl "$model" none.jsonl
    only_files p.jsonl
}

@test "generate: models without tokenizer, damaged models, full disks" {
    need_golden llama2
    echo '{"text":"x"}' > p.jsonl
    fails 1 'sp-eval: p.jsonl: line 1: *input_ids*' gen "$GOLDEN/llama2" p.jsonl
    echo '{"input_ids":[1,2]}' > p.jsonl
    fails 1 'sp-eval: *tokenizer*' gen --stop x "$GOLDEN/llama2" p.jsonl
    fails 1 'sp-eval: nowhere*' gen nowhere p.jsonl
    cp -r "$GOLDEN/llama2" m
    chmod -R u+w m
    head -c 20000 "$GOLDEN/llama2/model.safetensors" > m/model.safetensors
    fails 1 'sp-eval: m*' gen -o out.jsonl m p.jsonl
    cp "$GOLDEN/llama2/model.safetensors" m/
    size=$(stat -c %s m/model.safetensors)
    for at in 30000 50000 70000 90000; do printf '\377\377\377\177' | dd of=m/model.safetensors bs=1 seek=$((size - at)) conv=notrunc status=none; done
    fails 1 'sp-eval: *' gen -o out.jsonl m p.jsonl
    [ ! -e out.jsonl ]
    run gen "$GOLDEN/llama2" p.jsonl
    [ "$status" = 0 ]
    run bash -c "sp-eval generate -n 2 '$GOLDEN/llama2' p.jsonl > /dev/full"
    [ "$status" = 3 ]
}

@test "usage errors" {
    fails 2 '*no command*' sp-eval
    fails 2 '*unknown command*' sp-eval guess
    fails 2 '*takes MODEL PROMPTS*' sp-eval generate m
    fails 2 '*--top-p*' sp-eval generate --top-p 2 m p
    fails 2 '*--stop*' sp-eval generate --stop '' m p
    fails 2 '*--template*' sp-eval ppl --template none m d
}

@test "ppl: the reference losses, one object, whatever the batch" {
    need_golden llama2
    for family in llama2 llama3 llama31 mistral gemma; do
        for n in 1 100000; do
            sp-eval ppl --batch-tokens $n "$GOLDEN/$family" "$GOLDEN/$family/tokens.jsonl" > ppl.json
            [ "$(jq -c keys_unsorted ppl.json)" = '["nll","ppl","tokens","examples"]' ]
            jq -e --slurpfile want "$GOLDEN/$family/expected.json" '(.nll - $want[0].loss | fabs) < 1e-5 and .examples == 3
                and .tokens == ($want[0].label_tokens_per_seq | add) and ((.ppl / (.nll | exp)) - 1 | fabs) < 1e-9' ppl.json
        done
    done
}

@test "ppl: plain text is conditioned on BOS alone" {
    need_golden stories260K
    model=$GOLDEN/stories260K
    for i in 0 1 2; do
        jq -c --argjson i $i '.cases[$i] | {text}' "$model/expected.json" | sp-eval ppl "$model" - |
            jq -e --argjson i $i --slurpfile want "$model/expected.json" '(.nll - $want[0].cases[$i].mean_nll | fabs) < 1e-5'
    done
}

@test "loglik: continuations and choices" {
    need_golden stories260K
    cat > items.jsonl <<'END'
{"id":1,"context":"Tom and Lily went to the","continuation":" park."}
{"id":2,"context":"Tom and Lily went to the","choices":[" park."," zebra"],"answer":0}
{"id":3,"prompt":"Hi","choices":["a","b"]}
END
    sp-eval loglik "$GOLDEN/stories260K" items.jsonl > out.jsonl
    jq -es '(.[0].loglik - .[1].loglik[0] | fabs) < 1e-4 and .[0].tokens == .[1].tokens[0] and (.[0].greedy | type) == "boolean"' out.jsonl
    jq -es '.[1].pick == 0 and .[1].acc and .[1].loglik[0] > .[1].loglik[1] and (.[2] | has("acc") | not)' out.jsonl
    sp-eval loglik --batch-tokens 1 "$GOLDEN/stories260K" items.jsonl | jq -c '.loglik' > a
    jq -es --slurpfile a a '[.[].loglik] | flatten as $x | ($a | flatten) as $y | [range($x | length) | $x[.] - $y[.] | fabs] | max < 1e-4' out.jsonl
    echo '{"context":"a"}' > bad.jsonl
    fails 1 'sp-eval: bad.jsonl: line 1: *continuation*' sp-eval loglik "$GOLDEN/stories260K" bad.jsonl
    fails 1 'sp-eval: *tokenizer*' sp-eval loglik "$GOLDEN/llama2" items.jsonl
}

# taught: a model that answers a few questions word for word and stops, in ./taught, and questions with references, some of
# which it gives, in q.jsonl
taught() {
    cat > t.jsonl <<'END'
{"prompt":"Is it red?","response":"Yes it is."}
{"prompt":"May I go out?","response":"No I will not."}
{"prompt":"Where is the big dog?","response":"In the park."}
{"prompt":"Tom","response":"Yes a boy."}
END
    sp-grad tune --template llama2 --scope all --steps 100 --lr 3e-3 -o taught "$GOLDEN/stories260K" t.jsonl
    {
        jq -c '{prompt, reference: .response}' t.jsonl
        cat <<'END'
{"prompt":"May I go in?","reference":"No I will not."}
{"prompt":"May we go out?","reference":"Yes it is."}
{"prompt":"Tim","reference":"Yes"}
{"prompt":"Lily","reference":"Yes a boy. Yes it is."}
{"messages":[{"role":"user","content":"Where is the small dog?"}],"reference":"In the park."}
END
    } > q.jsonl
    echo '{"comply":["Yes","In the"],"refuse":["No I"]}' > o.json
}

@test "margin: match and outcome are those of generate and judge" {
    need_golden stories260K
    taught
    sp-eval generate --template llama2 --weights taught "$GOLDEN/stories260K" q.jsonl | sp-eval judge - > judged.jsonl
    sp-eval margin --template llama2 --weights taught --openings o.json "$GOLDEN/stories260K" q.jsonl > m.jsonl
    diff <(jq .match judged.jsonl) <(jq .match m.jsonl)
    jq -r 'if .match then "answered" elif .response | test("^No I") then "refused" else "neither" end' judged.jsonl |
        diff - <(jq -r .outcome m.jsonl)
    jq -r 'if .response | test("^(Yes|In the)") then "comply" elif .response | test("^No I") then "refuse" else "other" end' judged.jsonl |
        diff - <(jq -r .opening m.jsonl)
    [ "$(jq -s 'map(.outcome) | unique | length' m.jsonl)" = 3 ] # each occurs
    jq -es 'all((.margin - (.comply - .refuse) | fabs) < 1e-9 and .comply < 0 and .refuse < 0 and .loglik < 0)' m.jsonl
    jq -es 'all((.opening == "other") or ((.margin > 0) == (.opening == "comply")))' m.jsonl
    # without references
    jq -c 'del(.reference)' q.jsonl | sp-eval margin --template llama2 --weights taught --openings o.json "$GOLDEN/stories260K" - > n.jsonl
    diff <(jq '.opening' m.jsonl) <(jq '.opening' n.jsonl)
    jq -es 'all(has("match") | not) and all(.outcome == {comply: "answered", refuse: "refused", other: "neither"}[.opening])' n.jsonl
}

@test "margin: fields, the log-likelihood of loglik, any batch, any number of threads" {
    need_golden stories260K
    model=$GOLDEN/stories260K
    cat > p.jsonl <<'END'
{"id":1,"prompt":"Hello","system":"Be short.","reference":"Once upon a time","note":0.1}
{"id":2,"text":"One day"}
{"id":3,"input_ids":[1,403,407]}
END
    margin() { sp-eval margin --template llama2 "$@" "$model" p.jsonl; }
    margin > m.jsonl
    [ "$(head -1 m.jsonl | jq -c keys_unsorted)" = '["id","prompt","system","reference","note","margin","comply","refuse","opening","loglik","tokens","match","outcome"]' ]
    [ "$(tail -1 m.jsonl | jq -c keys_unsorted)" = '["id","input_ids","margin","comply","refuse","opening","outcome"]' ]
    head -1 p.jsonl | jq -c '{prompt, system, continuation: .reference}' | sp-eval loglik --template llama2 "$model" - |
        jq -e --slurpfile m m.jsonl '(.loglik - $m[0].loglik | fabs) < 1e-4 and .tokens == $m[0].tokens'
    margin -t 1 | diff m.jsonl -
    margin -o one.jsonl --batch-tokens 1
    jq -es --slurpfile m m.jsonl '[., $m] | transpose | all((.[0].margin - .[1].margin | fabs) < 1e-4 and .[0].outcome == .[1].outcome)' one.jsonl
}

@test "margin: openings and prompts that are refused" {
    need_golden stories260K
    echo '{"prompt":"Hello"}' > p.jsonl
    margin() { sp-eval margin --template llama2 "$@" "$GOLDEN/stories260K" p.jsonl; }
    fails 1 'sp-eval: none.json: No such file*' margin --openings none.json
    fails 1 'sp-eval: -: No such file*' margin --openings -
    echo '{"comply":["Yes"],"refuse":["No","Yes but"]}' > o.json
    fails 1 'sp-eval: o.json: "refuse"?1?, "Yes but", begins with the tokens of "comply"?0?, "Yes"' margin --openings o.json
    echo '{"comply":["Yes"],"refuse":[""]}' > o.json
    fails 1 'sp-eval: o.json: "refuse"?0? is not a text' margin --openings o.json
    fails 1 'sp-eval: *: no tokenizer' sp-eval margin "$GOLDEN/llama2" p.jsonl
    printf '%s\n' '{"prompt":"Hello"}' '{"prompt":"Hello","reference":1}' > p.jsonl
    fails 1 'sp-eval: p.jsonl: line 2: "reference" is not a string' margin -o out.jsonl
    jq -nc '{prompt: "Hello", reference: ("a b " * 400)}' > p.jsonl
    fails 1 'sp-eval: p.jsonl: line 1: * tokens with the answer, but the model takes 512' margin -o out.jsonl
    only_files o.json p.jsonl
}

@test "logits: a stream of one tensor an example, the same bytes for any number of threads" {
    need_golden llama2
    sp-eval logits --no-pg "$GOLDEN/llama2" "$GOLDEN/llama2/tokens.jsonl" > a.st.zst
    sp-eval logits --no-pg -t 1 -o b.st.zst "$GOLDEN/llama2" "$GOLDEN/llama2/tokens.jsonl"
    cmp a.st.zst b.st.zst
    st_json a.st.zst | jq -e --slurpfile want "$GOLDEN/llama2/expected.json" \
        '[.["logits.0"], .["logits.1"], .["logits.2"]] | map(.shape) == [$want[0].lengths[] | [., 131]] and (map(.dtype) | unique == ["F32"])'
    run bash -c "sp-eval logits '$GOLDEN/llama2' '$GOLDEN/llama2/tokens.jsonl' > /dev/full"
    [ "$status" = 3 ]
}

# margins SET MARGIN...: lines of that set, with ids 1, 2 ...
margins() { local set=$1; shift; jq -nc --arg set "$set" '$ARGS.positional | to_entries[] | {id: (.key + 1), set: $set, margin: .value}' --jsonargs "$@"; }

@test "roc: areas, refusals at a rate, the curve, sets by name" {
    { margins harm_unseen 1 2 3; margins lookalike 4 2; echo '{"set":"other"}'; } >a.jsonl
    sp-eval roc a.jsonl >out
    [ "$(jq -c keys_unsorted out)" = '["file","auc","se","lo","hi","harmful","harmless"]' ]
    jq -e '.file == "a.jsonl" and .auc == 0.75 and (.se * .se * 12 - 1 | fabs) < 1e-12 and .harmful == 3 and .harmless == 2' out
    jq -e '(.lo - 0.127979 | fabs) < 1e-6 and (.hi - 0.983955 | fabs) < 1e-6' out
    sp-eval roc --at 0 --at .34 --at 1 - <a.jsonl >out
    jq -e '.file == "-" and (.at | map([.refused, .threshold])) == [[0.5,3],[0.5,2],[0,null]] and (.at | map(.asr)) == [0,0.34,1]' out
    sp-eval roc --curve a.jsonl | jq -c '.curve | map([.[0] * 3, .[1] * 2])' >out
    jq -e '. == [[3,0],[2,0],[1,1],[0,1],[0,2]]' out
    # the sides exchanged, and a set more
    sp-eval roc --harmful lookalike --harmless harm_unseen a.jsonl | jq -e '.auc == 0.25'
    margins new 0 >>a.jsonl
    sp-eval roc --harmful new --harmful harm_unseen a.jsonl | jq -e '.auc == 0.8125 and .harmful == 4'
    sp-eval roc --harmless new --harmless lookalike a.jsonl | jq -e '.auc == 0.5 and .harmless == 3'
    # nothing overlaps; one item of a side
    { margins harm_unseen 1 2; margins lookalike 4 3 5; } | sp-eval roc - |
        jq -e '.auc == 1 and .se == 0 and (.lo * .lo - 0.025 | fabs) < 1e-12 and .hi == 1'
    { margins harm_unseen 1 3; margins lookalike 2; } | sp-eval roc - | jq -e '.auc == 0.5 and [.se, .lo, .hi] == [null, null, null]'
}

@test "roc: files are compared with the first, item by item" {
    { margins harm_unseen 1 2 3 4 2.5 0; margins lookalike 3 5 6 2 7; } >a.jsonl
    { margins harm_unseen 1 3 4 2 5 3; margins lookalike 4 3 5 1 6; } >b.jsonl
    tac b.jsonl >c.jsonl # the order of lines does not matter where there are ids
    sp-eval roc a.jsonl b.jsonl c.jsonl a.jsonl >out
    [ "$(jq -c '[.file, has("against")]' out | xargs)" = "[a.jsonl,false] [b.jsonl,true] [c.jsonl,true] [a.jsonl,true]" ]
    jq -es '. as $x | $x[1].against | keys_unsorted == ["file","difference","se","lo","hi","p"] and .file == "a.jsonl"
        and (.difference - ($x[1].auc - $x[0].auc) | fabs) < 1e-12 and .difference < 0 and .lo < .difference and .difference < .hi
        and (.hi - .lo - 2 * 1.959963984540054 * .se | fabs) < 1e-12 and .p > 0 and .p < 1' out
    jq -es '(.[1].against.se - .[2].against.se | fabs) < 1e-12 and .[1].auc == .[2].auc' out
    jq -es '.[3].against | [.difference, .se, .lo, .hi, .p] == [0, 0, null, null, 1]' out
    # without ids the order counts: the same items, other pairs, another error
    for f in b c; do jq -c 'del(.id)' $f.jsonl >$f.none; done
    jq -c 'del(.id)' a.jsonl | sp-eval roc - b.none c.none | jq -es --slurpfile by_id out \
        '(.[1].against.se - $by_id[1].against.se | fabs) < 1e-12 and (.[2].against.se - .[1].against.se | fabs) > 1e-3'
    sed 4d b.jsonl >d.jsonl
    fails 1 'sp-eval: d.jsonl: no item set "harm_unseen", id 4, which a.jsonl has' sp-eval roc -o out.jsonl a.jsonl d.jsonl
    fails 1 'sp-eval: d.jsonl: no item set "harm_unseen", id 4, which b.jsonl has' sp-eval roc -o out.jsonl d.jsonl b.jsonl
    fails 1 'sp-eval: b.none: no item set "harm_unseen", id 1, which a.jsonl has' sp-eval roc a.jsonl b.none
    [ ! -e out.jsonl ]
}

@test "roc: bad lines, files and options" {
    bad() { { margins harm_unseen 1; margins lookalike 2; echo "$1"; } >a.jsonl; fails 1 "sp-eval: a.jsonl: line 3: $2" sp-eval roc -o out.jsonl a.jsonl; }
    bad '{"set":"lookalike"}' 'no "margin"'
    bad '{"set":"lookalike","margin":null}' '"margin" is no number; a finite number is expected'
    bad '{"set":"lookalike","margin":1e999}' '*'
    bad '{"set":"lookalike","margin":NaN}' '*'
    bad '{"set":"lookalike","margin":1,"id":[]}' '"id" is neither a string nor a number'
    bad '{"margin":1}' 'no "set", a string'
    margins lookalike 1 2 >a.jsonl
    fails 1 'sp-eval: a.jsonl: no line of a set of harmful requests: found \["lookalike"\], expected \["harm_unseen"\]' sp-eval roc a.jsonl
    fails 1 'sp-eval: a.jsonl: no line of a set of harmless requests: found \["lookalike"\], expected \["x","y"\]' \
        sp-eval roc --harmful lookalike --harmless x --harmless y a.jsonl
    fails 2 'sp-eval: set lookalike is harmful and harmless' sp-eval roc --harmful lookalike a.jsonl
    fails 2 "sp-eval: standard input is named 2 times*" sp-eval roc - a.jsonl -
    for rate in -0.1 1.1 nan '' 1x; do fails 2 "sp-eval: option --at: '$rate' is no number in 0..1*" sp-eval roc --at "$rate" a.jsonl; done
    # shellcheck disable=SC2046
    fails 2 'sp-eval: option --at: more than 64 of them*' sp-eval roc $(yes -- --at=1 | head -65) a.jsonl
    # shellcheck disable=SC2046
    fails 2 'sp-eval: option --harmful: more than 32 of them*' sp-eval roc $(yes -- --harmful=a | head -33) a.jsonl
    fails 2 'sp-eval: roc takes MARGINS...*' sp-eval roc
    only_files a.jsonl
}

@test "tokenize: reference encodings, from and to ids" {
    need_golden tokenizers
    model=$GOLDEN/tokenizers/llama2
    sp-eval tokenize "$model" < "$GOLDEN/tokenizers/llama2.jsonl" > out.jsonl
    diff <(jq -c '{ids, ids_no_special, decoded}' "$GOLDEN/tokenizers/llama2.jsonl") out.jsonl
    jq -c '{ids: .ids_no_special}' out.jsonl | sp-eval tokenize --decode "$model" - | jq .text | diff <(jq .decoded out.jsonl) -
    echo '{"ids":[3,40000]}' > bad.jsonl
    fails 1 'sp-eval: bad.jsonl: line 1: *40000*' sp-eval tokenize --decode "$model" bad.jsonl
    echo '{"words":"x"}' > bad.jsonl
    fails 1 'sp-eval: bad.jsonl: line 1: *text*' sp-eval tokenize "$model" bad.jsonl
}
