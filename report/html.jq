# html.jq - tables (tables.jq), pictures and claims of all backbones as one HTML page (report/page).
include "report";
include "tables";
include "claims";
include "paper";
include "pictures";

# ---- text ----

def plain: @html "\(.)";
# Quotes need no escape outside of attributes.
def escaped: tostring | gsub("&"; "&amp;") | gsub("<"; "&lt;") | gsub(">"; "&gt;");
# TEXT of tables.jq
def html:
  if type == "array" then map(html) | add
  elif type != "object" then escaped
  else . as $piece | (if .class then " class=\(.class)" else "" end) as $class | .text | html
    | if $piece.code then "<code\($class)>\(.)</code>"
      elif $piece.class then "<span\($class)>\(.)</span>" else . end
    | if $piece.small then "<small>\(.)</small>" else . end
    | if $piece.strong then "<b>\(.)</b>" else . end
    | if $piece.link then "<a href=\"\($piece.link)\">\(.)</a>" else . end end;

def details($title; $body): "<details><summary>\($title)</summary>\($body)</details>";
def term($name; $what): "<dt>\($name)</dt><dd>\($what)</dd>";
def plural: if . == 1 then "" else "s" end;

# ---- a table ----

def distinct: reduce .[] as $x ([]; if index([$x]) then . else . + [$x] end);
def letter: [. % 26 + 97] | implode;

# $reasons: why cells of this table are empty; each is a note with a letter.
def html_cell($reasons):
  if .none then .none as $why
    | "<td class=none>–<sup>\($reasons | index([$why]) | letter)</sup></td>"
  elif .bar then "<td><span class=bar style=\"width:\(.bar)%\"></span></td>"
  else "<td\(if .class then " class=\(.class)" else "" end)>\(.value | html)"
    + (if .interval then " <small>\(.interval)</small>" else "" end) + "</td>" end;
