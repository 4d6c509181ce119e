# Benchmarks: bench/NAME.c builds to build/opt/bench/NAME. `make bench` runs all of them, `make bench-NAME` one.
BENCHES := $(patsubst bench/%.c,%,$(wildcard bench/*.c))
.PHONY: bench $(BENCHES:%=bench-%)
bench: bench-engine bench-streams bench-tok ## every figure of speed beside the machine's own bound
bench-engine: $(B)/bench/engine
	@$<
bench-streams: $(B)/bench/streams all
	@$< $(BIN)
bench-tok: $(B)/bench/tok
	@bench/tokenizers $< $(or $(SP_GOLDEN),../shared/golden)/tokenizers

$(BENCHES:%=$(B)/bench/%): %: %.o $(B)/libsp.a
	$(call say,LD)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(ALL_LIBS)
-include $(BENCHES:%=$(B)/bench/%.d)
