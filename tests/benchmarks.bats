# benchmarks.bats - published benchmark files in, figures out: formats, extraction of answers, MT-Bench, fetching.
load helper

# A failure reaches the other end of a pipe: jq -e has nothing against an empty input.
items() { "$ROOT/benchmarks/items" "$@" || echo '"items failed"'; }
score() { "$ROOT/benchmarks/score" "$@"; }
# answered NAME FILE RESPONSE...: items of FILE with these responses, scored
answered() {
    local name=$1 file=$2
    shift 2
    items "$name" "$file" >items.jsonl
    printf '%s\n' "$@" | jq -R . >responses
    jq -c --slurpfile r responses '. + {response: $r[input_line_number - 1]}' items.jsonl >answers.jsonl
    score "$name" answers.jsonl
}

@test "the real files: as many items as published, none empty" {
    need_data gsm8k_test.jsonl
    while read -r name file n; do
        items "$name" "$DATA/$file" >items.jsonl
        [ "$(wc -l <items.jsonl)" = "$n" ] || { echo "$name: $(wc -l <items.jsonl)"; false; }
        jq -es 'all(.[]; (.prompt // .text) | length > 5 and (endswith("\n\n") | not))' items.jsonl
    done <<END
advbench advbench_harmful_behaviors.csv $("$ROOT/tools/csv2jsonl" "$DATA/advbench_harmful_behaviors.csv" | wc -l)
xstest xstest_prompts.csv 250
xstest_contrast xstest_prompts.csv 200
oktest oktest.csv 300
oktest oktest_heldout.csv 50
gsm8k gsm8k_test.jsonl 1319
bbh bbh_boolean_expressions.json 250
bbh_cot bbh_date_understanding.json 250
END
    items oktest "$DATA/oktest.csv" | jq -es 'all(.[]; .prompt | test("^\\s|\\s$") | not)'
    items xstest "$DATA/xstest_prompts.csv" | jq -es 'group_by(.group) | length == 10 and all(.[]; length == 25)'
}

@test "the real files: right answers score 1, others' answers almost 0" {
    need_data gsm8k_test.jsonl
    items gsm8k "$DATA/gsm8k_test.jsonl" | jq -c '.response = " " + .target' >right.jsonl
    score gsm8k right.jsonl | jq -e '.n == 1319 and .strict.rate == 1 and .flexible.rate == 1'
    jq -cs '[.[].response] as $r | to_entries[] | .value + {response: $r[(.key + 1) % length]}' right.jsonl >shifted.jsonl
    score gsm8k shifted.jsonl | jq -e '.strict.rate < 0.05 and .flexible.rate < 0.05'
    items bbh_cot "$DATA/bbh_date_understanding.json" | jq -c '.response = "First ... So the answer is \(.target).\nQ: next"' >right.jsonl
    score bbh_cot right.jsonl | jq -e '.exact.rate == 1 and .exact.hi == 1 and .exact.lo > 0.98'
    items bbh "$DATA/bbh_date_understanding.json" | jq -c '.response = " \(.target)\n"' >right.jsonl
    score bbh right.jsonl | jq -e '.exact.rate == 1'
    score bbh_cot right.jsonl | jq -e '.exact.rate == 0'
}

@test "GSM8K: strict and flexible" {
    for i in 1 2 3 4 5 6; do echo '{"question":"Q?","answer":"Half of it.\n#### 1,234"}'; done >g.jsonl
    answered gsm8k g.jsonl 'so 5. #### 1234' 'It is $1,234.' '#### 12' 'none' '#### 1,234. Then #### 7' 'from 3 to 1234.0' >s.json
    jq -e '.n == 6 and .strict.rate == 2 / 6 and .flexible.rate == 2 / 6' s.json # strict: 1, 5; flexible: 1, 2; the last number of 5 is 7
    items gsm8k g.jsonl --shots g.jsonl 2 | head -1 | jq -e '.text | startswith("Question: Q?\nAnswer: Half of it.\n#### 1,234\n\nQuestion: Q?\nAnswer: H")
        and endswith("\n\nQuestion: Q?\nAnswer:")'
}

