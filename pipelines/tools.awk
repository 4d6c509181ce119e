#!/usr/bin/awk -f
# tools.awk - the closing lines of the tools (-v) as JSON, one object a tool:
#   sp-diff: version 0.1.0; sp-diff -v - base; wall 1.23 s, cpu 2.00 s, peak rss 34.5 MiB
function quoted(s) { gsub(/\\/, "\\\\", s); gsub(/"/, "\\\"", s); return "\"" s "\"" }
/^sp-[a-z]+: version [^;]*; .*; wall [0-9.]+ s, cpu [0-9.]+ s, peak rss [0-9.]+ MiB$/ {
    version = $3; sub(/;$/, "", version)
    command = $0; sub(/^[^;]*; /, "", command); sub(/; wall [0-9.]+ s, cpu [0-9.]+ s, peak rss [0-9.]+ MiB$/, "", command)
    printf "{\"version\":%s,\"command\":%s,\"wall_s\":%s,\"cpu_s\":%s,\"peak_rss_mib\":%s}\n", \
        quoted(version), quoted(command), $(NF - 8), $(NF - 5), $(NF - 1)
}
