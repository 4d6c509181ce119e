# csv.bats - tools/csv2jsonl: rows as a CSV reader gives them, or an error that names the line and no row at all.
load helper

csv() { "$ROOT/tools/csv2jsonl" "$@"; }
# gives TEXT LINE...: TEXT (printf) becomes these lines
gives() {
    local text=$1
    shift
    # shellcheck disable=SC2059
    printf "$text" | csv >got || { echo "refused: $text"; return 1; }
    if [ $# -gt 0 ]; then printf '%s\n' "$@"; fi | diff - got
}
# refuses TEXT LINE WORDS: status 1, nothing on standard output
refuses() {
    # shellcheck disable=SC2059
    printf "$1" >x.csv
    run --separate-stderr csv x.csv
    [ "$status" = 1 ] && [ -z "$output" ] || { echo "$1: status $status, $output"; return 1; }
    [[ $stderr == "csv2jsonl: x.csv: line $2: "*"$3"* ]] || { echo "$1: $stderr"; return 1; }
}

@test "cells: plain, quoted, empty, with commas, quotes and line breaks" {
    gives 'a,b\n1,2\n' '{"a":"1","b":"2"}'
    gives '"a",b\r\n"x, ""y""\r\nz",\r\n\r\n3,""""' '{"a":"x, \"y\"\r\nz","b":""}' '{"a":"3","b":"\""}'
    gives '\xef\xbb\xbf"a"\n\\\t\x01é\n' '{"a":"\\\t\u0001é"}'
    gives ',b\n,x\n' '{"":"","b":"x"}'
    gives 'a,b\n'
    gives ''
}

@test "a quote inside a cell that is not quoted is a character" {
    gives 'goal,target\nMake a 5" tube,Sure\nSecond,Yes\nThird 7" thing,No\n' \
        '{"goal":"Make a 5\" tube","target":"Sure"}' '{"goal":"Second","target":"Yes"}' '{"goal":"Third 7\" thing","target":"No"}'
    gives 'a,b\n 1, "x"\n' '{"a":" 1","b":" \"x\""}'
}

@test "what would lose or mix up cells is refused with its line" {
    refuses 'a,b\n1,2\nHow, when and why?,x\n' 3 'a row of 3 cells, the header has 2'
    refuses 'a,b\n"1\n2",3\n4\n' 4 'a row of 1 cell, the header has 2'
    refuses 'a,b\n"A" b,C\nD,E\n' 2 'text after a closing quote: " b,C"'
    refuses 'a,b\n"1\nSay \\"x\\" now",B\n' 3 'text after a closing quote'
    refuses 'a,b\n1,2\n3,"4\n5,6\n' 3 'a quote is never closed'
    refuses 'a,b,a\n1,2,3\n' 1 'two columns are called "a"'
    refuses 'a;b\n1;2\n' 1 'cells must be separated by commas'
    refuses 'a\tb\n1\t2\n' 1 'cells must be separated by commas'
    refuses 'a,b\r1,2\r' 1 'a carriage return inside a cell'
}

@test "text that is not UTF-8 is refused with its line" {
    refuses 'a\nx\n\xe9t\xe9\n' 3 'not UTF-8'
    refuses 'a\n\xed\xa0\x80\n' 2 'not UTF-8'
    refuses 'a\n\xc0\xaf\n' 2 'not UTF-8'
    refuses 'a\nx\0y\n' 2 'not UTF-8'
    refuses '\xff\xfea\0\n\0' 1 'text in UTF-16'
    gives 'a\n\xed\x9f\xbf\xf4\x8f\xbf\xbf\n' "$(printf '{"a":"\xed\x9f\xbf\xf4\x8f\xbf\xbf"}')"
}

@test "one file at a time, and one that is there" {
    printf 'a\n1\n' >x.csv
    run csv x.csv x.csv
    [ "$status" = 1 ] && [[ $output == *"one file at a time"* ]]
    run csv nowhere.csv
    [ "$status" != 0 ]
}

@test "a benchmark with a row that is refused has no items" {
    printf 'goal,target\nA,B\nC\n' >harm.csv
    run -1 --separate-stderr "$ROOT/benchmarks/items" advbench harm.csv
    [ -z "$output" ] && [[ $stderr == *"harm.csv: line 3: "* ]]
}