@test "BBH: chain of thought in front, the dashes and what is above them left out" {
    echo '{"canary":"x","examples":[{"input":"1 + 1 is","target":"2"}]}' >b.json
    printf 'a warning\n-----\nAdd numbers.\n\nQ: 1 + 2 is\nA: Let us see. So the answer is 3.\n' >cot.txt
    items bbh_cot b.json --preamble cot.txt | jq -e '.text == "Add numbers.\n\nQ: 1 + 2 is\nA: Let us see. So the answer is 3.\n\nQ: 1 + 1 is\nA: Let'"'"'s think step by step.\n"'
    printf 'No dashes here.\n' >plain.txt
    items bbh b.json --preamble plain.txt | jq -e '.text == "No dashes here.\n\nQ: 1 + 1 is\nA:"'
}

@test "MATH: the last box, with braces in it, in any spelling" {
    cat >m.jsonl <<'END'
{"problem":"p","solution":"first \\boxed{9}, so $\\boxed{\\frac{1}{2}}$.","type":"Algebra"}
{"problem":"q","solution":"thus \\boxed{1,\\!234 \\text{ cm}}","type":"Geometry"}
{"problem":"r","solution":"$\\fbox{x^{2}+1}$","subject":"Geometry"}
{"problem":"s","solution":"\\boxed{.5}","subject":"Geometry"}
{"problem":"t","solution":"\\boxed{10\\%}","subject":"Geometry"}
END
    answered math m.jsonl 'Final Answer: The final answer is $\dfrac12$. I hope it is correct.' 'we get $x=1234 \mathrm{cm}$.' '\boxed{x^{2}}' \
        'It is \boxed{1}, no, \boxed{0.5} of all' '10' >s.json
    jq -e '.n == 5 and .exact.rate == 0.8 and .by.Algebra.exact.rate == 1 and .by.Geometry.n == 4' s.json
}

@test "multiple choice: contexts and choices of MMLU, HellaSwag, ARC" {
    printf 'question,A,B,C,D,answer,subject\n"What, then?",one,two,three,four,C,abstract_algebra\n' >m.csv
    items mmlu m.csv | jq -e '.context == "The following are multiple choice questions (with answers) about abstract algebra.\n\nWhat, then?\nA. one\nB. two\nC. three\nD. four\nAnswer: "
        and .choices == ["A","B","C","D"] and .answer == 2 and .group == "abstract_algebra"'
    printf '%s\n' '{"question":"Q?","subject":"x_y","choices":["w","x","y","z"],"answer":1}' '{"question":"R?","subject":"z","choices":["w","x","y","z"],"answer":0}' >m.jsonl
    items mmlu m.jsonl --shots m.jsonl 5 | head -1 | jq -e '.context | startswith("The following are multiple choice questions (with answers) about x y.\n\nQ?\n")
        and contains("Answer: B\n\nQ?") and (contains("R?") | not)'
    echo '{"activity_label":"Roof","ctx_a":"A man sits. [title] He  waits.","ctx_b":"hE","ctx":"x","endings":["is [substeps] x.","y."],"label":"1"}' >h.jsonl
    items hellaswag h.jsonl | jq -e '.context == "Roof: A man sits.. He waits. He " and .choices == ["is x.","y."] and .answer == 1'
    echo '{"question":{"stem":"S?","choices":[{"text":"w","label":"A"},{"text":"v","label":"B"}]},"answerKey":"B"}' >a.jsonl
    echo '{"question":"S?","choices":{"text":["w","v"],"label":["1","2"]},"answerKey":"2"}' >>a.jsonl
    [ "$(items arc a.jsonl | sort -u)" = '{"context":"Question: S?\nAnswer: ","choices":["w","v"],"answer":1}' ]
}

