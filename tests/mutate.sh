#!/bin/bash
# Do the tests notice? Each line of tests/mutants/*.tsv breaks one thing in a copy of the sources; a test must then fail.
#
#   tests/mutate.sh [PATTERN]     only the mutants whose line matches the extended regular expression PATTERN
#
# Columns of the table, separated by tabs: source file, sed expression, test that must fail (a unit test or a .bats file), what is broken. A line whose
# expression changes nothing, or does not compile, is an error of the table. SP_MODE picks the build, as in tests/run.
set -u
cd "$(dirname "$0")/.." || exit 1
export SP_MODE=${SP_MODE:-opt} SP_GOLDEN=${SP_GOLDEN:-$PWD/../shared/golden} SP_TEST_TIMEOUT=120
[ -d "$SP_GOLDEN" ] || { echo "mutate: no reference vectors in $SP_GOLDEN" >&2; exit 1; }
tables=("$PWD"/tests/mutants/*.tsv)

copy=$(mktemp -d) || exit 1
trap 'rm -rf "$copy"' EXIT
git ls-files -z --cached --others --exclude-standard | xargs -0 cp -a --parents -t "$copy" && mkdir "$copy/build" && cp -a "build/$SP_MODE" "$copy/build" || exit 1
cd "$copy" || exit 1

# build_and_test TEST: 0 = passes, 1 = fails, 2 = does not build
build_and_test() {
    local target=build/$SP_MODE/tests/unit/$1 file=build/$SP_MODE/tests/unit/$1
    [[ $1 != *.bats ]] || target=all file=tests/$1
    make -s MODE="$SP_MODE" "$target" >log 2>&1 || return 2
    tests/run "$file" >log 2>&1 || return 1
}

declare -A sound # units that pass unchanged
bad=0 n=0
while IFS=$'\t' read -r file edit unit what; do
    if [ -z "${sound[$unit]:-}" ]; then
        build_and_test "$unit" || { cat log; echo "mutate: $unit fails without any mutation" >&2; exit 1; }
        sound[$unit]=1
    fi
    cp "$file" kept
    sed -i -E "$edit" "$file"
    if cmp -s "$file" kept; then
        verdict="NOT APPLICABLE"
    else
        build_and_test "$unit"
        case $? in
        0) verdict=SURVIVED ;;
        1) verdict=noticed ;;
        2) verdict="DOES NOT COMPILE" ;;
        esac
    fi
    cp kept "$file" # newer than the mutated object: the next build makes it again
    n=$((n + 1))
    [ "$verdict" = noticed ] || bad=$((bad + 1))
    printf '%-16s %-14s %s\n' "$verdict" "$file" "$what"
done < <(cat "${tables[@]}" | grep -E -v "^(#|$)" | grep -E -e "${1:-.}")
echo "$((n - bad)) of $n mutants noticed"
[ "$bad" = 0 ] && [ "$n" -gt 0 ]
