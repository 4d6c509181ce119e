# html.jq - pieces of a page. A cell is a string (HTML), or {value, small?} or {none: REASON} for one that is empty; reasons become notes below the table.
def plain($s): @html "\($s)";
def distinct: reduce .[] as $x ([]; if index([$x]) then . else . + [$x] end);
def letter: [. % 26 + 97] | implode;
def cell($reasons): if type == "string" then "<td>\(.)</td>"
  elif .none then .none as $why | "<td class=none>–<sup>\($reasons | index([$why]) | letter)</sup></td>"
  else "<td\(if .class then " class=\(.class)" else "" end)>\(.value)\(if .small then " <small>\(.small)</small>" else "" end)</td>" end;

# {caption?, head: [HTML...], groups: [{title?, rows: [[TH, CELL...]...]}], class?} -> a table that scrolls inside its own box
def table:
  ([.groups[].rows[][1:][] | objects | .none // empty] | distinct) as $reasons
  | "<figure class=\"table \(.class // "")\">" + (if .caption then "<figcaption>\(.caption)</figcaption>" else "" end) + "<div class=scroll tabindex=0><table>"
    + "<thead><tr>" + ([.head[] | "<th scope=col>\(.)</th>"] | add) + "</tr></thead>"
    + ([(.head | length) as $width | .groups[] | "<tbody>" + (if .title then "<tr class=group><th scope=rowgroup colspan=\($width)><span>\(.title)</span></th></tr>" else "" end)
        + ([.rows[] | "<tr><th scope=row>\(.[0])</th>" + (.[1:] | map(cell($reasons)) | add // "") + "</tr>\n"] | add // "") + "</tbody>"] | add)
    + "</table></div></figure>"
    + if $reasons == [] then "" else "<p class=notes>" + ([$reasons | to_entries[] | "<sup>\(.key | letter)</sup>&nbsp;\(plain(.value))"] | join(". ")) + ".</p>" end;

def details($title; $body): "<details><summary>\($title)</summary>\($body)</details>";
def pair($term; $what): "<dt>\($term)</dt><dd>\($what)</dd>";
def picture($svg; $caption; $class): if $svg then "<figure class=\"picture \($class)\">\($svg)<figcaption>\($caption)</figcaption></figure>" else "" end;
