# docs.bats - the documents say what the programs do: manual pages against --help, README's commands as printed, names of files.
load helper

# What stands in README.md, or another FILE, between "<!-- begin NAME -->" and "<!-- end NAME -->", without the code fence.
readme_block() { # NAME [FILE]
    sed -n "/^<!-- begin $1 -->/,/^<!-- end $1 -->/p" "$ROOT/${2:-README.md}" | grep -v -e '^<!--' -e '^```'
}

# Long options of a tool, over all its commands.
flags() { "$1" --help | sed -n 's/^ *\(-., \)\?\(--[a-z0-9-]*\).*/\2/p' | sort -u; }

@test "manual pages: every option of --help, nothing left to fill in" {
    for t in $TOOLS; do
        "$t" --help | awk -f "$ROOT/man/page.awk" - "$ROOT/man/$t.1.in" >"$t.1"
        tr -d '\\' <"$t.1" >plain
        n=0
        for f in $(flags "$t"); do
            grep -qE -- "^fB.*$f(fR|$)" plain || { echo "$t.1: no $f"; false; }
            n=$((n + 1))
        done
        [ $n -ge 9 ]
        run grep -n '@[A-Z]*@' "$t.1"
        [ "$status" = 1 ]
        grep -q "^\.TH" "$t.1"
        [ "$(grep -A1 '^.SH EXIT STATUS' "$t.1" | tail -n1 | tr -d '\\')" = "$("$t" --help | sed -n 's/^Exit status: //p')" ]
        # options in the prose exist
        for f in $(grep -o 'fB\\-\\-[a-z0-9\\-]*\\f' "$ROOT/man/$t.1.in" | tr -d '\\' | sed 's/^fB//; s/f$//'); do
            flags "$t" | grep -qxF -- "$f" || { echo "$t.1.in: $f is no option"; false; }
        done
    done
}

@test "manual pages: groff has no complaint" {
    command -v groff >/dev/null || skip "no groff"
    for t in $TOOLS; do
        "$t" --help | awk -f "$ROOT/man/page.awk" - "$ROOT/man/$t.1.in" >"$t.1"
    done
    for page in *.1 "$ROOT"/man/*.5; do
        [ -z "$(groff -man -ww -Tutf8 "$page" 2>&1 >/dev/null)" ]
    done
}

@test "every option occurs in a test" {
    missing=
    for t in $TOOLS; do
        for f in $(flags "$t"); do
            grep -rqF -e "$f" -e "\"${f#--}\"" "$ROOT"/tests/*.bats "$ROOT"/tests/unit || missing="$missing $t:$f"
        done
    done
    echo "no test names:$missing"
    [ -z "$missing" ]
}

# Folders whose shell, awk and jq have at most 100 columns, and their prose 120, as that of the root.
NARROW="experiments world report benchmarks perf man"

# wide FILE...: the lines of these files that are too long; tables, code and other files are free
wide() {
    local f limit
    for f; do
        case $f in
        *.jq | *.awk) limit=100 ;;
        *.md) limit=120 ;;
        *) if head -n 1 "$f" | grep -q '^#!'; then limit=100; else continue; fi ;;
        esac
        # what is free becomes empty, so that the numbers of the lines stay
        if [ $limit = 100 ]; then cat "$f"; else sed -E '/^```/,/^```/s/.*//; s/^(    |\|).*|.*( \| .*){2}//' "$f"; fi |
            LC_ALL=C.UTF-8 grep -nE "^.{$((limit + 1))}" | sed -E "s|^([0-9]+):.*|$f:\\1: over $limit columns|"
    done
}

