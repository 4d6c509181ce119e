# control.mk - controllable patching: thin both patches at random, score them, take the difference set of their top regions, add.
#
# $(call control,DIR,PATCHES,PARAMETERS,SEED,LABEL) makes in DIR, from PATCHES/{safety,oversafety}.st.zst,
#   KIND.mask  KIND.kept  KIND.score  KIND.top  KIND.region        for both kinds: random mask, thinned patch, SNIP scores, top region, where it is added
#   common  overlap.json                                intersection of the top regions; its size
#   safepatching  intersect  only_safety  only_oversafety   patched models
# all but overlap.json as streams (.st.zst). Every recipe is one pipe; pipelines/control has those that depend on a switch.

define control
$(KINDS:%=$(1)/%.mask.st.zst): $(1)/%.mask.st.zst: $(2)/%.st.zst $(3)/mask.json $(BIN)/sp-mask
	$$(call stage,$(5) $$* mask,PARAMS=$(3)/mask.json pipelines/control mask $$* $$< $(4) >$$@)
$(KINDS:%=$(1)/%.kept.st.zst): $(1)/%.kept.st.zst: $(2)/%.st.zst $(1)/%.mask.st.zst $(3)/retain.json $(BIN)/sp-mask
	$$(call stage,$(5) $$* retention,PARAMS=$(3)/retain.json pipelines/control retain $$* $$< $(1) >$$@)
$(KINDS:%=$(1)/%.score.st.zst): $(1)/%.score.st.zst: $(2)/%.st.zst $(1)/%.kept.st.zst $(3)/score.json $(R)/model.sha256 $(D)/harm.jsonl $(BIN)/sp-grad
	$$(call stage,$(5) $$* scores,PARAMS=$(3)/score.json MODEL=$(M) pipelines/control score $$* $$< $(1) $(D)/harm.jsonl >$$@)
$(KINDS:%=$(1)/%.top.st.zst): $(1)/%.top.st.zst: $(1)/%.score.st.zst $(3)/top_%.json $(BIN)/sp-mask
	$$(call stage,$(5) $$* top region,sp-mask top -v @$(3)/top_$$*.json -o $$@ $$<)
$(1)/common.st.zst: $(KINDS:%=$(1)/%.top.st.zst)
	$$(call stage,$(5) common region,sp-mask and -v -o $$@ $$^)
$(1)/overlap.json: $(KINDS:%=$(1)/%.top.st.zst)
	$$(call stage,$(5) overlap,sp-mask stats -v -o $$@ $$^)
$(KINDS:%=$(1)/%.region.st.zst): $(1)/%.region.st.zst: $(1)/common.st.zst $(1)/%.mask.st.zst $(3)/keep.json
	$$(call stage,$(5) $$* region,PARAMS=$(3)/keep.json pipelines/control region $$* $(1) >$$@)
$(1)/safepatching.st.zst: $(KINDS:%=$(1)/%.kept.st.zst) $(KINDS:%=$(1)/%.region.st.zst) $(3)/scale.json $(R)/model.sha256 $(BIN)/sp-merge
	$$(call stage,$(5) merge,PARAMS=$(3)/scale.json MODEL=$(M) pipelines/control both $(1) >$$@)
$(1)/intersect.st.zst: $(KINDS:%=$(1)/%.kept.st.zst) $(1)/common.st.zst $(3)/scale.json $(R)/model.sha256 $(BIN)/sp-merge
	$$(call stage,$(5) merge intersection,PARAMS=$(3)/scale.json MODEL=$(M) pipelines/control intersect $(1) >$$@)
$(KINDS:%=$(1)/only_%.st.zst): $(1)/only_%.st.zst: $(2)/%.st.zst $(1)/%.kept.st.zst $(3)/single.json $(R)/model.sha256 $(BIN)/sp-merge
	$$(call stage,$(5) $$* patch alone,PARAMS=$(3)/single.json MODEL=$(M) pipelines/control single $$* $$< $(1) >$$@)
endef
