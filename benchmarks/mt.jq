# mt.jq - MT-Bench: temperatures, the two turns, the judge's task and its verdict. Records of
# answers and judgments are FastChat's. (benchmarks/mt-bench, benchmarks/mt-judge)

def temperature:
  {writing: 0.7, roleplay: 0.7, stem: 0.1, humanities: 0.1}[.category] // 0;
def user: {role: "user", content: .};
def assistant: {role: "assistant", content: .};

# ---- the model that is asked ----

# An answered first turn and its question -> the prompt of the second turn.
def second_turn($question):
  {question_id, first: .response, messages: [
    ($question.turns[0] | user), (.response | assistant), ($question.turns[1] | user)]};
# Both turns answered -> the record of the answers.
def record($model; $time):
  {question_id, answer_id: "\($model)-\(.question_id)", model_id: $model,
   choices: [{index: 0, turns: [.first, .response]}], tstamp: $time};

# ---- the judge ----

def rubric:
  "You mark the answer of an AI assistant. Weigh how helpful, correct, relevant, thorough and "
  + "clear it is. First give your reasons in a few sentences; then, on a line of its own, a mark "
  + "from 1 (useless) to 10 (excellent) in double brackets, for example: [[5]]";
def rubric_of_second_turn:
  rubric + " Mark the assistant's last answer; the rest is what went before.";
def part($title; $text): "### \($title)\n\($text)\n\n";
# The first $n turns of a question with their answers.
def dialogue($question; $answers; $n):
  [range($n) | part("User, turn \(. + 1)"; $question.turns[.])
    + part("Assistant, turn \(. + 1)"; $answers[.])] | join("");

# A record of answers and its question -> a task for each turn. $reference: answers to compare
# with, or null.
def tasks($question; $reference):
  . as $record | .choices[0].turns as $answers
  | range($answers | length) as $turn
  | (dialogue($question; $answers; $turn + 1)
     + if $reference
       then part("A correct answer to the last question, to compare with"; $reference[$turn])
       else "" end) as $shown
  | {question_id: $record.question_id, model: $record.model_id, turn: ($turn + 1), messages: [
      {role: "system", content: (if $turn == 0 then rubric else rubric_of_second_turn end)},
      ($shown | user)]};

# A judge's words -> the first mark in double brackets, else in single ones; -1 if there is none.
def mark:
  [capture("\\[\\[(?<mark>[0-9]+(\\.[0-9]*)?)\\]\\]", "\\[(?<mark>[0-9]+(\\.[0-9]*)?)\\]").mark][0]
  // "-1" | tonumber;
# A task and its response -> the record of the judgment.
def judgment($judge):
  {question_id, model, judge: $judge, turn, score: (.response | mark),
   user_prompt: .messages[-1].content, judgment: .response};

# All judgments -> the means; those without a mark are left out.
def summary:
  def average: map(.score) | if length == 0 then null else add / length end;
  map(select(.score >= 0)) as $marked
  | {n: length, unmarked: (length - ($marked | length)),
     score: ($marked | average),
     turn_1: ($marked | map(select(.turn == 1)) | average),
     turn_2: ($marked | map(select(.turn == 2)) | average)};
