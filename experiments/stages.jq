# stages.jq - what a plan is made of: stages, and the words of their commands.

# A word of a shell command, quoted where it has to be.
def w: tostring | if test("^[-A-Za-z0-9_./,:=+@%]+$") then . else @sh end;
def words: map(w) | join(" ");

# An object as options, a space before each: {"lr": 0.1, "loss_on": "answer", "ascend": true} is
# " --lr 0.1 --loss-on answer --ascend". false and null are left out; a list repeats its option.
# A list of objects gives the options of one after those of the other.
def option: " --\(.key | split("_") | join("-"))" as $name
  | .value | if type == "array" then .[] else . end
  | select(. != null and . != false) | if . == true then $name else "\($name) \(w)" end;
def options: [if type == "array" then .[] else . end | to_entries[] | option] | add // "";
def sorted: if type == "object" then . as $o | reduce keys[] as $k ({}; .[$k] = ($o[$k] | sorted))
  elif type == "array" then map(sorted) else . end;

# A stage in full, from {label, output or outputs, inputs, command, ...}:
#   label     what make says while it runs
#   outputs   its files; what the command prints is the first, others it writes under their names
#             with .part appended (experiments/stage renames all of them)
#   inputs    the files it reads
#   programs  what runs it: the tools, and scripts; it is made again when these change, too
#   cores     how many processors it keeps busy; null: as many as it is given
#   light     true for what takes less time than it would take to send it elsewhere
#   once      true in the cache, which several runs share: made where missing, never made again
# $c is the context (plan.jq), of which this reads name, tools, memory; $work is what takes the
# memory (memory.jq).
def stage($c; $work): .command as $command
  | [$c.tools[] | select(.name as $tool | $command | contains($tool)).path] as $tools
  | {label: "\($c.name): \(.label)",
     output: (.output // .outputs[0]), outputs: (.outputs // [.output]),
     inputs, programs: ((.programs // []) + $tools), command: $command,
     cores: (if $work == "text" then 1 else null end), memory_mib: $c.memory[$work],
     light: (.light // false), once: (.once // false)};
# A stage of jq and its like.
def light($c): . + {light: true} | stage($c; "text");

# Stages that several parts of a plan ask for, once. They have to be the same.
def distinct_stages: reduce .[] as $stage ({commands: {}, stages: []};
    .commands[$stage.output] as $known
    | if $known == null then .commands[$stage.output] = $stage.command | .stages += [$stage]
      elif $known == $stage.command then .
      else error("two ways to make \($stage.output): \($known); \($stage.command)") end)
  | .stages;
