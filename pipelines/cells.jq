# cells.jq - axes (experiments/grid.json) to cells, one a line: NAME=OVERLAY. An axis is a dotted path into the experiment and its values;
# a cell takes one value of each axis.
def at($path; $v): reduce ($path | split(".") | reverse[]) as $k ($v; {($k): .});
def product: if length == 0 then {} else .[0] as $axis | $axis.value[] as $v | at($axis.key; $v) * (.[1:] | product) end;
[to_entries | product] | to_entries[] | "c\(.key + 101 | tostring | .[1:])=\(.value | tojson)"
