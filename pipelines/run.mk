# run.mk - one experiment: everything from the backbone to the table, under $(OUT)/$(NAME).
#
# Called by experiments.mk as `make -f pipelines/run.mk X=llama2 table`, so that X and all that hangs on it are plain variables.
#   X         experiments/X.json holds every hyper-parameter
#   MODEL     a checkpoint directory to patch; default: the tiny world's aligned model (world.mk)
#   DATA      a directory with harm.jsonl and any of the evaluation sets (pipelines/prompts says which)
#   SEEDS     seeds of shuffling and random retention; the table gives mean and spread
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -ec
.DELETE_ON_ERROR:
.SUFFIXES:

EXPERIMENT := $(EXPERIMENTS_DIR)/$(X).json
NAME := $(X)$(if $(MODEL),-$(notdir $(MODEL:%/=%)))
R := $(OUT)/$(NAME)
CACHE := $(OUT)/cache

include pipelines/launch.mk world/world.mk

# The model M and its data D. In every dependency M stands as model.sha256, made anew when its files change or other directories are named.
M := $(or $(MODEL:%/=%),$(A)/align)
D := $(or $(DATA:%/=%),$(W))
MODEL_FILES := $(if $(MODEL),$(wildcard $(M)/*.json $(M)/*.safetensors),$(A)/align.sha256)
DATA_FILES := $(if $(DATA),$(wildcard $(D)/*.jsonl),$(W)/words.txt)
$(shell mkdir -p $(R); echo $(M) $(D) | cmp -s - $(R)/.source || echo $(M) $(D) >$(R)/.source)

$(R)/model.sha256: $(R)/.source $(MODEL_FILES)
	@cat $(M)/*.safetensors | sha256sum >$@
$(R)/prompts.jsonl: $(R)/.source $(DATA_FILES)
	@pipelines/prompts $(D) >$@
$(W)/%.jsonl: | $(W)/words.txt ;
ID := $(R)/model.sha256
HARM := $(D)/harm.jsonl

include pipelines/params.mk pipelines/patch.mk pipelines/control.mk pipelines/eval.mk pipelines/continual.mk pipelines/rows.mk \
    pipelines/tables.mk pipelines/grid.mk
