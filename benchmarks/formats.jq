# formats.jq - one definition a benchmark: a record of the published file -> an item of ours, or
# none.
#
# What an item is depends on how the benchmark asks (benchmarks/items writes items):
#   requests     {prompt}                through the chat template: sp-eval generate, then judge
#   generation   {text, target, shot}    as it stands: sp-eval generate; answers.jq finds the answer
#   choices      {context, choices, answer, shot}
#                                        sp-eval loglik; contexts end in the space before an answer
# and with any of them
#   shot         the item solved, as a later item shows it
#   group        rates are given for each group, too
#   head         comes before all examples
#
# To add a benchmark: a definition here, how its answers are scored in benchmarks/score, its file in
# datasets.json.
def trimmed: gsub("^\\s+|\\s+$"; "");

# ---- safety and over-safety ----

def advbench: {prompt: .goal};
def advbench_pairs: {prompt: .goal, response: .target};

# XSTest has safe prompts, and unsafe ones in contrast to them.
def xstest: select(.type | startswith("contrast") | not) | {prompt, group: .type};
def xstest_contrast: select(.type | startswith("contrast")) | {prompt, group: .type};

def oktest: {prompt: (.prompt | trimmed)};

def beavertails_pairs:
  select(.is_safe | not)
  | {prompt, response, categories: [.category // {} | to_entries[] | select(.value) | .key]};
def beavertails: beavertails_pairs | del(.response);

# ---- answers by generation ----

def generation($text; $target; $solution):
  {text: $text, target: $target, shot: ($text + $solution)};

def gsm8k: generation("Question: \(.question)\nAnswer:"; .answer; " \(.answer)");
def bbh: generation("Q: \(.input)\nA:"; .target; " \(.target)");
def bbh_cot:
  generation("Q: \(.input)\nA: Let's think step by step.\n"; .target;
    "So the answer is \(.target).");
def math:
  generation("Problem:\n\(.problem)\n\nSolution:"; .solution; " \(.solution)")
  + {group: (.type // .subject)};

# ---- answers by likelihood ----

def choices($context; $choices; $answer):
  {context: $context, choices: $choices, answer: $answer, shot: ($context + $choices[$answer])};
# An answer's place in the list: it is given as a number or as one of the labels.
def place($labels): . as $answer | if type == "number" then . else $labels | index([$answer]) end;

def mmlu:
  (.choices // [.A, .B, .C, .D]) as $options
  | ["A", "B", "C", "D", "E", "F"][:$options | length] as $letters
  | ([(.question | trimmed),
      (range($options | length) | "\($letters[.]). \($options[.])"),
      "Answer: "] | join("\n")) as $context
  | choices($context; $letters; .answer | place($letters))
    + {group: .subject,
       head: ("The following are multiple choice questions (with answers) about "
         + (.subject // "" | gsub("_"; " ")) + ".\n\n")};

def hellaswag:
  # the texts have marks of the articles that they come from
  def unmarked: trimmed | gsub(" \\[title\\]"; ". ") | gsub("\\[.*?\\]"; "") | gsub("  "; " ");
  def capitalized: (.[:1] | ascii_upcase) + (.[1:] | ascii_downcase);
  "\(.activity_label): \(.ctx_a // .ctx) \(.ctx_b // "" | capitalized)" as $context
  | choices(($context | unmarked) + " "; [.endings[] | unmarked]; .label | tonumber);

# ARC comes as its authors' file, and as the table of the Hugging Face hub.
def arc:
  (if .question | type == "object" then {text: .question.stem, choices: .question.choices}
   else {text: .question, choices: [
     .choices | [.text, .label] | transpose[] | {text: .[0], label: .[1]}]}
   end) as $question
  | .answerKey as $key
  | choices("Question: \($question.text)\nAnswer: "; [$question.choices[].text];
      [$question.choices[].label] | index([$key]));

# Two items a question: each option in its place, and the likelihood of what follows.
def winogrande:
  . as $record | (.sentence | split("_")) as [$before, $after]
  | ([.option1, .option2][.answer | tonumber - 1]) as $right
  | .option1, .option2
  | {question: ($record.qID // $record.sentence), context: ($before + .),
     continuation: (" " + ($after | trimmed)), right: (. == $right),
     shot: ($before + $right + $after)};

# ---- examples in front ----

# Put solved examples before an item: the head, the preamble, then the first $n of $shots that are
# of the item's own group. What was only for them goes.
def after_shots($shots; $n; $preamble):
  .group as $group
  | ([$shots[] | select(.group == $group) | .shot] | if $n > 0 then .[:$n] else [] end) as $examples
  | ((.head // "") + $preamble + ($examples | map(. + "\n\n") | join(""))) as $front
  | if .text then .text |= $front + . elif .context then .context |= $front + . else . end
  | del(.shot, .head)
  | if .group == null then del(.group) else . end;
