# makefile.jq - a plan (plan.jq) as a makefile: a rule a stage, a phony target a target.
#
# A stage is made again when its command has changed, too. Every stage leaves its command on record
# (experiments/stage); rules that force those of which the plan says another are kept apart, as they
# hold for a single run of make.

# Files in a rule. Of make's own characters experiments/plan lets none pass but spaces. (There are
# thousands, and @tsv is much quicker than join.)
def names: @tsv | if contains(" ") then split(" ") | join("\\ ") else . end;
# Files, and a line of shell, as words in a recipe.
def words: . as $files | @tsv | if contains(" ") then $files | @sh else . end;
def text: @sh | if contains("$") then split("$") | join("$$") else . end;

# What a target makes; it shows its tables, unless these are many.
def target: [.value[] | select(endswith(".md"))] as $tables
  | "\(.key): \(.value | names)",
    if $tables | length | IN(1, 2) then "\t@cat \($tables | words)" else empty end, "";
def rule:
  (if .outputs | length > 1 then " &:" else ":" end + if .once then " |" else "" end) as $colon
  | (if .once then " --once" else "" end + if .light then " --quiet" else "" end) as $options
  | "\(.outputs | names)\($colon) \(.inputs + .programs | names)",
    "\t@\(if .light then "" else "$(LAUNCH) " end)experiments/stage\($options) \(.label | text) \\",
    "\t\(.command | text) \\",
    "\t\(.outputs | words) -- \(.inputs | words)", "";

def rules:
  "# The plan of \(.run) as rules: one a file, made of plan.json by experiments/makefile.jq.",
  "SHELL := /bin/bash", "MAKEFLAGS += --no-builtin-rules", ".SUFFIXES:", "LAUNCH ?=", "",
  ".PHONY: \(.targets | keys_unsorted | join(" "))",
  (.targets | to_entries[] | target), (.stages[] | rule);

# Inputs: the records of all stages that ran.
def forced:
  (reduce inputs as $record ({}; .[$record.output.path] = $record.command)) as $recorded
  | ".PHONY: FORCE", "FORCE:",
    (.stages[] | select((.once | not) and .command != $recorded[.output])
     | "\([.output] | names): FORCE");
