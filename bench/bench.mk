# Benchmarks: bench/NAME.c builds to build/opt/bench/NAME.
BENCHES := $(patsubst bench/%.c,$(B)/bench/%,$(wildcard bench/*.c))
.PHONY: bench
bench: $(BENCHES) ## build the benchmarks into build/opt/bench

$(B)/bench/%: $(B)/bench/%.o $(B)/libsp.a
	$(call say,LD)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(ALL_LIBS)

# Models of full size: hours and 75 GB of disk, so not part of the above.
.PHONY: bench-full bench-scaling
FAMILY ?= llama2
bench-full: all bench ## every tool on a whole 7B model of random weights (FAMILY=llama2|llama3|gemma|mistral, OUT=dir)
	bench/full $(FAMILY)
bench-scaling: all bench ## time and memory against model and batch, with a prediction for 13B and 70B
	bench/scaling
