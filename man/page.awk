# page.awk - a manual page from a tool's own --help and a template with the prose.
#
#   sp-x --help | awk -f man/page.awk - man/sp-x.1.in > build/man/sp-x.1
#
# A line of the template that reads @NAME@, @SYNOPSIS@, @OPTIONS@ or @EXIT@ alone is replaced by
# what the help text says. So the page cannot name an option that the tool does not have, nor miss
# one. The layout read here is that of lib/cli/opt.c.

function roff(s) {
    gsub(/\\/, "\\e", s)
    gsub(/-/, "\\-", s)
    return s ~ /^[.']/ ? "\\&" s : s
}

# The words of s, bold where they are typed as they stand, italic where they stand for something.
function words(s, typed,    n, word, i, out) {
    n = split(s, word, " ")
    for (i = 1; i <= n; i++)
        out = out (i > 1 ? " " : "") "\\f" (word[i] ~ typed ? "B" : "I") roff(word[i]) "\\fR"
    return out
}

function sentence(s) { return s ~ /\.$/ ? s : s "." }

function heading(line,    at) {
    at = index(line, ": ")
    options = options ".SS " roff(substr(line, 1, at - 1)) "\n"
    options = options roff(sentence(substr(line, at + 2))) "\n"
}

# "  -x, --long ARG            text": flags from column 3, text from column 29 or alone on the
# next line
function option(line,    text) {
    text = substr(line, 28, 1) == " " ? substr(line, 29) : ""
    if (text != "") line = substr(line, 1, 27)
    options = options ".TP\n" words(line, "^-") "\n" (text == "" ? "" : roff(text) "\n")
}

FNR == 1 { file++ }
file == 2 && /^@NAME@$/     { print name; next }
file == 2 && /^@SYNOPSIS@$/ { printf "%s", synopsis; next }
file == 2 && /^@OPTIONS@$/  { printf "%s", options; next }
file == 2 && /^@EXIT@$/     { print exits; next }
file == 2                   { print; next }

# From here on: the help text.
NR == 1 {
    at = index($0, " - ")
    tool = substr($0, 1, at - 1)
    name = roff(tool) " \\- " roff(substr($0, at + 3))
}
/^Usage:/          { part = "usage"; next }
/^Common options:/ { part = "options"; options = options ".SS Common options\n" }
/^Exit status: /   { exits = roff(substr($0, 14)) }
index($0, tool " ") == 1 && / [a-z]+: / { part = "options"; heading($0) }
part == "usage" && /^  / {
    if (synopsis != "") synopsis = synopsis ".br\n"
    synopsis = synopsis words($0, "^(sp-.*|[a-z]+|[[(]*--?[a-z].*)$") "\n"
}
/^  +-/ { part = "options"; option($0) }
/^                            [^ ]/ { options = options roff(substr($0, 29)) "\n" }
