# tables.mk - which models are compared: for each table of experiments/rows.json TABLE.json (all numbers, provenance) and TABLE.md.
#
# The table "all" has every row; the claims of the paper are read off it.
words_of = $(foreach w,$(ROW_WORDS),$(if $(filter $(1),$(call field,$(w),2)),$(w)))
TABLES := $(foreach w,$(call words_of,table),$(call field,$(w),1))
TO_MARKDOWN := report/markdown $(addprefix report/,markdown.jq tables.jq claims.jq report.jq stats.jq)
FIRST := $(R)/$(firstword $(SEEDS))
STAGE_DIRS = $(if $(MODEL),,$(W) $(S) $(A)) $(R)/eval $(SEEDS:%=$(R)/%)
evals_of = $(foreach r,$(1),$(if $(filter original,$(r)),$(R)/eval/original.json,$(SEEDS:%=$(R)/%/eval/$(r).json)))

# $(call table,NAME,ROWS)
define table
$(R)/$(1).json: $(call evals_of,$(2)) $(foreach s,$(SEEDS),$(R)/$(s)/overlap.json $(R)/$(s)/patches.json) $(ALL_ROWS) \
    report/collect $(addprefix report/,collect.jq claims.jq report.jq stats.jq)
	@report/collect table $(1) $(R) $(EXPERIMENT) $(ALL_ROWS) "$$(STAGE_DIRS)" $$(filter-out report/% $(ALL_ROWS),$$^) >$$@
$(R)/$(1).md: $(R)/$(1).json $(TO_MARKDOWN)
	@report/markdown table $$< >$$@
.PHONY: $(1)
$(1): $(R)/$(1).md
	@cat $$<
endef
$(foreach w,$(call words_of,table),$(eval $(call table,$(call field,$(w),1),$(subst ;, ,$(call field,$(w),4)))))
$(R)/all.json: $(R)/layers.json $(R)/speed.json

$(R)/tradeoff.svg: $(R)/method.json report/pictures $(addprefix report/,pictures.jq report.jq labels.awk)
	@report/pictures $< $@
method: $(R)/tradeoff.svg $(foreach s,$(SEEDS),$(KINDS:%=$(R)/$(s)/%.loss.jsonl))

# Where the important parameters lie.
$(R)/layers.json: $(FIRST)/overlap.json $(FIRST)/global_top/overlap.json report/collect report/collect.jq
	@report/collect layers $(wordlist 1,2,$^) >$@
$(R)/layers.md: $(R)/layers.json $(TO_MARKDOWN)
	@report/markdown layers $< >$@
.PHONY: layers
layers: $(R)/layers.md
	@cat $<

# Time a token of decoding-time defences against that of patched weights.
SPEED := safedecoding self_cd rose
$(R)/speed_prompts.jsonl: $(R)/prompts.jsonl
	@jq -c 'select(.set == "lookalike" or .set == "benign")' $< | sed -n '1~20p' >$@
$(R)/speed.json: $(R)/speed_prompts.jsonl $(FIRST)/expert.st.zst $(FIRST)/safepatching.st.zst $(SPEED:%=$(R)/param/%/eval.json) $(ID) $(BIN)/sp-eval
	$(call stage,time a token,R=$(R) S=$(FIRST) report/speed $(M) $< 5 48 original=$(R)/param/eval.json \
	    safepatching=$(R)/param/eval.json=$(FIRST)/safepatching.st.zst $(foreach d,$(SPEED),$(d)=$(R)/param/$(d)/eval.json) >$@)
$(R)/speed.md: $(R)/speed.json $(TO_MARKDOWN)
	@report/markdown speed $< >$@
.PHONY: speed
speed: $(R)/speed.md
	@cat $<
decoding: speed

.PHONY: paper
paper: $(TABLES:%=$(R)/%.md) $(R)/layers.md $(R)/speed.md $(R)/tradeoff.svg $(LOSSES)
