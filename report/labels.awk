# labels.awk - names beside points, none on another: NAME FAMILY X Y ... (tabs), X and Y in 0..1, to gnuplot's label and arrow commands.
#
# Each name takes the nearest free place around its point, on rings of growing radius; far ones get a line. Points count as taken from the start.
BEGIN { FS = "\t" }
function taken(x, y, w, i) {
    if (x - w / 2 < 0 || x + w / 2 > 1.02 || y < -0.01 || y > 1) return 1
    for (i = 1; i <= n; i++) if (abs(x - px[i]) < w / 2 + 0.012 && abs(y - py[i]) < 0.028) return 1
    for (i = 1; i <= m; i++) if (abs(x - lx[i]) < (w + lw[i]) / 2 && abs(y - ly[i]) < 0.036) return 1
    return 0
}
function abs(v) { return v < 0 ? -v : v }
function place(i, w, ring, k, a, x, y) {
    for (ring = 0; ring < 14; ring++)
        for (k = 0; k < 16; k++) {
            a = 0.7854 + k * 0.3927 # from the upper right
            x = px[i] + (0.016 + w / 2 + 0.02 * ring) * cos(a); y = py[i] + (0.034 + 0.02 * ring) * sin(a)
            if (!taken(x, y, w)) { m++; lx[m] = x; ly[m] = y; lw[m] = w; return ring }
        }
    m++; lx[m] = px[i]; ly[m] = py[i]; lw[m] = w
    return 0
}
{ n++; name[n] = $1; family[n] = $2; px[n] = $3; py[n] = $4 }
function draw(i, ring) {
    ring = place(i, length(name[i]) * 0.021 + 0.004)
    printf "set label \"%s\" at %.4f,%.4f center font \",10\" tc rgb %s front\n", name[i], lx[m], ly[m], family[i]
    if (ring > 1) printf "set arrow from %.4f,%.4f to %.4f,%.4f nohead lw 0.5 lc rgb \"#888888\"\n", px[i], py[i], px[i] + 0.72 * (lx[m] - px[i]), py[i] + 0.72 * (ly[m] - py[i])
}
END { # long names first: they are hard to place
    for (i = 1; i <= n; i++) if (length(name[i]) > 3) draw(i)
    for (i = 1; i <= n; i++) if (length(name[i]) <= 3) draw(i)
}
