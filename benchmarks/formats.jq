# formats.jq - one definition a benchmark: from a record of the published file to an item of ours. (benchmarks/items)
#
#   requests     {prompt}                        through the chat template: sp-eval generate, then judge
#   generation   {text, target, shot}            as it stands: sp-eval generate, then extraction of the answer (answers.jq)
#   choices      {context, choices, answer, shot}  sp-eval loglik; contexts end in the space that stands before an answer
# "shot" is the solved example as a later item shows it, "group" what rates are also given for, "head" comes before all examples.
def clean: gsub("^\\s+|\\s+$"; "");

# ---- safety and over-safety ----
def advbench: {prompt: .goal};
def advbench_pairs: {prompt: .goal, response: .target};
def xstest: select(.type | startswith("contrast") | not) | {prompt, group: .type};
def xstest_contrast: select(.type | startswith("contrast")) | {prompt, group: .type};
def oktest: {prompt: (.prompt | clean)};
def beavertails_pairs: select(.is_safe | not) | {prompt, response, categories: [.category // {} | to_entries[] | select(.value) | .key]};
def beavertails: beavertails_pairs | del(.response);

# ---- answers by generation ----
def generation($text; $target; $shot): {text: $text, target: $target, shot: ($text + $shot)};
def gsm8k: generation("Question: \(.question)\nAnswer:"; .answer; " \(.answer)");
def bbh: generation("Q: \(.input)\nA:"; .target; " \(.target)");
def bbh_cot: generation("Q: \(.input)\nA: Let's think step by step.\n"; .target; "So the answer is \(.target).");
def math: generation("Problem:\n\(.problem)\n\nSolution:"; .solution; " \(.solution)") + {group: (.type // .subject)};

# ---- answers by likelihood ----
def choices($context; $choices; $answer): {context: $context, choices: $choices, answer: $answer, shot: ($context + $choices[$answer])};
def letters: ["A", "B", "C", "D", "E", "F"];
def place($labels): . as $x | if type == "number" then . else ($labels | index([$x])) end;

def mmlu:
  (.choices // [.A, .B, .C, .D]) as $options
  | ([.question | clean] + [range($options | length) | "\(letters[.]). \($options[.])"] + ["Answer: "] | join("\n")) as $context
  | choices($context; letters[:$options | length]; .answer | place(letters))
    + {group: .subject, head: "The following are multiple choice questions (with answers) about \(.subject // "" | gsub("_"; " ")).\n\n"};

def plain: clean | gsub(" \\[title\\]"; ". ") | gsub("\\[.*?\\]"; "") | gsub("  "; " ");
def hellaswag:
  (.ctx_b // "" | (.[:1] | ascii_upcase) + (.[1:] | ascii_downcase)) as $b
  | choices(("\(.activity_label): \(.ctx_a // .ctx) \($b)" | plain) + " "; [.endings[] | plain]; .label | tonumber);

def arc:
  (if (.question | type) == "object" then {q: .question.stem, c: .question.choices}
   else {q: .question, c: [.choices | [.text, .label] | transpose[] | {text: .[0], label: .[1]}]} end) as $r
  | choices("Question: \($r.q)\nAnswer: "; [$r.c[].text]; .answerKey as $key | [$r.c[].label] | index([$key]));

# Two items a question: each option in its place, and the likelihood of what follows.
def winogrande:
  . as $r | (.sentence | split("_")) as [$before, $after]
  | ([.option1, .option2][.answer | tonumber - 1]) as $right
  | .option1, .option2
  | {question: ($r.qID // $r.sentence), context: ($before + .), continuation: (" " + ($after | clean)), right: (. == $right),
     shot: ($before + $right + $after)};

# ---- examples in front ----
# Put solved examples before an item: those of its own group, the first n; then what is only for them goes.
def after_shots($shots; $n; $preamble):
  .group as $group
  | ([$shots[] | select(.group == $group) | .shot] | if $n > 0 then .[:$n] else [] end) as $examples
  | ((.head // "") + $preamble + ($examples | map(. + "\n\n") | join(""))) as $front
  | (if .text then .text |= $front + . elif .context then .context |= $front + . else . end)
  | del(.shot, .head) | if .group == null then del(.group) else . end;
