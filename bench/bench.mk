# Benchmarks: bench/NAME.c builds to build/opt/bench/NAME.
BENCHES := $(patsubst bench/%.c,$(B)/bench/%,$(wildcard bench/*.c))
.PHONY: bench
bench: $(BENCHES) ## build the benchmarks into build/opt/bench

$(B)/bench/%: $(B)/bench/%.o $(B)/libsp.a
	$(call say,LD)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(ALL_LIBS)
