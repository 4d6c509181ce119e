# labels.awk - names beside points, none on another, as gnuplot's label and arrow commands.
#
# input: lines NAME FAMILY X Y ... (tabs), X and Y in 0..1 of the axes. A family's colour is a
# gnuplot variable of its name. letter is the width of a letter in the same units (default 0.021).
#
# Each name takes the nearest free place around its point, on rings of growing radius. A name that
# is far away gets a line to its point. Long names come first, as they are hard to place.
BEGIN {
    FS = "\t"
    if (!letter) letter = 0.021
}
{ n++; name[n] = $1; family[n] = $2; px[n] = $3; py[n] = $4 }

function abs(v) { return v < 0 ? -v : v }

# Would a name of width w at (x, y) leave the picture, or lie on a point or on another name?
function taken(x, y, w,    i) {
    if (x - w / 2 < 0 || x + w / 2 > 1.02 || y < -0.01 || y > 1) return 1
    for (i = 1; i <= n; i++)
        if (abs(x - px[i]) < w / 2 + 0.012 && abs(y - py[i]) < 0.028) return 1
    for (i = 1; i <= placed; i++)
        if (abs(x - lx[i]) < (w + lw[i]) / 2 && abs(y - ly[i]) < 0.036) return 1
    return 0
}
function put(x, y, w) { placed++; lx[placed] = x; ly[placed] = y; lw[placed] = w }

# Puts a name of width w beside point i; returns the ring. Where no place is free it lies on the
# point.
function place(i, w,    ring, k, angle, x, y) {
    for (ring = 0; ring < 14; ring++)
        for (k = 0; k < 16; k++) {
            angle = 0.7854 + k * 0.3927 # from the upper right
            x = px[i] + (0.016 + w / 2 + 0.02 * ring) * cos(angle)
            y = py[i] + (0.034 + 0.02 * ring) * sin(angle)
            if (!taken(x, y, w)) { put(x, y, w); return ring }
        }
    put(px[i], py[i], w)
    return 0
}
function draw(i,    ring) {
    ring = place(i, length(name[i]) * letter + 0.004)
    printf "set label \"%s\" at %.4f,%.4f center font \",10\" tc rgb %s front\n", name[i],
        lx[placed], ly[placed], family[i]
    if (ring > 1)
        printf "set arrow from %.4f,%.4f to %.4f,%.4f nohead lw 0.5 lc rgb \"#888888\"\n",
            px[i], py[i], px[i] + 0.72 * (lx[placed] - px[i]), py[i] + 0.72 * (ly[placed] - py[i])
}
END {
    for (i = 1; i <= n; i++) if (length(name[i]) > 3) draw(i)
    for (i = 1; i <= n; i++) if (length(name[i]) <= 3) draw(i)
}
