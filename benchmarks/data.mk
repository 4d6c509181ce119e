# data.mk - the public benchmarks: `make data` fetches what is missing and checks what is there (benchmarks/datasets.json: source, licence, digest).
DATASETS ?= benchmarks/datasets.json
BENCH_DATA ?= data
.PHONY: data
data: ## public benchmark files into BENCH_DATA (default: data/): fetch, or say what to put where
	@benchmarks/fetch $(DATASETS) $(BENCH_DATA)
