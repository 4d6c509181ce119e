# makefile.jq - a plan (plan.jq) as a makefile: one rule a stage, a phony target for each target.
#
# A stage is made again when its command has changed, too. Every stage leaves its command on record
# (experiments/stage); rules that force those of which the plan says another are kept apart, as they hold
# for a single run of make.

# A file's name in a rule. Spaces are the only characters of make's own that experiments/plan lets pass.
def name: if contains(" ") then split(" ") | join("\\ ") else . end;
def names: map(name) | join(" ");
# Words of shell in a recipe.
def word: if contains(" ") then @sh else . end;
def text: @sh | if contains("$") then split("$") | join("$$") else . end;

def target: "\(.key): \(.value | names)",
  (.value | map(select(endswith(".md"))) | if length > 2 then empty else "\t@cat \(map(word) | join(" "))" end), "";
def rule:
  "\(.outputs | names)\(if .outputs | length > 1 then " &:" else ":" end)\(if .once then " |" else "" end)"
    + " \(.inputs + .programs | names)",
  "\t@\(if .light then "" else "$(LAUNCH) " end)experiments/stage\(if .once then " --once" else "" end)"
    + "\(if .light then " --quiet" else "" end) \(.label | text) \\",
  "\t\(.command | text) \\", "\t\(.outputs | map(word) | join(" ")) -- \(.inputs | map(word) | join(" "))", "";

def rules:
  "# The plan of \(.run) as rules: one a file, made of plan.json by experiments/makefile.jq.",
  "SHELL := /bin/bash", "MAKEFLAGS += --no-builtin-rules", ".SUFFIXES:", "LAUNCH ?=", "",
  ".PHONY: \(.targets | keys_unsorted | join(" "))",
  (.targets | to_entries[] | target), (.stages[] | rule);

# Inputs: the records of all stages that ran.
def forced: (reduce inputs as $record ({}; .[$record.output.path] = $record.command)) as $commands
  | ".PHONY: FORCE", "FORCE:",
    (.stages[] | select((.once | not) and $commands[.output] != .command) | "\(.output | name): FORCE");
