# experiments.mk - the experiments as targets of the main Makefile. Each runs in a make of its own (pipelines/run.mk).
OUT ?= results
EXPERIMENTS_DIR ?= experiments
WORLD ?= experiments/world.json
SEEDS ?= 1
EXPERIMENTS := $(filter-out world grid,$(basename $(notdir $(wildcard $(EXPERIMENTS_DIR)/*.json))))
run = @PATH=$(abspath $(BIN)):$$PATH $(MAKE) --no-print-directory -f pipelines/run.mk X=$* OUT=$(OUT) BIN=$(abspath $(BIN)) \
    EXPERIMENTS_DIR=$(EXPERIMENTS_DIR) WORLD=$(WORLD) SEEDS="$(SEEDS)" MODEL=$(MODEL) DATA=$(DATA) LAUNCH="$(LAUNCH)"

experiment-%: all ## the method on one backbone (llama2 ...): patches, merge, evaluation, table; MODEL= DATA= SEEDS= LAUNCH=
	+$(run) table

grid-%: all ## every reading of the ambiguous switches (experiments/grid.json) on the tiny world
	+$(run) grid

.PHONY: experiments-main
experiments-main: $(EXPERIMENTS:%=experiment-%) ## all backbones
