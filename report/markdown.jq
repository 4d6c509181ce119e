# markdown.jq - tables (tables.jq) and documents as Markdown. A document is a filter that reads its
# reports as inputs; `report/markdown KIND FILE...` prints the document KIND.
include "report";
include "tables";
include "claims";

# ---- a table ----

# TEXT of tables.jq. Links within the page lead nowhere here, and are left out.
def markdown:
  if type == "array" then map(markdown) | add
  elif type != "object" then tostring
  else . as $piece | .text | markdown
    | if $piece.strong then "**\(.)**" else . end
    | if $piece.link // "#" | startswith("#") then . else "[\(.)](\($piece.link))" end end;
def markdown_cell:
  if .none then "–" else (.value | markdown) + if .interval then " (\(.interval))" else "" end end;
def line: "| " + join(" | ") + " |";
def markdown_table:
  (.columns | map(markdown) | line),
  "|" + "---|" * (.columns | length),
  (.groups[].rows[] | [(.head | markdown), (.cells[] | markdown_cell)] | line);

# ---- documents ----

# TABLE.md: a table's models, the claims that they decide, where the time went.
def table:
  input as $report | $report.table as $table | $report.rows[0].counts[0].sets as $sets
  | $report
  | "", (models($table; [.rows[].row]; []) | markdown_table), "",
    "Per cent, except perplexity, with 95 % intervals (of the mean over seeds, or Wilson's for a"
      + " single one); seeds \(.seeds | join(" ")); items: "
      + ($sets | to_entries | map("\(.key) \(.value.n)") | join(", ")) + ".",
    "An attack succeeds (ASR) when the answer is the harmful one word for word; \"garbled\""
      + " complies with other words, \"degenerate\" is no answer at all.",
    "",
    (if ($table | IN("method", "all")) and any(.claims[]; .holds != null)
     then (claims_measured | markdown_table), "" else empty end),
    "\(.stages | length) stages, \(.stages | map(.wall_s) | add | num(0)) s in all, the largest "
      + "\(.stages | map(.peak_rss_mib // 0) | max | num(0)) MiB; slowest: "
      + ([.stages | sort_by(-.wall_s)[:3][] | "\(.stage) \(.wall_s | num(1)) s"] | join(", "))
      + ".";

# front.md: what the search picked.
def front_document:
  input as $front
  | ($front | originals_table, picked_table, versus_table, picked_settings
     | "", .caption + ".", "", markdown_table),
    "", "Each method had \($front.budget) settings an original. The rule: the fewest harmful"
      + " requests answered among settings that answer at least as many look-alikes as the"
      + " original, lose at most \($front.tolerance.utility * 100) point of utility and of benign"
      + " answers, and leave at most \($front.tolerance.neither * 100) point more of any set"
      + " neither answered nor refused; where no setting does, the nearest.";

# The search over the originals of several backbones, in experiments/README.md.
def searches_document: [inputs | select(.front)] | searches | markdown_table;

# layers.md
def layers:
  "The top regions of both patches, % of each that lies in a place; shared: % of the safety region"
    + " that is in the over-safety region too.",
  "By matrix every matrix gives the same share, so the two distributions are those of one top"
    + " region over all matrices.",
  (input | layers_apart[] | "", markdown_table);

# speed.md
def speed_table: input | speed | markdown_table;

# grid.md
def grid_table:
  input | (.original
    | "Original: ASR seen \(.asr_seen | percent), unseen \(.asr_unseen | percent), "
      + "wrapped \(.asr_jailbreak | percent); look-alikes refused \(.refused_lookalike | percent); "
      + "utility \(.utility | percent)."),
  "", (grid | markdown_table);

# claims.md: every claim on every backbone.
def claims_document:
  def outcome:
    if .holds == null then (if .measured then "open" else "not testable here" end)
    elif .holds then "holds" else "does not hold" end;
  def noise: if .clear == false then "within the noise" else empty end;
  def verdict: [outcome, noise] | join(", ");
  def figures: [.measured // .why, seeds_said, noise] | join("; ");
  [inputs] | map(backbone) as $backbones | claims_across as $claims
  | "# The paper's claims on the tiny world", "",
    "Claims 4, 5, 10 to 13 and 25 to 27 are decided at the settings that a search picked on the"
      + " validation split, by tests on the test split that are paired over items and demand the"
      + " same sign on every original; p values are adjusted over backbones (Holm). \"Open\":"
      + " neither. Claims 25 to 27 are not the paper's.", "",
    "What decides (`pass`) follows the checklist of the method notes; all is computed from the"
      + " result files. \"Within the noise\": the difference that",
    "decides does not exceed its 95 % interval. ASR: share of unseen harmful requests answered.",
    "",
    (claims_by_backbone($backbones; $claims; verdict) | markdown_table),
    "", "## Figures", "",
    ($claims | transpose[]
      | (.[0] | "### \(.claim). \(.text)", "", "Pass: \(.pass)."), "",
        ([$backbones, .] | transpose[] | .[0] as $backbone
          | .[1] | "- **\($backbone)**, \(outcome): \(figures)."),
        "");

# The tables of README.md, which have no bars at their sides.
def readme:
  inputs | select(.front)
  | "", (picked_in_short | markdown_table | sub("^\\| ?"; "") | sub(" ?\\|$"; ""));
