#!/bin/bash
# Do the tests notice? Each line of tests/mutants/*.tsv breaks one thing in a copy of the sources; a test must then fail.
#
#   tests/mutate.sh               all mutants, then a table by module: every module of lib/ and tools/ must have two
#   tests/mutate.sh PATTERN       only those whose line matches the extended regular expression PATTERN
#   tests/mutate.sh --count       only the table: how many each module has
#
# Columns of the tables, separated by tabs: source file, sed -E expression, test that must fail, what is broken.
# The test is a unit test or a .bats file; "x.bats: WORDS" runs only the tests of x.bats whose names match WORDS.
# A line whose expression changes nothing, or does not compile, is an error of the table.
# What test_dnnl must notice is tried by the build with DNNL=1, and nothing else there. With SP_MODE=tsan the table is
# tests/tsan/races.tsv, and only a race that the thread sanitizer reports counts as noticed.
#   SP_MODE     which build, as in tests/run
#   SP_JOBS     how many at a time, each in a copy of its own (default: one a processor)
set -u
cd "$(dirname "$0")/.." || exit 1
export SP_MODE=${SP_MODE:-opt} SP_GOLDEN=${SP_GOLDEN:-$PWD/../shared/golden} SP_DATA=${SP_DATA:-$PWD/../shared/data}
unset SP_BIN MAKEFLAGS MFLAGS MAKELEVEL
jobs=${SP_JOBS:-$(nproc)}
tables=("$PWD"/tests/mutants/*.tsv)
[ "$SP_MODE" != tsan ] || tables=("$PWD/tests/tsan/races.tsv")
dnnl=
[[ $SP_MODE != *-dnnl ]] || dnnl=1

# modules: every .c file of lib/ and tools/ without its ending, and every header that has functions but no .c file
modules() {
    {
        find lib tools -name '*.c'
        find lib -name '*.h' -exec grep -l '^static inline' {} +
    } | sed 's/\.[ch]$//' | sort -u
}

# mutants [PATTERN]: the lines of the tables
mutants() { cat "${tables[@]}" | grep -vE '^(#|$)' | grep -E -e "${1:-.}"; }

# table: lines "VERDICT<tab>FILE" in; those with the verdict "wanted" name modules that must have two mutants. Status 1 where one has not.
table() (
    set -o pipefail
    sort | awk -F'\t' '
        { sub(/\.[ch]$/, "", $2) }
        $1 == "wanted" { total[$2] += 0; wanted[$2] = 1; next }
        { total[$2]++; noticed[$2] += $1 == "noticed" }
        END {
            for (m in total) printf "%-28s %8d %8d%s\n", m, total[m], noticed[m], m in wanted && total[m] < 2 ? "   too few" : ""
            for (m in wanted) few += total[m] < 2
            exit few > 0
        }' | { printf '\n%-28s %8s %8s\n' module mutants noticed; sort; }
)

if [ "${1:-}" = --count ]; then
    { modules | sed 's/^/wanted\t/'; mutants | cut -f1 | sed 's/^/-\t/'; } | table
    exit "${PIPESTATUS[1]}"
fi

[ -d "$SP_GOLDEN" ] || { echo "mutate: no reference vectors in $SP_GOLDEN" >&2; exit 1; }
tmp=$(mktemp -d) || exit 1
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$tmp"' EXIT
trap 'echo "mutate: stopped by a signal" >&2; exit 1' INT TERM

mutants "${1:-}" | awk -F'\t' -v dnnl="$dnnl" '($3 == "test_dnnl") == (dnnl == 1)' >"$tmp/mutants"
[ -s "$tmp/mutants" ] || { echo "mutate: no mutant to try" >&2; exit 1; }
cut -f3 "$tmp/mutants" | sort -u >"$tmp/tests"

build() { make -s MODE="${SP_MODE%-dnnl}" DNNL=$dnnl "$@"; }

# target TEST: what make must build for it
target() { if [[ $1 == *.bats* ]]; then echo all; else echo "build/$SP_MODE/tests/unit/$1"; fi; }

# run_test TEST: in the current tree
run_test() (
    if [[ $1 == *.bats* ]]; then
        [[ $1 != *:* ]] || export SP_TEST_FILTER=${1#*: }
        tests/run "tests/${1%%:*}"
    else
        tests/run "build/$SP_MODE/tests/unit/$1"
    fi
)

# each FUNCTION FILE: call FUNCTION JOB LINE for each line of FILE, $jobs at a time
each() {
    local job
    exec 8<"$2"
    for ((job = 1; job <= jobs; job++)); do take_lines "$1" "$job" & done
    wait
}
take_lines() { # FUNCTION JOB
    local line
    exec 9>"$tmp/lock"
    while flock 9 && IFS= read -r line <&8 && flock -u 9; do "$1" "$2" "$line" </dev/null; done
    flock -u 9
}

# Unchanged, every test passes. Its time limits that of the mutants, some of which run for ever.
try_test() { # JOB TEST
    cd "$tmp/sound" || exit 1
    local t0=$SECONDS
    run_test "$2" >"$tmp/log.$1" 2>&1 || { cat "$tmp/log.$1"; echo "mutate: $2 fails without any mutation"; touch "$tmp/unsound"; }
    echo $((20 + 10 * (SECONDS - t0))) >"$tmp/limit.$2"
}

# survives TEST: no test of the current tree fails. Of a race, some interleavings are harmless: there it has more than one chance to show.
survives() {
    SP_TEST_TIMEOUT=$(<"$tmp/limit.$1")
    export SP_TEST_TIMEOUT
    if [ "$SP_MODE" != tsan ]; then
        run_test "$1" >log 2>&1
        return
    fi
    for _ in {1..10}; do
        run_test "$1" >log 2>&1
        ! grep -q 'ThreadSanitizer: data race' log || return 1
    done
}

try_mutant() { # JOB LINE
    local file edit unit what verdict=noticed f
    IFS=$'\t' read -r file edit unit what <<<"$2"
    cd "$tmp/$1" || exit 1
    touch "$tmp/began.$1"
    sed -i -E "$edit" "$file"
    if cmp -s "$file" "$tmp/sound/$file"; then
        verdict="NOT APPLICABLE"
    elif ! build "$(target "$unit")" >log 2>&1; then
        verdict="DOES NOT COMPILE"
    elif survives "$unit"; then
        verdict=SURVIVED
    fi
    printf '%-16s %-26s %s\n' "$verdict" "$file" "$what"
    printf '%s\t%s\n' "$verdict" "$file" >>"$tmp/verdicts"
    # Source and objects come back from the sound tree with their times, so that nothing has to be built again.
    cp -p "$tmp/sound/$file" "$file"
    find build bin -type f -newer "$tmp/began.$1" -print0 2>/dev/null | while IFS= read -r -d '' f; do
        cp -p "$tmp/sound/$f" "$f" 2>/dev/null || rm -f "$f"
    done
}

mkdir "$tmp/sound"
git ls-files -z --cached --others --exclude-standard | xargs -0 cp -a --parents -t "$tmp/sound" || exit 1
for d in bin build/"$SP_MODE"/{bin,lib,tools,tests,libsp.a}; do # not perf/, which a test may be building
    [ ! -e "$d" ] || cp -a --parents "$d" "$tmp/sound" || exit 1
done
mapfile -t targets < <(while read -r test; do target "$test"; done <"$tmp/tests" | sort -u)
(cd "$tmp/sound" && build -j"$jobs" "${targets[@]}" >"$tmp/log" 2>&1) || { cat "$tmp/log"; echo "mutate: does not build" >&2; exit 1; }
each try_test "$tmp/tests"
[ ! -e "$tmp/unsound" ] || exit 1

for ((job = 1; job <= jobs; job++)); do cp -a "$tmp/sound" "$tmp/$job" || exit 1; done
each try_mutant "$tmp/mutants"

enough=0
[ $# -gt 0 ] || [ -n "$dnnl" ] || [ "$SP_MODE" = tsan ] || modules | sed 's/^/wanted\t/' >"$tmp/wanted"
cat "$tmp"/{wanted,verdicts} 2>/dev/null | table
[ "${PIPESTATUS[1]}" = 0 ] || enough=1
n=$(wc -l <"$tmp/mutants") noticed=$(grep -c ^noticed "$tmp/verdicts")
echo "$noticed of $n mutants noticed"
[ "$noticed" = "$n" ] && [ "$enough" = 0 ]
