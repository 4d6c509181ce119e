# perf.mk - benchmarks of speed: perf/NAME.c builds to build/opt/perf/NAME. `make bench` runs all of
# them, `make bench-NAME` one.
BENCHES := $(patsubst perf/%.c,%,$(wildcard perf/*.c))
.PHONY: bench $(BENCHES:%=bench-%)
bench: bench-engine bench-streams bench-tok ## every figure of speed beside the machine's own bound
bench-engine: $(B)/perf/engine ## training and generation against sgemm and memory
	@$<
bench-streams: $(B)/perf/streams all ## sp-diff, sp-mask, sp-merge against memcpy and zstd
	@$< $(BIN)
bench-tok: $(B)/perf/tok ## loading and encoding of three tokenizers
	@perf/tokenizers $< $(or $(SP_GOLDEN),../shared/golden)/tokenizers

$(BENCHES:%=$(B)/perf/%): %: %.o $(B)/libsp.a
	$(call say,LD)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(ALL_LIBS)
-include $(BENCHES:%=$(B)/perf/%.d)

# Models of full size: hours and 75 GB of disk, so not part of the above.
.PHONY: bench-full bench-scaling
FAMILY ?= llama2
bench-full: all $(B)/perf/checkpoint ## every tool on a whole 7B model of random weights (FAMILY=llama2|llama3|gemma|mistral, OUT=dir)
	perf/full $(FAMILY)
bench-scaling: all $(B)/perf/checkpoint ## time and memory against model and batch, with a prediction for 13B and 70B
	perf/scaling
