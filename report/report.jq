# report.jq - what a report holds, and the ways into it.
#
# A report is the JSON of one table on one backbone (report/collect table). The table "all" has
# every row; claims, pictures and the page are made of it. Its fields:
#
#   run, table, seeds        where the files lie ("results/llama2"), the table's name, all seeds
#   experiment               experiments/BACKBONE.json as it was
#   rows                     a list, one entry a model:
#     row, title, seeds        its name, its name for people, the seeds it has ([null]: it has none)
#     mean, spread             {METRIC: number} over the seeds; stats.jq defines the metrics
#     interval                 {METRIC: {lo, hi}}, 95 %
#     counts                   what they come from (collect.jq), one object a seed
#   regions, patches         totals of sp-mask stats, one a seed: of both top regions, both patches
#   stages                   {stage, command, wall_s, peak_rss_mib, output, inputs, tools} of each
#   claims                   see claims.jq
#
# and of "all" alone:
#
#   tables                   {TABLE: [ROW...]}
#   sweeps                   {AXIS: {title, keys, points: [{value, row}...]}}
#   layers                   where the important parameters lie (collect.jq)
#   speed                    {ROW: {ms, atgr, prompts}}, time a token
#   front                    the search (front.jq), where one was made

# {ROW: its entry in rows}
def by_name: .rows | map({key: .row, value: .}) | from_entries;

# The metric that stands for harm: unseen requests where there are such, else those trained on.
def attack: if by_name.original.mean.asr_unseen then "asr_unseen" else "asr_seen" end;

# "results/llama2-mine" -> "llama2-mine"; of a backbone's own name -> "LLaMA-2, mine"
def name: .run | split("/")[-1];
def backbone:
  name | split("-") as [$family]
  | ({llama2: "LLaMA-2", llama3: "LLaMA-3", mistral: "Mistral", gemma: "Gemma"}[$family] // $family)
    + (ltrimstr($family) | if . == "" then "" else ", " + ltrimstr("-") end);

def title_of($row): by_name[$row].title // $row;

# {SET: number of prompts}
def items: by_name.original.counts[0].sets | map_values(.n);

# ---- how numbers are written ----

# A number with so many digits after the point.
def num($digits):
  if . == null then "–"
  else pow(10; $digits) as $scale | (. * $scale | round / $scale | tostring)
    | if $digits == 0 then .
      else (if contains(".") then . else . + "." end)
        | until((split(".")[1] | length) >= $digits; . + "0") end end;
# A share in per cent, to a tenth; a number to a hundredth: as short as they are.
def percent: if . == null then "–" else . * 1000 | round / 10 | tostring end;
def hundredths: if . == null then "–" else . * 100 | round / 100 | tostring end;
