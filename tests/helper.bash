# helper.bash - what every .bats file starts from:   load helper
#
# The tools are on PATH, GOLDEN names the reference vectors, and each test runs in an empty directory of its own.

bats_require_minimum_version 1.5.0
SP_BIN=${SP_BIN:-$(cd "$BATS_TEST_DIRNAME/.." && pwd)/bin}
ROOT=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
GOLDEN=${SP_GOLDEN:-$ROOT/../shared/golden}
DATA=${SP_DATA:-$ROOT/../shared/data}
PATH=$SP_BIN:$PATH
TOOLS="sp-grad sp-diff sp-mask sp-merge sp-eval"

setup() { mkdir "$BATS_TEST_TMPDIR/work" && cd "$BATS_TEST_TMPDIR/work" || return 1; }

# need_golden NAME: skip the test where that directory of reference vectors is missing
need_golden() { [ -e "$GOLDEN/$1" ] || skip "no $1 in $GOLDEN"; }
need_data() { [ -e "$DATA/$1" ] || skip "no $1 in $DATA"; }

# f32 X...: the numbers as little-endian binary32 on stdout
f32() {
    # shellcheck disable=SC2059
    printf "$(awk 'function put(b) { printf "\\%03o", b }
        BEGIN {
            for (i = 1; i < ARGC; i++) {
                x = ARGV[i]; s = 0; e = 0; m = 0
                if (x == "nan" || x == "inf" || x == "-inf") { s = x ~ /^-/; e = 255; m = x == "nan" ? 4194304 : 0 }
                else if (x + 0 != 0) {
                    x += 0; s = x < 0; if (s) x = -x
                    for (e = 127; x >= 2; e++) x /= 2
                    for (; x < 1; e--) x *= 2
                    m = int((x - 1) * 8388608 + .5)
                }
                put(m % 256); put(int(m / 256) % 256); put(int(m / 65536) + (e % 2) * 128); put(s * 128 + int(e / 2))
            }
        }' "$@")"
}

# st_file HEADER-JSON: a raw safetensors file on stdout, its data from standard input
st_file() {
    local n=${#1} i
    for i in 1 2 3 4 5 6 7 8; do
        # shellcheck disable=SC2059
        printf "\\$(printf %03o $((n % 256)))"
        n=$((n / 256))
    done
    printf %s "$1"
    cat
}

# st_one NAME X...: a stream of one F32 vector
st_one() {
    local name=$1
    shift
    f32 "$@" | st_file "{\"$name\":{\"dtype\":\"F32\",\"shape\":[$#],\"data_offsets\":[0,$((4 * $#))]}}"
}

# st_json FILE: header of a stream as JSON;  st_values FILE: its data as F32 numbers, one a line
st_json() { zstd -dcfq -- "$1" | { head -c "$(head -c 8 | od -An -tu8 | tr -d ' ')"; }; }
st_values() { zstd -dcfq -- "$1" | { tail -c +$((9 + $(st_json "$1" | wc -c))); } | od -An -v -w4 -tf4 | tr -d ' '; }

# fails CODE PATTERN COMMAND...: exit status CODE, one line on stderr that matches the glob PATTERN, nothing on stdout
fails() {
    local code=$1 pattern=$2
    shift 2
    run --separate-stderr "$@"
    [ "$status" = "$code" ] || { echo "status $status, expected $code: $*"; echo "$stderr"; return 1; }
    # shellcheck disable=SC2053
    [[ $stderr == $pattern ]] || { echo "message: $stderr"; echo "expected: $pattern"; return 1; }
    [ -z "$output" ] || { echo "unexpected output: $output"; return 1; }
}

# only_files FILE...: the directory holds these files and no others
only_files() { diff <([ $# = 0 ] || printf "%s\n" "$@" | sort) <(find . -mindepth 1 | sed 's|^\./||' | sort); }
