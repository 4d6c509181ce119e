# columns.jq - which metrics a table shows, and how a figure is written: for table.jq (Markdown) and page/ (HTML).
def num($digits): if . == null then "–" else . as $x | pow(10; $digits) as $s | ($x * $s | round / $s | tostring)
  | if $digits > 0 then (if contains(".") then . else . + "." end) | until((split(".")[1] | length) >= $digits; . + "0") else . end end;
def scale($k): if $k == "ppl" then 1 else 100 end;
# a row's metric: {value, interval}, the latter null where there is none; null where it was not measured
def figure($row; $k): $row.mean[$k] as $m | $row.interval[$k] as $i | (if $k == "ppl" then 2 else 1 end) as $d
  | if $m == null then null else {value: ($m * scale($k) | num($d)),
      interval: (if $i then (if $k == "ppl" then 2 else 0 end) as $e | "\([$i.lo, 0] | max * scale($k) | num($e))–\($i.hi * scale($k) | num($e))" else null end)} end;

def per_category($prefix; $name): [.rows[].mean | keys_unsorted[] | select(startswith($prefix + ":"))] | unique | map([$name + " " + ltrimstr($prefix + ":"), .]);
def main_columns: [["ASR seen", "asr_seen"], ["ASR unseen", "asr_unseen"], ["ASR wrapped", "asr_jailbreak"],
              ["look-alikes refused", "refused_lookalike"], ["benign refused", "refused_benign"], ["benign answered", "answered_benign"],
              ["utility", "utility"], ["perplexity", "ppl"], ["degenerate", "degenerate"], ["garbled", "garbled"]];
def columns:
  if .table == "jailbreak" then [["ASR plain", "asr_unseen"], ["ASR wrapped", "asr_jailbreak"]] + per_category("asr_jailbreak"; "")
  elif .table == "transfer" then [["ASR seen", "asr_seen"], ["ASR unseen", "asr_unseen"]] + per_category("asr_seen"; "seen") + per_category("asr_unseen"; "unseen")
  elif .table == "continual" then per_category("asr_unseen"; "ASR") + main_columns
  else main_columns end;
