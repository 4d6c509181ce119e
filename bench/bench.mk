# Benchmarks: bench/NAME.c builds to build/opt/bench/NAME. `make bench` runs all of them, `make bench-NAME` one.
BENCHES := $(patsubst bench/%.c,%,$(wildcard bench/*.c))
BENCH_TOKENIZERS := $(wildcard $(addprefix $(or $(SP_GOLDEN),../shared/golden)/tokenizers/,gemma llama3 llama2))
.PHONY: bench $(BENCHES:%=bench-%)
bench: bench-engine bench-streams bench-tok ## every figure of speed beside the machine's own bound
bench-engine: $(B)/bench/engine
	@$<
bench-streams: $(B)/bench/streams all
	@$< $(BIN)
bench-tok: $(B)/bench/tok
	@$(if $(BENCH_TOKENIZERS),$(foreach t,$(BENCH_TOKENIZERS),OMP_NUM_THREADS=1 $< $t; OMP_NUM_THREADS=1 $< $t README.md | tail -1;),echo "tokenizers: left out, SP_GOLDEN is not there")

$(BENCHES:%=$(B)/bench/%): %: %.o $(B)/libsp.a
	$(call say,LD)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(ALL_LIBS)
-include $(BENCHES:%=$(B)/bench/%.d)
