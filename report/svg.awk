# svg.awk - gnuplot's SVG to one that stands in a page beside others: names with a prefix, black as the page's text colour, no size of its own.
# variables: prefix; size "WIDTH HEIGHT"; about, a description for those who do not see it
BEGIN {
    split(size, wh)
    printf "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n<g>\n", wh[1], wh[2], about # gnuplot ends both
}
/<defs>/ { drawing = 1 }
/<filter/ { filter = 1 }
!drawing || filter || /^[ \t]*$/ { if (/<\/filter>/) filter = 0; next }
{
    gsub(/'/, "\"")
    gsub(/id="/, "&" prefix); gsub(/xlink:href="#/, "href=\"#" prefix)
    gsub(/="(black|rgb\( *0, *0, *0\))"/, "=\"currentColor\"")
    gsub(/ font-family="[^"]*" ?/, "")
    gsub(/ stroke-width="1.00" stroke-linecap="butt" stroke-linejoin="miter"/, ""); gsub(/font-size="12.00"/, "font-size=\"12\"")
    sub(/^[ \t]+/, "")
    print
}
