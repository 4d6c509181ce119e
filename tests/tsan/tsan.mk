# ThreadSanitizer (MODE=tsan): unit tests that report what two threads do to the same memory without order between them.
#
# GCC's OpenMP runtime synchronises by futexes that the sanitizer cannot see, so that every parallel loop looks like a
# race. LLVM's has the same entry points, and its tool Archer tells the sanitizer where threads fork, join and meet.
# OpenBLAS is not instrumented; tests/tsan/blas.c takes its place, so that overlapping tiles of a product are seen.
# tests/threads.bats runs these tests, if tests/tsan/probe.c shows that all this works here.
TSAN_UNITS := queue topk gemm gemm_half gemm_rows attn layer
CFLAGS_tsan := -O2 -march=$(ARCH) -fsanitize=thread -fno-omit-frame-pointer
ARCHER := $(lastword $(sort $(wildcard /usr/lib/llvm-*/lib/libarcher.so)) $(wildcard /usr/lib64/libarcher.so))

ifeq ($(MODE),tsan)
ifneq ($(ARCHER),)
LDFLAGS += -L$(dir $(ARCHER)) -Wl,-rpath,$(dir $(ARCHER)) -Wl,--no-as-needed -larcher -lomp
endif
$(UNIT_BIN): $(B)/tests/tsan/blas.o

.PHONY: tsan-tests
tsan-tests: $(TSAN_UNITS:%=$(B)/tests/unit/test_%)

$(B)/tests/tsan/probe: $(B)/tests/tsan/probe.o
	$(call say,LD)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^
endif
