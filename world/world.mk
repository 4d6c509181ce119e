# world.mk - the tiny world and its aligned model, kept in $(CACHE) under digests of all that they depend on.
#
#   $W = $(CACHE)/world-KEY     words, training files, evaluation sets
#   $S = $(CACHE)/NAME-KEY      blank/: configuration and tokenizer, no weights; stage1/: the model that answers everything
#   $A = $(CACHE)/NAME-KEY      aligned/: after the thin refusal stage, the model that gets patched
# Keys instead of time stamps: other alignment data do not train stage 1 again, a fresh clone with an old cache trains nothing. So all
# prerequisites here are order-only.
comma := ,
key = $(shell { $(1); } | sha256sum | cut -c1-12)
WORLD_KEY := $(call key,cat $(WORLD) world/world.awk)
STAGE1_KEY := $(call key,cat world/world.awk world/tokenizer.jq; jq -c "[.seed$(comma) .stage1$(comma) .wrapped]" $(WORLD); \
    jq -cS "[.config$(comma) .tokenizer$(comma) .train.stage1]" $(EXPERIMENT))
ALIGN_KEY := $(call key,echo $(STAGE1_KEY) $(WORLD_KEY); jq -cS .train.align $(EXPERIMENT))

W := $(CACHE)/world-$(WORLD_KEY)
S := $(CACHE)/$(X)-$(STAGE1_KEY)
A := $(CACHE)/$(X)-$(ALIGN_KEY)

.PHONY: world
world: $(W)/words.txt
$(W)/words.txt:
	$(call once,tiny world,world/make $(WORLD) $(W))

$(S)/blank/config.json: | $(W)/words.txt
	$(call once,tokenizer and configuration,world/blank $(EXPERIMENT) $(W)/words.txt $(@D))

# $(call train,NAME,START): NAME/ from the model START, on the world's NAME.jsonl; leaves NAME.sha256, which stands for the model's bytes.
train = sp-grad tune -v @$(@D)/$(1).json --log $(@D)/$(1).log $(2) $(W)/$(1).jsonl -o $(@D)/$(1)/ \
    && cat $(@D)/$(1)/*.safetensors | sha256sum >$@

$(S)/stage1.sha256: | $(S)/blank/config.json $(W)/words.txt
	@jq -c .train.stage1 $(EXPERIMENT) >$(@D)/stage1.json
	$(call once,train: answer everything,$(call train,stage1,$(S)/blank))

$(A)/align.sha256: | $(S)/stage1.sha256 $(W)/words.txt
	@mkdir -p $(@D); jq -c .train.align $(EXPERIMENT) >$(@D)/align.json
	$(call once,train: refuse,$(call train,align,$(S)/stage1))
