# data.mk - the public benchmarks: `make data` fetches what is missing and checks what is there.
# benchmarks/datasets.json says of each file where it comes from, its licence and its digest.
DATASETS ?= benchmarks/datasets.json
BENCH_DATA ?= data
.PHONY: data
data: ## public benchmark files into BENCH_DATA (default: data/): fetch, or say what to put where
	@benchmarks/fetch $(DATASETS) $(BENCH_DATA)
