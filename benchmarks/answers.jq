# answers.jq - are the answers right? One definition a benchmark: from all answered items to [{group, METRIC: true or false}]. (benchmarks/score)
include "stats";

def clean: gsub("^\\s+|\\s+$"; "");
def first_match($re): [match($re).captures[0].string][0];

# ---- numbers and phrases in a text ----
def number: if . then gsub("[,$]"; "") | sub("\\.$"; "") else null end;
def after_hashes: first_match("#### (-?[0-9.,]+)") | number;
def last_number: [match("-?[$0-9.,]{2,}|-?[0-9]+"; "g").string | number | select(test("[0-9]"))] | last;
def same_as($x): . != null and . == $x;
def gsm8k: map((.target | after_hashes) as $x
    | {strict: (.response | after_hashes | same_as($x)), flexible: (.response | last_number | same_as($x))});

# What follows "the answer is ", to the end of the line, without the full stop.
def bbh_cot: map({exact: (.target as $x | .response | first_match("the answer is (.*).") // "" | clean | same_as($x))});
def bbh: map({exact: (.target as $x | .response | clean | same_as($x))});

# ---- MATH ----
# The text up to the brace that closes one already open.
def braced: . as $s | {i: 0, depth: 1}
  | until(.depth == 0 or .i >= ($s | length);
          $s[.i:.i + 1] as $c | .depth += ({"{": 1, "}": -1}[$c] // 0) | .i += 1)
  | if .depth == 0 then $s[:.i - 1] else null end;
def boxed: gsub("\\\\fbox"; "\\boxed")
  | if contains("\\boxed{") then split("\\boxed{") | last | braced
    elif contains("\\boxed ") then split("\\boxed ") | last | split("$")[0]
    else null end;
def between_dollars: split("$") | if length > 2 then .[1:-1] | join("$") else null end;
def math_answer: first_match("[Tt]he final answer is (.*?)\\. I hope it is correct") // boxed // between_dollars // .;
# Spellings of the same thing. Not algebra: 1/2 and 0.5 stay apart.
def canonical: gsub("\\\\(left|right|!|,|;| |\\$|%)"; "") | gsub("[$%\\s]"; "") | gsub("\\\\[dt]frac"; "\\frac")
  | gsub("\\^\\{?\\\\circ\\}?"; "") | gsub("\\\\(text|mbox|textbf|mathrm)\\{(?<t>[^{}]*)\\}"; "\(.t)")
  | gsub("\\\\frac(?<a>[0-9])(?<b>[0-9])"; "\\frac{\(.a)}{\(.b)}") | gsub("(?<d>\\d),(?=\\d{3}(\\D|$))"; "\(.d)")
  | gsub("(?<p>^|[^0-9])\\.(?<d>[0-9])"; "\(.p)0.\(.d)") | sub("\\.$"; "") | sub("^[a-zA-Z]="; "");
def math: map({group, exact: ((.target | boxed // . | canonical) as $x | .response | math_answer // "" | canonical | same_as($x))});

# ---- likelihoods ----
def by_choice: map({group, acc, acc_norm});
def winogrande: group_by(.question) | map({acc: (max_by(.loglik).right and (map(.loglik) | unique | length) == length)});

# ---- rates ----
def rate: length as $n | (map(select(.)) | length / $n) | {rate: .} + wilson($n);
def rates: . as $all | {n: length}
  + (.[0] | del(.group) | keys_unsorted | map(. as $k | {key: $k, value: ($all | map(.[$k]) | rate)}) | from_entries);
def tally: rates + if .[0].group == null then {} else {by: (group_by(.group) | map({key: .[0].group, value: rates}) | from_entries)} end;
