# report.mk - which models are compared, and their table: report.json (all numbers, claims, provenance), table.md, tradeoff.svg.
#
# The five rows of the method are evaluated once a seed; "no_retention" is the method with p = 1, a set of parameters of its own.
ROWS := only_safety only_oversafety intersect safepatching
EVALS := $(R)/eval/original.json $(foreach s,$(SEEDS),$(ROWS:%=$(R)/$(s)/eval/%.json) $(R)/$(s)/no_retention/eval/safepatching.json)

$(call params,$(R)/param,.)
$(call params,$(R)/param/no_retention,.retention.p = 1)
$(eval $(call evaluate,$(R),original,,$(R)/param,-))

define seed
$(call patches,$(R)/$(1),$(R)/param,$(1))
$(call control,$(R)/$(1),$(R)/$(1),$(R)/param,$(1),$(1))
$(call control,$(R)/$(1)/no_retention,$(R)/$(1),$(R)/param/no_retention,$(1),$(1) no retention:)
$(foreach m,$(ROWS),$(call evaluate,$(R)/$(1),$(m),$(R)/$(1)/$(m).st.zst,$(R)/param,$(1))$(newline))
$(call evaluate,$(R)/$(1)/no_retention,safepatching,$(R)/$(1)/no_retention/safepatching.st.zst,$(R)/param/no_retention,$(1) no retention:)
endef
$(foreach s,$(SEEDS),$(eval $(call seed,$(s))))

STAGE_DIRS = $(if $(MODEL),,$(W) $(S) $(A)) $(R)/eval $(SEEDS:%=$(R)/%)
$(R)/report.json: $(EVALS) $(foreach s,$(SEEDS),$(R)/$(s)/overlap.json $(R)/$(s)/patches.json) pipelines/report.jq pipelines/claims.jq pipelines/stats.jq
	@pipelines/report $(R) $(EXPERIMENT) "$(SEEDS)" "$(STAGE_DIRS)" $(filter-out pipelines/%,$^) >$@
$(R)/table.md: $(R)/report.json pipelines/table.jq
	@jq -rf pipelines/table.jq $< >$@
$(R)/tradeoff.svg: $(R)/report.json pipelines/picture
	@pipelines/picture $< $@

.PHONY: table
table: $(R)/table.md $(R)/tradeoff.svg
	@cat $<
