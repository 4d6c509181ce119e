# data.mk - the public benchmarks: `make data` fetches what is missing and checks what is there (experiments/datasets.json: source, licence, digest).
DATASETS ?= experiments/datasets.json
BENCH_DATA ?= data
.PHONY: data
data: ## public benchmark files into BENCH_DATA (default: data/): fetch, or say what to put where
	@pipelines/bench/fetch $(DATASETS) $(BENCH_DATA)
