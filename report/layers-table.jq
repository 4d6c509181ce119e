# layers-table.jq - layers.jq's object as Markdown.
def pct: if . == null then "–" else . * 1000 | round / 10 | tostring end;
def row: "| \(.place) | \(.share_a | pct) | \(.share_b | pct) | \(.overlap | pct) | \(.chance | pct) |";
def part($title): "", "| \($title) | safety | over-safety | shared | by chance |", "|---|---|---|---|---|";
"The top regions of both patches, % of each that lies in a place; shared: % of the safety region that is in the over-safety region too.",
"By matrix every matrix gives the same share, so the two distributions are those of one top region over all matrices.",
(.global | (part("layer"), (.depth[] | row)), (part("matrix"), (.kind[] | row)), (part("all"), (.total | .place = "one region over all matrices" | row))),
(.matrix.total | .place = "a region in each matrix" | row),
(.matrix | (part("layer (a region in each matrix)"), (.depth[] | row)), (part("matrix (a region in each matrix)"), (.kind[] | row)))
