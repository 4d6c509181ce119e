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
.SECONDARY:
.SUFFIXES:

EXPERIMENT := $(EXPERIMENTS_DIR)/$(X).json
NAME := $(X)$(if $(MODEL),-$(notdir $(MODEL:%/=%)))
R := $(OUT)/$(NAME)
CACHE := $(OUT)/cache

include pipelines/launch.mk pipelines/world.mk

ifdef MODEL
M := $(MODEL:%/=%)
D := $(DATA:%/=%)
DATA_FILES := $(wildcard $(D)/*.jsonl)
MODEL_ID := $(R)/model.sha256
$(MODEL_ID): $(wildcard $(M)/*.safetensors $(M)/*.json)
	$(call stage,digest of the model,cat $(M)/*.safetensors | sha256sum >$@)
else
M := $(A)/align
D := $(W)
DATA_FILES := $(W)/harm.jsonl
MODEL_ID := $(A)/align.sha256
endif

include pipelines/params.mk pipelines/patch.mk pipelines/control.mk pipelines/eval.mk pipelines/report.mk pipelines/grid.mk