def html_row($reasons):
  .emphasis as $emphasis
  | (.head | html | if $emphasis then "<b>\(.)</b>" else . end) as $head
  | "<tr><th scope=row>\($head)</th>" + ([.cells[] | html_cell($reasons)] | add // "") + "</tr>\n";
def html_notes($reasons):
  if $reasons == [] then ""
  else "<p class=notes>"
    + ([$reasons | to_entries[] | "<sup>\(.key | letter)</sup>&nbsp;\(.value | plain)"]
      | join(". "))
    + ".</p>" end;
# The table scrolls inside a box of its own.
def html_table:
  ([.groups[].rows[].cells[].none // empty] | distinct) as $reasons | (.columns | length) as $width
  | def group_title: "<tr class=group><th scope=rowgroup colspan=\($width)>"
      + "<span>\(.title | html)</span></th></tr>";
  "<figure class=\"table \(.class // "")\">"
  + (if .caption then "<figcaption>\(.caption | html)</figcaption>" else "" end)
  + "<div class=scroll tabindex=0><table>"
  + "<thead><tr>" + ([.columns[] | "<th scope=col>\(html)</th>"] | add) + "</tr></thead>"
  + ([.groups[] | "<tbody>" + (if .title then group_title else "" end)
      + ([.rows[] | html_row($reasons)] | add // "") + "</tbody>"] | add)
  + "</table></div></figure>"
  + html_notes($reasons);

# ---- the summary ----

def summary_section($claims):
  length as $n
  | ([.[].front.changes.safepatching.auc.mean? | values | . * 100]) as $beyond
  | def pairs($metric): [.[] | original_and_ours($metric)];
    ([pairs("asr_unseen")[] | select(.[1] < .[0])] | length) as $safer
  | ([pairs("refused_lookalike")[] | select(.[1] <= .[0])] | length) as $gentler
  | ([pairs("utility")[] | select(all(. != null)) | .[1] - .[0] | fabs] | max // 0) as $moved
  # of the paper's own
  | [$claims | map(map(select(.claim <= 24))) | transpose[] | map(.holds)
      | if any(. == false) then "fails" elif any(. == null) then "open" else "holds" end] as $fates
  | def fated($fate): [$fates[] | select(. == $fate)] | length;
  "<section id=summary><h2>Summary</h2><p class=lead>"
  + "SafePatching answers fewer unseen harmful requests than the original on \($safer) of \($n)"
  + " backbone\($n | plural) and refuses no more harmless look-alikes on \($gentler);"
  + " utility moves by at most \($moved * 100 | num(1)) points."
  + (if $beyond == [] then "" else " The AUC of its refusal margin, which a mere shift of the"
      + " threshold leaves alone, changes by \($beyond | min | num(1)) to"
      + " \($beyond | max | num(1)) points." end)
  + " Of the paper's 24 claims, \(fated("holds")) hold on every backbone,"
  + " \(fated("fails")) fail on at least one,"
  + " \(fated("open")) are open or cannot be tested here.</p>"
  + (summary($claims) | html_table)
  + "<p>What was run: \(map(.rows | length) | add) models evaluated on"
  + " \(.[0] | items | add) prompts each, in \(map(.stages | length) | add) recorded stages,"
  + " \(map(.stages | map(.wall_s) | add) | add / 60 | num(0)) minutes of stages in all. "
  + "Without a model of one's own (<code>MODEL=</code>) the backbones are tiny models of the same"
  + " architectures on a toy language, in which “harm” is a class of word pairs and answers are"
  + " checked word for word: directions and ratios may be compared with the paper, absolute figures"
  + " may not. How the scales alpha and beta were chosen stands in experiments/README.md."
  + " An attack succeeds when the answer is the harmful one word for word; “garbled” complies with"
  + " other words, “degenerate” is no answer at all.</p></section>";

# ---- claims ----

def outcome_text:
  [if .holds == null then (if .measured then "open" else "not testable" end) | look("na")
   elif .holds then "holds" | look("yes") else "fails" | look("no") end,
   if .clear == false then " ", ("in the noise" | small) else empty end];
def claims_section($claims):
  def measured($backbone):
    ([.measured // .why, seeds_said] | join("; ")) as $figures
    | term($backbone; "\(outcome_text | html). \($figures | plain)");
  map(backbone) as $backbones
  | "<section id=claims><h2>The paper's 24 claims, and three more</h2>"
  + "<p>Filled by the program from the result files; claims that fail stand here as failing."
  + " “In the noise”: the difference that decides"
  + " does not exceed its 95 % interval.</p>"
  + (claims_by_backbone($backbones; $claims; outcome_text) | html_table)
  + "<h3>What was measured</h3><div class=measured>"
  + ([$claims | transpose[] | . as $each | .[0]
      | "<article id=\"claim-\(.claim)\"><h4>\(.claim). \(.text | plain)</h4>"
        + "<p>Passes if: \(.pass | plain).</p><dl>"
        + ([range($backbones | length) as $i | $each[$i] | measured($backbones[$i])] | add)
        + "</dl></article>"] | add)
  + "</div></section>";

# ---- the paper's figures beside ours ----

def paper_section($paper):
  . as $reports
  | "<section id=paper><h2>The paper's figures beside ours</h2><p>\($paper.note | plain)"
  + " Two versions of the paper give different figures and are kept apart. “?”: not found in any"
  + " source. Ours are those of this run, with 95 % intervals.</p>"
  + "<h3>\($paper.v1.title)</h3>" + ([first_version($reports; $paper.v1)[] | html_table] | add)
  + "<h3>A later version</h3>" + ([later_version($reports; $paper.later)[] | html_table] | add)
  + "<p class=notes>The paper gives MT-Bench 6.01 → 6.14 too; the tiny world has no graded"
  + " dialogues. For LLaMA-3, Mistral and Gemma no figure of the paper was found. Sources: "
  + ([$paper.sources | to_entries[] | "\(.key) \(.value | plain)"] | join(", "))
  + ".</p></section>";

# ---- a backbone ----

# A table of models, where the run has one of that name.
def models_table($table; $caption; $more):
  (.tables[$table] // []) as $rows
  | if $rows == [] then ""
    else models($table; $rows; $more) + {caption: $caption} | html_table end;
def models_table($table; $caption): models_table($table; $caption; []);
def decoding_table:
  if .tables.decoding then models_table("decoding"; "Decoding-time defences"; [atgr_column])
  else "" end;
def continual_table:
  models_table("continual";
    "After each category of harmful data\(fewer_seeds(.tables.continual // []))");
def sweeps_table: if .sweeps then sweeps | html_table else "" end;
def layers_table: if .layers then .layers | layers_together | html_table else "" end;

# $pictures: {KIND: SVG} of this backbone
def picture($pictures; $kind; $caption):
  $pictures[$kind]
  | if . then "<figure class=\"picture \($kind)\">\(.)<figcaption>\($caption)</figcaption></figure>"
    else "" end;
def side_by_side(pictures): "<div class=pictures>" + ([pictures] | add) + "</div>";
def front_caption:
  "A point is one setting of a method: how many unseen harmful requests its model answers (left is"
  + " better) and how many harmless look-alikes it leaves unanswered (down is better). The black"
  + " curve is the original with nothing but its threshold for refusing moved, so a model below and"
  + " left of it, beyond the curve, tells harmful from harmless better and is not just stricter or"
  + " laxer.";
def front_marks:
  "<p class=notes>Steps join the settings of one colour that none of it beats. Open marks do not"
  + " keep what the choice asks: look-alikes, benign answers and utility as before, hardly more"
  + " that is neither answered nor refused (small marks: without the look-alikes). Bars are the"
  + " 95 % interval of the items, or the range over several random masks where that is wider."
  + " Axes are square roots and end around the originals and the picked models; what lies further"
  + " away is not drawn.</p>";
def legend:
  "<ol class=legend>"
  + ([tradeoff[] | "<li class=\(.family)>\(.title | plain)</li>"] | add) + "</ol>";

def provenance:
  def command: "<li>\(.stage | sub("^[^:]*: "; "") | plain) <small>\(.wall_s | num(1)) s"
    + (if .peak_rss_mib then ", \(.peak_rss_mib | num(0)) MiB" else "" end)
    + ", <code>\(.output.sha256[:16])</code></small><br><code>\(.command | plain)</code></li>";
  "<dl>"
  + term("tools";
      [.stages[].tools[] | "\(.command | split(" ")[0]) \(.version)"] | unique | join(", "))
  + term("seeds"; .seeds | join(", "))
  + term("items a rate"; items | to_entries | map("\(.key) \(.value)") | join(", ")) + "</dl>"
  + details("Digests (SHA-256) of data, model, patches"; digests | html_table)
  + details("Every number of the experiment";
      "<pre>" + ([.experiment | del(.config, .tokenizer) | to_entries[]
        | "\(.key): \(.value | tojson)" | plain] | join("\n")) + "</pre>")
  + details("All \(.stages | length) stages: commands, time, memory, digest of the output";
      "<ol class=commands>" + ([.stages[] | command] | join("\n")) + "</ol>");

# $pictures: {RUN: {KIND: SVG}}
def backbone_section($pictures):
  name as $id
  | def part($part; $title): "<h3 id=\"\($id)-\($part)\">\($title)</h3>";
    def fixed($part; $title): "<h4 id=\"\($id)-\($part)\">\($title)</h4>";
    def drawn($kind; $caption): picture($pictures[$id]; $kind; $caption);
  "<section class=backbone id=\"\($id)\"><h2>\(backbone)</h2>"

  + (if .front then
       part("front"; "Safety against over-safety")
       + drawn("front"; front_caption) + front_marks
       + (.front | (picked_table | html_table) + (versus_table | html_table)
           + details("The originals, and the settings that were picked";
               (originals_table | html_table) + (picked_settings | html_table)))
     else "" end)

  + part("continual"; "Harm that comes in parts")
  + side_by_side(
      drawn("continual-asr"; "Harm: categories of harmful data come one after the other."),
      drawn("continual-lost"; "Over-safety: look-alikes refused or not answered."))
  + continual_table

  + part("layers"; "Where the important parameters lie")
  + side_by_side(
      drawn("layers-depth"; "One top region over all matrices, by layer."),
      drawn("layers-kind"; "The same, by matrix."))
  + layers_table

  + part("fixed"; "Fixed settings, as in the paper")
  + "<p>Every method at one setting. One that is safer and refuses more may have moved along the"
  + " original's own curve.</p>"
  + "<div class=compared>"
  + drawn("tradeoff"; "Lower left is better; bars are 95 % intervals, axes by square roots.")
  + legend + "</div>"

  + fixed("tables"; "The method and its parts")
  + models_table("method"; "The method")
  + models_table("ablation"; "Without each of its parts")

  + fixed("baselines"; "Other methods")
  + models_table("baselines"; "Training and decoding baselines")
  + models_table("merging"; "Other ways to combine the same two patches")
  + decoding_table

  + fixed("jailbreak"; "Wrapped requests, unseen harm")
  + models_table("jailbreak"; "Harmful requests in wrappers")
  + models_table("transfer"; "Harmful requests by category, in training and not")

  + fixed("sweeps"; "Sweeps")
  + side_by_side(
      drawn("sweep-p"; "Random retention. Dotted: SafePatching as it is."),
      drawn("sweep-rate"; "Top rates."),
      drawn("sweep-alpha"; "Scale of the safety patch."),
      drawn("sweep-beta"; "Scale of the over-safety patch."))
  + sweeps_table

  + part("cost"; "Training, time, memory")
  + side_by_side(
      drawn("losses"; "Patch derivation: loss on harmful questions and answers, one line a seed."))
  + (stages | html_table)

  + part("provenance"; "Provenance")
  + provenance + "</section>";

# ---- the page ----

# inputs: the reports "all" of the backbones. $style is CSS, $pictures {RUN: {KIND: SVG}}, $paper
# paper.json.
def page($style; $pictures; $paper):
  [inputs] | claims_across as $claims
  | "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
    + "<meta name=viewport content=\"width=device-width,initial-scale=1\">"
    + "<meta name=color-scheme content=\"light dark\"><title>SafePatching: results</title>\n"
    + "<style>\($style)</style></head><body>"
    + "<header><h1>SafePatching: what was measured</h1><p>Safety patching of \(length)"
    + " backbone\(length | plural), every experiment of"
    + " <a href=\"https://arxiv.org/abs/2405.13820\">arXiv 2405.13820</a>.</p>"
    + "<nav><a href=\"#summary\">Summary</a> <a href=\"#claims\">Claims</a>"
    + " <a href=\"#paper\">Paper beside ours</a> "
    + ([.[] | "<a href=\"#\(name)\">\(backbone)</a>"] | join(" ")) + "</nav></header><main>",
  summary_section($claims),
  claims_section($claims),
  paper_section($paper),
  (.[] | backbone_section($pictures)),
  "</main></body></html>";
