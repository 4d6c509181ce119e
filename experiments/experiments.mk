# experiments.mk - the experiments as targets of the main Makefile: each makes a part of one
# backbone's plan (experiments/run), one at a time a backbone.
OUT ?= results
EXPERIMENTS_DIR ?= experiments
WORLD ?= world/world.json
SEEDS ?= 1 2 3
EXPERIMENTS := $(basename $(shell cd "$(EXPERIMENTS_DIR)" && grep -l '"config"' *.json))
PAPER := llama2 mistral gemma
# No training of the tiny LLaMA-3 ends inside the entry criterion (README.md, "Originals").
OUTSIDE := llama3
BACKBONES ?= $(filter $(EXPERIMENTS),$(PAPER)) \
    $(filter-out $(PAPER) $(OUTSIDE),$(EXPERIMENTS))
MODEL_SUFFIX := $(if $(MODEL),-$(notdir $(MODEL:%/=%)))
# Not by `export`: other targets, the tests among them, have their own idea of DATA and OUT.
quoted = '$(subst ','\'',$($1))'
told = $(foreach v,OUT EXPERIMENTS_DIR WORLD SEEDS MODEL DATA LAUNCH BIN,$v=$(call quoted,$v))
run = +@$(told) experiments/run $*

experiment-%: all ## the method on one backbone (llama2 ...): patches, merge, evaluation, table; MODEL= DATA= SEEDS= LAUNCH= (6 min)
	$(run) method
baselines-%: all ## GA, NPO, RESTA, HFT and their variants beside the method (4 min)
	$(run) baselines
ablation-%: all ## the method without each of its parts (2 min)
	$(run) ablation
merging-%: all ## other ways to combine the two patches (2 min)
	$(run) merging
sweep-%: all ## retention p, top rates a = b, scales alpha and beta (5 min)
	$(run) sweep
layers-%: all ## where the important parameters of both patches lie, by depth and by matrix (1 min)
	$(run) layers
continual-%: all ## three categories of harm one after the other, against GA and NPO (3 min)
	$(run) continual
decoding-%: all ## SafeDecoding, Self-CD, ROSE: rates, and time a token (ATGR) (3 min)
	$(run) decoding
jailbreak-%: all ## harmful requests in wrappers, by wrapper (3 min)
	$(run) jailbreak
transfer-%: all ## harmful requests that no training saw, by category (3 min)
	$(run) transfer
front-%: all ## every method searched over its settings, the picked ones on the test split (15 to 20 min)
	$(run) front
paper-%: all ## every table of one backbone (22 to 28 min)
	$(run) paper
grid-%: all ## every reading of the ambiguous switches (experiments/grid.json) on the tiny world (3 min)
	$(run) grid
plan-%: ## what all of these would run on one backbone: every file, its inputs and its command, as a makefile
	@$(told) experiments/plan $* | jq -r -L experiments 'include "makefile"; rules'

.PHONY: experiments experiments-main
experiments-main: $(BACKBONES:%=experiment-%) ## the method on every backbone (10 min on 2 cores)
experiments: $(BACKBONES:%=paper-%) ## every table of every backbone (77 min on 2 cores)

# The report is on several backbones, by rules of make's own.
ifeq ($(word 2,x$(OUT)$(MODEL)),)
include report/report.mk
else
.PHONY: report reference
report reference:
	@echo "make $@: OUT and MODEL must be names without spaces" >&2; exit 1
endif