@test "lines of shell, awk and jq have at most 100 columns, those of prose 120" {
    # shellcheck disable=SC2086
    mapfile -t files < <(cd "$ROOT" && find $NARROW -type f && ls ./*.md)
    [ ${#files[@]} -gt 40 ]
    too_wide=$(cd "$ROOT" && wide "${files[@]}")
    echo "$too_wide"
    [ -z "$too_wide" ]
}

@test "lines: what is too wide, and what is free" {
    long=$(printf '%0100d' 0)
    printf '%s\n%sé\n' "$long" "${long%0}" >a.jq # 100 letters in 101 bytes
    printf 'x\n%s1\n' "$long" | tee b.awk b.txt b.md >/dev/null
    printf '#!/bin/bash\n%s1\n' "$long" >c
    printf '%s%s\n' "$long" "$long" | tee d >d.json
    printf '| %s | %s |\n    %s\n```\n%s\n```\n%s\n' x "$long$long" "$long$long" "$long$long" "$long$long" >e.md
    [ "$(wide a.jq b.awk b.txt b.md c d d.json e.md)" = "b.awk:2: over 100 columns
c:2: over 100 columns
e.md:6: over 120 columns" ]
}

@test "README: the shell pipe runs as printed" {
    need_golden stories260K
    need_data advbench_harmful_behaviors.csv
    ln -s "$GOLDEN/stories260K" stories260K
    ln -s "$DATA/advbench_harmful_behaviors.csv" .
    ln -s "$ROOT/tools" tools
    readme_block pipe >pipe.sh
    [ "$(wc -l <pipe.sh)" -ge 5 ]
    run --separate-stderr bash -euo pipefail pipe.sh
    echo "$stderr"
    [ "$status" = 0 ]
    [ -z "$stderr" ]
    jq -e 'type == "object"' <<<"$output"
}

@test "README, experiments/README: the tables are those of results/reference" {
    "$ROOT/report/markdown" readme "$ROOT"/results/reference/{llama2,mistral,gemma}.json >tables
    [ "$(grep -c '^SafePatching' tables)" = 3 ]
    diff <(readme_block results) tables
    "$ROOT/report/markdown" searches "$ROOT"/results/reference/{llama2,mistral,gemma}.json >table
    [ "$(grep -c '^| SafePatching |' table)" = 1 ]
    diff <(readme_block searches experiments/README.md) table
}

@test "README, ARCHITECTURE and perf/README name files and targets that exist" {
    for doc in README.md ARCHITECTURE.md perf/README.md; do
        for f in $(grep -oE '`(lib|tools|man|tests|world|report|benchmarks|perf|experiments|results)/[A-Za-z0-9_./-]*`|\]\([a-z][A-Za-z0-9_./-]*\)' "$ROOT/$doc" | tr -d '`()]'); do
            [ -e "$ROOT/$f" ] || { echo "$doc: no $f"; false; }
        done
        for target in $(grep -oE '`make [a-z][a-z0-9-]*' "$ROOT/$doc" | cut -d' ' -f2 | sort -u); do
            make -C "$ROOT" help | grep -qE "^ *($target|${target%%-*}-%) " || { echo "$doc: no target $target"; false; }
        done
    done
}

@test "ARCHITECTURE lists every module, README every tool" {
    for f in "$ROOT"/lib/*/*.c "$ROOT"/lib/*/*/*.c "$ROOT"/tools/*.c "$ROOT"/experiments/*.jq; do
        name=$(basename "$f")
        grep -qwF -- "${name%.*}" "$ROOT/ARCHITECTURE.md" || { echo "ARCHITECTURE.md: no $name"; false; }
    done
    for t in $TOOLS; do grep -qF "$t" "$ROOT/README.md"; done
}

@test "make install: binaries and manual pages below DESTDIR" {
    make -s -C "$ROOT" MODE="${SP_MODE:-opt}" install DESTDIR="$PWD/d" PREFIX=/usr
    cd d/usr
    only_files bin share share/man share/man/man1 share/man/man5 share/man/man5/sp-stream.5 \
        $(for t in $TOOLS; do echo "bin/$t" "share/man/man1/$t.1"; done)
    [ "$(bin/sp-diff --version)" = "$(sp-diff --version)" ]
    grep -q '^\.SH OPTIONS' share/man/man1/sp-mask.1
}
