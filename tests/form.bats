# form.bats - the house keeps its order: who includes whom (tests/rooms), the form of the C files (tests/format).
load helper

# A house of three modules in order, to break in one place.
house() {
    mkdir -p lib/base lib/tensor tools
    printf 'typedef int sp_a;\n' >lib/base/a.h
    printf '#include "base/a.h"\n' >lib/base/a.c
    printf '#include "base/a.h"\ntypedef sp_a sp_b;\n' >lib/tensor/b.h
    printf '#include "tensor/b.h"\n' >lib/tensor/b.c
    printf '#include "tensor/b.h"\n' >tools/sp-c.c
}

# complains LINE: tests/rooms fails on the house and says this and nothing else
complains() {
    run "$ROOT/tests/rooms" .
    [ "$status" = 1 ]
    diff <(echo "$1") <(printf '%s\n' "${lines[@]}" | grep -vE '^[0-9]+ (modules|levels)')
}

@test "rooms: each includes only what lies below it, without circles; every module has a header that compiles alone" {
    run "$ROOT/tests/rooms"
    echo "$output"
    [ "$status" = 0 ]
}

@test "rooms: a house in order, its modules and levels" {
    house
    [ "$("$ROOT/tests/rooms" .)" = "3 modules
3 levels: tools/sp-c tensor/b base/a" ]
}

@test "rooms: an include from above, of nothing, of a room without a place" {
    house
    echo '#include "tensor/b.h"' >>lib/base/a.c
    complains "circle base/a tensor/b
upward lib/base/a.c lib/tensor/b.h"
    house
    mkdir lib/attic
    echo >lib/attic/x.h
    echo '#  include "attic/x.h"' >>lib/tensor/b.c
    complains "upward lib/tensor/b.c lib/attic/x.h"
    house
    echo '#include "b.h"' >>lib/tensor/b.c
    complains "missing lib/tensor/b.c lib/b.h"
}

@test "rooms: a circle of three, through a .c file; two circles" {
    house
    for x in x y z; do echo >lib/base/$x.h; done
    echo '#include "base/y.h"' >lib/base/x.c
    echo '#include "base/z.h"' >lib/base/y.c
    echo '#include "base/x.h"' >>lib/base/z.h
    complains "circle base/x base/y base/z"
    echo '#include "tensor/d.h"' >>lib/tensor/b.c
    echo '#include "tensor/b.h"' >lib/tensor/d.h
    complains "circle base/x base/y base/z
circle tensor/b tensor/d"
}

@test "rooms: no header of its own, a header that needs another" {
    house
    echo >lib/tensor/d.c
    echo 'sp_a *f(void);' >lib/tensor/e.h
    complains "alone lib/tensor/e.h
headerless lib/tensor/d.c"
}

@test "format: every C file is as clang-format writes it, no line too long" {
    run "$ROOT/tests/format"
    echo "$output"
    [ "$status" != 77 ] || skip "${lines[-1]}"
    [ "$status" = 0 ]
}

@test "format: what is out of form or too wide is named; tables may be wide; other versions are told" {
    mkdir -p tests/x lib bin
    cp "$ROOT/tests/format" tests
    cp "$ROOT/.clang-format" .
    long=$(printf '%074d' 0)
    printf '/* a */\nint  x;\n' >lib/a.c
    printf '#error %s0123456789\n#error %s0123456789\n' $long $long >lib/b.h # 91 columns, none where it could break
    printf '#error %s0123456789012345678é\n' $long >lib/b.c # 101 in 102 bytes
    printf '#error %s012345678901234567é\n' $long >lib/c.c # 100 in 101 bytes
    printf '/* clang-format off */\nint   x = 1%s;\n/* clang-format on */\n' "0 + $long" >lib/c.h
    run tests/format
    [ "$status" = 1 ]
    if command -v clang-format-14 || clang-format --version | grep -q 'version 14\.'; then
        [ "$output" = "lib/a.c:2: not in form (make format)
lib/b.c:1: 101 columns, the limit is 100
lib/b.h:1: 91 columns, the limit is 90 (and 1 more)" ]
        tests/format --apply || true
        [ "$(tail -n 1 lib/a.c)" = 'int x;' ]
    fi
    rm lib/b.*
    printf '#!/bin/sh\necho "clang-format version 99.1.2 (x)"\n' >bin/clang-format
    cp bin/clang-format bin/clang-format-14
    chmod +x bin/*
    PATH=$PWD/bin:$PATH run tests/format
    [ "$status" = 77 ]
    [ "$output" = 'clang-format is not version 14 but 99.1.2' ]
}