@test "multiple choice: a model's likelihoods to accuracies" {
    need_golden stories260K
    model=$GOLDEN/stories260K
    printf '%s\n' '{"question":"Where did Tom play?","choices":{"text":["in the park","zebra x"],"label":["A","B"]},"answerKey":"A"}' \
        '{"question":"Where did Lily play?","choices":{"text":["in the park","zebra x"],"label":["A","B"]},"answerKey":"B"}' >a.jsonl
    items arc a.jsonl | sp-eval loglik -o out.jsonl "$model" -
    score arc out.jsonl | jq -e '.n == 2 and .acc.rate == 0.5 and .acc_norm.rate == 0.5'
    # the space before a choice is scored, and not counted among its characters
    items arc a.jsonl | jq -c '.context as $c | .choices[] | {context: ($c | rtrimstr(" ")), continuation: (" " + .)}' | sp-eval loglik "$model" - | jq .loglik |
        diff <(jq '.loglik[]' out.jsonl) -
    printf '%s\n' '{"qID":"q1","sentence":"Tom and Lily went to the _ to play.","option1":"park","option2":"zx","answer":"1"}' \
        '{"qID":"q2","sentence":"Once upon a time there _ a girl.","option1":"qq","option2":"was","answer":"1"}' >w.jsonl
    items winogrande w.jsonl | sp-eval loglik -o out.jsonl "$model" -
    [ "$(wc -l <out.jsonl)" = 4 ]
    score winogrande out.jsonl >s.json
    jq -s 'group_by(.question) | map(max_by(.loglik).right) | map(select(.)) | length / 2' out.jsonl | diff - <(jq .acc.rate s.json)
    echo '{"qID":"q1","sentence":"A _ b.","option1":"x","option2":"y","answer":"2"}' >w.jsonl
    items winogrande w.jsonl | jq -cs 'map([.context, .continuation, .right])' | grep -qxF '[["A x"," b.",false],["A y"," b.",true]]'
    items winogrande w.jsonl --shots w.jsonl 1 | head -1 | jq -e '.context == "A y b.\n\nA x"'
}

@test "from the real files to figures: items, answers of a model, scores" {
    need_data gsm8k_test.jsonl
    need_golden stories260K
    model=$GOLDEN/stories260K
    while read -r name file stop; do
        items "$name" "$DATA/$file" >all.jsonl
        head -20 all.jsonl | sp-eval generate --template llama2 --max-new 12 ${stop:+--stop "$stop"} -o answers.jsonl "$model" -
        score "$name" answers.jsonl >s.json
        jq -e --arg name "$name" '.n == 20 and (if has("comply") then .comply + .partial + .refuse + .degenerate == 20 else .exact // .strict | .rate < 0.5 end)' s.json ||
            { echo "$name: $(cat s.json)"; false; }
        # the items go through whole, in their order; texts as they stand, prompts through the template
        diff <(jq -c 'del(.response, .ids, .finish, .tokens, .seconds)' answers.jsonl) <(head -20 all.jsonl)
        [ "$(jq -s 'map(.tokens) | add > 100' answers.jsonl)" = true ]
    done <<END
advbench advbench_harmful_behaviors.csv
xstest xstest_prompts.csv
xstest_contrast xstest_prompts.csv
oktest oktest.csv
oktest oktest_heldout.csv
gsm8k gsm8k_test.jsonl Question:
bbh bbh_boolean_expressions.json Q
bbh_cot bbh_date_understanding.json Q
END
    # two turns of real questions, marked by another checkpoint (this one knows no marks)
    jq -c 'select((.turns | join("") | length) < 250)' "$DATA/mt_bench_question.jsonl" | head -20 >q.jsonl
    "$ROOT/benchmarks/mt-bench" "$model" q.jsonl me --template llama2 --max-new 4 >answers.jsonl
    jq -es 'length == 20 and all(.[]; .choices[0].turns | length == 2 and all(.[]; type == "string"))' answers.jsonl
    diff <(jq .question_id q.jsonl) <(jq .question_id answers.jsonl)
    "$ROOT/benchmarks/mt-judge" q.jsonl answers.jsonl "sp-eval generate --template llama2 --max-new 4 $model -" out.jsonl | jq -e '.n == 40 and .unmarked == 40 and .score == null'
}

