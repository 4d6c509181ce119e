# mt.jq - MT-Bench: temperatures, the two turns, the judge's task and its verdict. (mt-bench, mt-judge)
def temperature: {writing: 0.7, roleplay: 0.7, stem: 0.1, humanities: 0.1}[.category] // 0;
def user: {role: "user", content: .};
def assistant: {role: "assistant", content: .};

# an answered first turn, and its question -> the prompt of the second turn
def second_turn($q): {question_id, first: .response, messages: [($q.turns[0] | user), (.response | assistant), ($q.turns[1] | user)]};
# both turns answered -> FastChat's record
def record($model; $time): {question_id, answer_id: "\($model)-\(.question_id)", model_id: $model,
    choices: [{index: 0, turns: [.first, .response]}], tstamp: $time};

# ---- the judge ----
def rubric: "You mark the answer of an AI assistant. Weigh how helpful, correct, relevant, thorough and clear it is. First give your reasons in a few "
  + "sentences; then, on a line of its own, a mark from 1 (useless) to 10 (excellent) in double brackets, for example: [[5]]";
def part($title; $text): "### \($title)\n\($text)\n\n";
def dialogue($q; $turns; $upto): [range($upto) | part("User, turn \(. + 1)"; $q.turns[.]) + part("Assistant, turn \(. + 1)"; $turns[.])] | join("");
# a record and its question -> one task for each turn
def tasks($q; $reference):
  . as $r | .choices[0].turns as $turns | range($turns | length) | . as $t
  | {question_id: $r.question_id, model: $r.model_id, turn: ($t + 1), messages: [
      {role: "system", content: (rubric + if $t > 0 then " Mark the assistant's last answer; the rest is what went before." else "" end)},
      (dialogue($q; $turns; $t + 1) + if $reference then part("A correct answer to the last question, to compare with"; $reference[$t]) else "" end | user)]};
# a judge's words -> the first mark in them, in double brackets or else in single ones; -1 if there is none
def mark: [capture("\\[\\[(?<x>[0-9]+(\\.[0-9]*)?)\\]\\]", "\\[(?<x>[0-9]+(\\.[0-9]*)?)\\]").x][0] // "-1" | tonumber;
def judgment($judge): {question_id, model, judge: $judge, turn, score: (.response | mark), user_prompt: .messages[-1].content, judgment: .response};
# all judgments -> means; those without a mark are left out
def summary: def average: map(.score) | if length == 0 then null else add / length end;
  map(select(.score >= 0)) as $ok
  | {n: length, unmarked: (length - ($ok | length)), score: ($ok | average), turn_1: ($ok | map(select(.turn == 1)) | average),
     turn_2: ($ok | map(select(.turn == 2)) | average)};
