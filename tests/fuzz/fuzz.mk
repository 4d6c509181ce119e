# Fuzzing with libFuzzer (clang). New inputs are kept in build/fuzz/corpus, seeds lie in tests/fuzz/corpus; a crash leaves its input in build/fuzz.
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ ?= $(FUZZERS)
FUZZ_SECONDS ?= 60
CFLAGS_fuzz = -O1 -march=$(ARCH) -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -Wno-pass-failed
# clang 14 has no __builtin_shuffle; these are plain loops over checked sizes, so gcc builds them without the
# instruments.
FUZZ_GCC := $(patsubst %.c,build/fuzz/%.o,$(shell grep -rl __builtin_shuffle lib --include=*.c))
$(FUZZ_GCC): override CC := gcc
$(FUZZ_GCC): CFLAGS_fuzz = -O2 -march=$(ARCH)

.PHONY: fuzz
fuzz: ## fuzz every reader of untrusted bytes, FUZZ_SECONDS=60 each (FUZZ="tok examples" picks; needs clang)
	@command -v clang >/dev/null || { echo "make fuzz: clang is not installed (Debian: apt-get install clang libomp-dev libclang-rt-dev)"; exit 1; }
	@$(MAKE) --no-print-directory MODE=fuzz CC=clang $(FUZZ:%=build/fuzz/fuzz_%)
	@for f in $(FUZZ); do \
	    mkdir -p build/fuzz/corpus/$$f; \
	    build/fuzz/fuzz_$$f -max_total_time=$(FUZZ_SECONDS) -timeout=20 -rss_limit_mb=3000 -print_final_stats=1 \
	        -artifact_prefix=build/fuzz/$$f- build/fuzz/corpus/$$f tests/fuzz/corpus/$$f >build/fuzz/$$f.log 2>&1 \
	        || { tail -40 build/fuzz/$$f.log; exit 1; }; \
	    awk -v f=$$f '/number_of_executed_units/ { print f ": " $$2 " runs, nothing found" }' build/fuzz/$$f.log; \
	done

build/fuzz/fuzz_%: tests/fuzz/fuzz_%.c tests/fuzz/fuzz.h build/fuzz/libsp.a
	$(call say,LD)$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer -o $@ $< build/fuzz/libsp.a $(ALL_LIBS)