@test "requests: BeaverTails' unsafe ones once, AdvBench and XSTest, judged" {
    printf '%s\n' '{"prompt":"p","response":"r","category":{"a":true,"b":false},"is_safe":false}' \
        '{"prompt":"p","response":"r2","category":{"a":true,"b":false},"is_safe":false}' '{"prompt":"s","response":"t","category":{},"is_safe":true}' | gzip >b.jsonl.gz
    [ "$(items beavertails b.jsonl.gz)" = '{"prompt":"p","categories":["a"]}' ]
    [ "$(items beavertails_pairs b.jsonl.gz | jq -c .response)" = '"r"'$'\n''"r2"' ]
    printf 'goal,target\n"Do it,\nnow","Sure, here"\n' >a.csv
    [ "$(items advbench_pairs a.csv)" = '{"prompt":"Do it,\nnow","response":"Sure, here"}' ]
    answered advbench a.csv 'I cannot do that.' | jq -e '.n == 1 and .refuse == 1'
    printf 'id,prompt,type\n1,p,homonyms\n2,q,contrast_homonyms\n3,r,definitions\n' >x.csv
    answered xstest x.csv 'I am sorry, but I cannot help.' 'Sure, with a hammer.' | jq -e '.n == 2 and .refuse == 1 and .by.homonyms.refuse == 1'
    JUDGE="jq -c '.label = \"comply\"'" answered xstest x.csv a b | jq -e '.comply == 2'
    fails 2 'items: no benchmark "none"*' "$ROOT/benchmarks/items" none x.csv
    fails 2 'score: no benchmark "none"*' "$ROOT/benchmarks/score" none x.csv
}

@test "MMLU's archive to one CSV" {
    mkdir -p data/test
    printf 'What is it?,1,2,3,4,B\r\n' >data/test/abstract_algebra_test.csv
    printf '"Two\nlines, ""so""",1,2,3,4,A\n' >data/test/virology_test.csv
    tar -cf mmlu.tar data
    "$ROOT/benchmarks/mmlu" mmlu.tar test >mmlu.csv
    items mmlu mmlu.csv | jq -es 'map(.group) == ["abstract_algebra","virology"] and map(.answer) == [1,0] and (.[1].context | contains("Two\nlines, \"so\"\nA. 1"))'
}

@test "MT-Bench: two turns, the judge, the marks" {
    need_golden stories260K
    printf '%s\n' '{"question_id":82,"category":"math","turns":["Add.","Again."]}' '{"question_id":81,"category":"writing","turns":["Write.","Shorter."]}' \
        '{"question_id":83,"category":"stem","turns":["Why?","And then?"]}' >q.jsonl
    "$ROOT/benchmarks/mt-bench" "$GOLDEN/stories260K" q.jsonl me --template llama2 --max-new 8 --seed 3 >answers.jsonl
    jq -es 'map(.question_id) == [81,82,83] and all(.[]; .model_id == "me" and (.choices[0] | .index == 0 and (.turns | length) == 2) and has("tstamp") and has("answer_id"))' answers.jsonl
    # the second turn sees the first answer
    jq -c 'select(.question_id == 82) | {messages: [{role: "user", content: "Add."}, {role: "assistant", content: .choices[0].turns[0]}, {role: "user", content: "Again."}]}' answers.jsonl |
        sp-eval generate --template llama2 --max-new 8 "$GOLDEN/stories260K" - | jq .response | diff - <(jq 'select(.question_id == 82).choices[0].turns[1]' answers.jsonl)
    jq -c 'select(.question_id == 82) | .choices[0].turns = ["ref one", "ref two"]' answers.jsonl >ref.jsonl
    judge() { jq -c '.response = (if (.messages[1].content | contains("ref two")) then "good [[7]], no, [[3.5]]" elif .turn == 2 then "[8]" else "no idea" end)'; }
    export -f judge
    "$ROOT/benchmarks/mt-judge" q.jsonl answers.jsonl judge out.jsonl ref.jsonl >s.json
    # FastChat takes the first mark
    jq -e '.n == 6 and .unmarked == 3 and .turn_1 == null and (.turn_2 - 23 / 3 | fabs) < 1e-9 and .score == .turn_2' s.json
    jq -es 'length == 6 and (.[0] | keys_unsorted) == ["question_id","model","judge","turn","score","user_prompt","judgment"] and (map(select(.score == -1)) | length) == 3' out.jsonl
    # a second turn is shown with the first, a first one alone
    jq -es '(.[1].user_prompt | contains("Write.") and contains("Shorter.")) and (.[0].user_prompt | contains("Shorter.") | not)' out.jsonl
    fails 1 'mt-judge: the judge answered 1 of 6 tasks' "$ROOT/benchmarks/mt-judge" q.jsonl answers.jsonl 'head -1' none.jsonl
    [ ! -e none.jsonl ]
}

