# eval.mk - evaluation: every set of prompts answered by one model and judged, and its perplexity.
#
# $(call evaluate,DIR,MODEL,WEIGHTS,PARAMETERS,LABEL,FILES) makes DIR/eval/MODEL.json (counts a set) out of DIR/eval/MODEL.answers.jsonl
# (every answer with its label) and DIR/eval/MODEL.ppl.json.
# WEIGHTS is a stream, or empty for the model as it is. FILES are named by the options in PARAMETERS as $R/... and $S/....
define evaluate
$(1)/eval/$(2).answers.jsonl $(1)/eval/$(2).ppl.json &: $(R)/prompts.jsonl $(wildcard $(D)/text.jsonl) $(3) $(6) $(4)/eval.json $(ID) $(BIN)/sp-eval
	$$(call stage_as,$(1)/eval/$(2).answers.jsonl,$(5) evaluate $(2),R=$(R) S=$(1) PARAMS=$(4)/eval.json pipelines/evaluate $(M) "$(3)" $$< $(D)/text.jsonl $(1)/eval/$(2))
$(1)/eval/$(2).json: $(1)/eval/$(2).answers.jsonl $(1)/eval/$(2).ppl.json report/collect report/collect.jq report/stats.jq
	@report/collect counts $$< $(1)/eval/$(2).ppl.json >$$@
endef
