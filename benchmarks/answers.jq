# answers.jq - are the answers right? One definition a benchmark: all answered items -> a list of
# {group, METRIC: true or false}, one entry a question. (benchmarks/score)
include "stats";

def trimmed: gsub("^\\s+|\\s+$"; "");
def first_match($pattern): [match($pattern).captures[0].string][0];
def same_as($x): . != null and . == $x;

# ---- numbers and phrases in a text ----

# "$1,234." -> "1234"
def number: if . then gsub("[,$]"; "") | sub("\\.$"; "") else null end;
def after_hashes: first_match("#### (-?[0-9.,]+)") | number;
def last_number:
  [match("-?[$0-9.,]{2,}|-?[0-9]+"; "g").string | number | select(test("[0-9]"))] | last;

# strict: the number after ####; flexible: the last number of the answer
def gsm8k:
  map((.target | after_hashes) as $right
    | {strict: (.response | after_hashes | same_as($right)),
       flexible: (.response | last_number | same_as($right))});

# What follows "the answer is ", to the end of the line, without the full stop.
def bbh_cot:
  map(.target as $right
    | {exact: (.response | first_match("the answer is (.*).") // "" | trimmed | same_as($right))});
def bbh: map(.target as $right | {exact: (.response | trimmed | same_as($right))});

# ---- MATH ----

# The text up to the brace that closes one already open; null if none does.
def up_to_brace:
  . as $text | {at: 0, depth: 1}
  | until(.depth == 0 or .at >= ($text | length);
      $text[.at:.at + 1] as $letter
      | .depth += ({"{": 1, "}": -1}[$letter] // 0) | .at += 1)
  | if .depth == 0 then $text[:.at - 1] else null end;
# The last box of a solution.
def boxed:
  gsub("\\\\fbox"; "\\boxed")
  | if contains("\\boxed{") then split("\\boxed{") | last | up_to_brace
    elif contains("\\boxed ") then split("\\boxed ") | last | split("$")[0]
    else null end;
def between_dollars: split("$") | if length > 2 then .[1:-1] | join("$") else null end;
def math_answer:
  first_match("[Tt]he final answer is (.*?)\\. I hope it is correct")
  // boxed // between_dollars // .;

# One of many spellings of the same thing. This is no algebra: 1/2 and 0.5 stay apart.
def canonical:
  gsub("\\\\(left|right|!|,|;| |\\$|%)"; "") # \left( ... \right), small spaces, signs
  | gsub("[$%\\s]"; "")
  | gsub("\\\\[dt]frac"; "\\frac")
  | gsub("\\^\\{?\\\\circ\\}?"; "") # degrees
  | gsub("\\\\(text|mbox|textbf|mathrm)\\{(?<text>[^{}]*)\\}"; "\(.text)")
  | gsub("\\\\frac(?<a>[0-9])(?<b>[0-9])"; "\\frac{\(.a)}{\(.b)}") # \frac12
  | gsub("(?<digit>\\d),(?=\\d{3}(\\D|$))"; "\(.digit)") # 1,234
  | gsub("(?<before>^|[^0-9])\\.(?<digit>[0-9])"; "\(.before)0.\(.digit)") # .5
  | sub("\\.$"; "")
  | sub("^[a-zA-Z]="; ""); # x=5
def math:
  map((.target | boxed // . | canonical) as $right
    | {group, exact: (.response | math_answer // "" | canonical | same_as($right))});

# ---- likelihoods ----

def by_choice: map({group, acc, acc_norm});

# The option after which the rest of the sentence is likelier; never right if they are equal.
def winogrande:
  group_by(.question)
  | map({acc: (max_by(.loglik).right and (map(.loglik) | unique | length) == length)});

# ---- rates ----

def rate: length as $n | (map(select(.)) | length / $n) | {rate: .} + wilson($n);
# -> {n, METRIC: {rate, lo, hi}}
def rates:
  . as $all | (.[0] | del(.group) | keys_unsorted) as $metrics
  | {n: length} + ([$metrics[] as $metric
      | {key: $metric, value: ($all | map(.[$metric]) | rate)}] | from_entries);
# -> the rates, and by: {GROUP: rates} where there are groups
def tally:
  rates
  + if .[0].group == null then {}
    else {by: (group_by(.group) | map({key: .[0].group, value: rates}) | from_entries)} end;