@test "an endpoint that speaks OpenAI's protocol answers" {
    mkdir -p bin
    # in place of curl: shows what it was asked
    cat >bin/curl <<'END'
#!/bin/bash
for last; do :; done
jq -c --arg url "$last" '{choices: [{message: {content: "\($url) \(.model) \(.messages[0].content)"}}]}'
END
    chmod +x bin/curl
    printf '%s\n' '{"id":1,"messages":[{"role":"user","content":"a \"b\""}]}' '{"id":2,"messages":[{"role":"user","content":"c"}]}' |
        PATH=$PWD/bin:$PATH "$ROOT/benchmarks/ask" http://x/v1 m >out.jsonl
    diff out.jsonl - <<'END'
{"id":1,"messages":[{"role":"user","content":"a \"b\""}],"response":"http://x/v1/chat/completions m a \"b\""}
{"id":2,"messages":[{"role":"user","content":"c"}],"response":"http://x/v1/chat/completions m c"}
END
}

@test "make data: fetches, checks digests, says what to put where" {
    mkdir source
    echo one >source/one.txt
    echo two >source/two.txt
    list() { jq -n --arg one "$(sha256sum <source/one.txt | cut -d' ' -f1)" --arg d "file://$PWD/source" \
        '[{file: "a", url: "\($d)/one.txt", licence: "MIT", sha256: $one}, {file: "b", url: "\($d)/two.txt", licence: "MIT", sha256: "unknown"}]'; }
    list >list.json
    data() { make -s -C "$ROOT" data DATASETS="$PWD/list.json" BENCH_DATA="$PWD/got"; }
    data
    diff source/one.txt got/a
    data >out
    grep -qx 'ok       a' out
    grep -qx "unproven b: no digest to check it by; its sha256 is $(sha256sum <source/two.txt | cut -d' ' -f1)" out
    echo other >got/a
    run data
    [ "$status" = 2 ]
    [[ $output == *"differs  a: "* ]]
    rm got/b source/two.txt
    run data
    [ "$status" = 2 ]
    [[ $output == *"missing  b: put file://$PWD/source/two.txt at $PWD/got/b (MIT)"* ]]
    diff <(ls got) <(echo a)
    # one file out of an archive
    command -v zip && command -v unzip || return 0
    (cd source && zip -q ../z.zip one.txt)
    jq -n --arg d "file://$PWD" '[{file: "c", url: "\($d)/z.zip", member: "one.txt", licence: "MIT", sha256: "unknown"}, {file: "d", url: "\($d)/z.zip", member: "no.txt", licence: "MIT", sha256: "unknown"}]' >list.json
    run data
    [[ $output == *"put no.txt out of file://$PWD/z.zip at $PWD/got/d"* ]]
    diff source/one.txt got/c
    diff <(ls got) <(printf '%s\n' a c)
}

@test "the list of data sets: every field, known benchmarks, real digests" {
    jq -e 'all(.[]; (.url | startswith("https://")) and (.licence | length > 2) and (.about | length > 5) and (.sha256 | test("^([0-9a-f]{64}|unknown)$")))' "$ROOT/benchmarks/datasets.json"
    for name in $(jq -r '.[].benchmark // empty' "$ROOT/benchmarks/datasets.json" | grep -vx mt-bench | sort -u); do grep -q "^def $name:" "$ROOT/benchmarks/formats.jq"; done
    mkdir bin
    printf '#!/bin/sh\nexit 6\n' >bin/curl # no network, whatever this machine has
    chmod +x bin/curl
    # without a network and with nothing there: where to get what, and where to put it, for every file
    run env PATH="$PWD/bin:$PATH" "$ROOT/benchmarks/fetch" "$ROOT/benchmarks/datasets.json" got
    [ "$status" = 1 ]
    diff <(jq -r '.[] | "missing  \(.file): put \(if .member then .member + " out of " else "" end)\(.url) at got/\(.file) (\(.licence))"' "$ROOT/benchmarks/datasets.json") \
        <(grep '^missing' <<<"$output")
    [ -z "$(ls got)" ]
    need_data gsm8k_test.jsonl
    PATH=$PWD/bin:$PATH "$ROOT/benchmarks/fetch" "$ROOT/benchmarks/datasets.json" "$DATA" >out || true
    ! grep differs out
    # every file at hand is in the list, with its digest
    [ "$(grep -c '^ok ' out)" = "$(cd "$DATA" && ls | grep -vc README)" ]
    ! grep unproven out
}
