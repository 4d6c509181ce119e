# scaling.awk - what perf/scaling measured, the model fitted to it, and what that says of larger
# models.
#
# input: lines WIDTH LAYERS TOKENS SECONDS GIB-PREDICTED GIB-MEASURED
# variables: rate, GB/s that the disk reads; ram, GiB of memory

function max(x, y) { return x > y ? x : y }
function min(x, y) { return x < y ? x : y }

# Weights that multiply. h width, l layers, f of the MLP, v vocabulary, g share of heads that have
# keys and values of their own.
function weights(h, l, f, v, g) { return l * (2 * h * h * (1 + g) + 3 * h * f) + v * h }

# GiB that a gradient of n tokens takes; each: one example after another (snip). As sp-grad
# predicts it.
function gib(h, l, f, v, g, n, each,    layer, head, first, last, work, one, kept) {
    layer = 2 * h * h * (1 + g) + 3 * h * f
    head = 2 * v * h
    one = each ? 4 * h * f : 0
    work = 4 * min(n, 2048) * (9 * h + 4 * h * g + 5 * f)
    kept = min(min(1, ram / 8), 4 * n * l * (5 * h + 2 * h * g + 3 * f) / 2 ^ 30)
    first = head + 4 * min(n, 256) * (5 * h + v) + one
    last = 4 * layer + one + (each ? head : 0)
    return (4 * n * h * (l + 2) + work + one + (each ? 0 : 4 * v * h) \
        + max(max(first, 6 * layer), last)) / 2 ^ 30 + kept
}

function predict(name, h, l, f, g, n,    p, bytes, reading) {
    p = weights(h, l, f, 32000, g)
    bytes = 2 * (p + 32000 * h)
    # weights that do not stay in memory are read twice
    reading = bytes / 2 ^ 30 > ram / 2 ? 2 * bytes / rate / 1e9 : 0
    printf "| %s | %.1f | %d | %.0f | %.0f | %.1f | %.0f | predicted |\n", name, p / 1e9, n,
        a * p * n + b * p, reading, gib(h, l, f, 32000, g, n, 1), 8 * (p - 32000 * h) / 1e9
}

# seconds = a p n + b p, by least squares of the relative errors
function fit(    i, x, y, xx, xy, yy, sx, sy) {
    for (i = 1; i <= count; i++) {
        x = p[i] * n[i] / t[i]; y = p[i] / t[i]
        xx += x * x; xy += x * y; yy += y * y; sx += x; sy += y
    }
    a = (sx * yy - sy * xy) / (xx * yy - xy * xy)
    b = (sy * xx - sx * xy) / (xx * yy - xy * xy)
    if (b < 0) { b = 0; a = sx / xx }
}

{
    i = at[$1, $2, $3]
    if (!i) i = at[$1, $2, $3] = ++count
    if (!t[i] || $4 < t[i]) t[i] = $4
    h[i] = $1; l[i] = $2; n[i] = $3; predicted[i] = $5; measured[i] = $6
    p[i] = weights($1, $2, $1 * 8 / 3, 32000, 1)
}

END {
    fit()
    print "| model | P, millions | tokens | s measured | s by the model | GiB measured |" \
        " GiB predicted |"
    print "|---|---|---|---|---|---|---|"
    for (i = 1; i <= count; i++)
        printf "| %dx%d | %.0f | %d | %.2f | %.2f | %.2f | %.2f |\n", h[i], l[i], p[i] / 1e6, n[i],
            t[i], a * p[i] * n[i] + b * p[i], measured[i], predicted[i]
    printf "\ntime = %.3g ns x P x N + %.3g ns x P  (%.0f GFLOP/s at 8 P N)\n\n", a * 1e9, b * 1e9,
        8e-9 / a
    print "| model | P, billions | tokens | s computing | s reading weights | GiB, snip |" \
        " GB of disk, tune | |"
    print "|---|---|---|---|---|---|---|---|"
    predict("7B", 4096, 32, 11008, 1, 512)
    predict("7B", 4096, 32, 11008, 1, 8192)
    predict("13B", 5120, 40, 13824, 1, 512)
    predict("13B", 5120, 40, 13824, 1, 8192)
    predict("70B", 8192, 80, 28672, 0.125, 512)
    predict("70B", 8192, 80, 28672, 0.125, 8192)
}
