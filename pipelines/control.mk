# control.mk - controllable patching: thin both patches at random, score them, take the difference set of their top regions, add.
#
# $(call control,DIR,PATCHES,PARAMETERS,SEED,LABEL) makes in DIR, from PATCHES/{safety,oversafety}.st.zst,
#   KIND.mask  KIND.kept  KIND.score  for both kinds: random mask, thinned patch, SNIP scores            (scores)
#   KIND.top  KIND.region             top region, where the patch is added                             (regions)
#   common  overlap.json              intersection of the top regions; its size                        (regions)
#   safepatching  intersect           patched models                                                   (merged)
# all but overlap.json as streams (.st.zst). An experiment that differs from another in later steps only calls these alone and takes
# the rest from the other's directory. $(call alone,...) makes only_KIND, one patch without the other.
# Every recipe is one pipe; pipelines/control has those that depend on a switch. M, ID and HARM: model, its digest, data (run.mk).

define scores
$(KINDS:%=$(1)/%.mask.st.zst): $(1)/%.mask.st.zst: $(2)/%.st.zst $(3)/mask.json $(BIN)/sp-mask
	$$(call stage,$(5) $$* mask,PARAMS=$(3)/mask.json pipelines/control mask $$* $$< $(4) >$$@)
$(KINDS:%=$(1)/%.kept.st.zst): $(1)/%.kept.st.zst: $(2)/%.st.zst $(1)/%.mask.st.zst $(3)/retain.json $(BIN)/sp-mask
	$$(call stage,$(5) $$* retention,PARAMS=$(3)/retain.json pipelines/control retain $$* $$< $(1) >$$@)
$(KINDS:%=$(1)/%.score.st.zst): $(1)/%.score.st.zst: $(2)/%.st.zst $(1)/%.kept.st.zst $(3)/score.json $(ID) $(HARM) $(BIN)/sp-grad
	$$(call stage,$(5) $$* scores,PARAMS=$(3)/score.json MODEL=$(M) pipelines/control score $$* $$< $(1) $(HARM) >$$@)
endef

# $(call regions,DIR,SCORES,PARAMETERS,LABEL)
define regions
$(KINDS:%=$(1)/%.top.st.zst): $(1)/%.top.st.zst: $(2)/%.score.st.zst $(3)/top_%.json $(BIN)/sp-mask
	$$(call stage,$(4) $$* top region,sp-mask top -v @$(3)/top_$$*.json -o $$@ $$<)
$(1)/common.st.zst: $(KINDS:%=$(1)/%.top.st.zst)
	$$(call stage,$(4) common region,sp-mask and -v -o $$@ $$^)
$(1)/overlap.json: $(KINDS:%=$(1)/%.top.st.zst)
	$$(call stage,$(4) overlap,sp-mask stats -v -o $$@ $$^)
$(KINDS:%=$(1)/%.region.st.zst): $(1)/%.region.st.zst: $(1)/common.st.zst $(2)/%.mask.st.zst $(3)/keep.json
	$$(call stage,$(4) $$* region,PARAMS=$(3)/keep.json pipelines/control region $$* $(1) $(2) >$$@)
endef

# $(call merged,DIR,SCORES,REGIONS,PARAMETERS,LABEL)
define merged
$(1)/safepatching.st.zst: $(KINDS:%=$(2)/%.kept.st.zst) $(KINDS:%=$(3)/%.region.st.zst) $(4)/scale.json $(ID) $(BIN)/sp-merge
	$$(call stage,$(5) merge,PARAMS=$(4)/scale.json MODEL=$(M) pipelines/control both $(2) $(3) >$$@)
$(1)/intersect.st.zst: $(KINDS:%=$(2)/%.kept.st.zst) $(3)/common.st.zst $(4)/scale.json $(ID) $(BIN)/sp-merge
	$$(call stage,$(5) merge intersection,PARAMS=$(4)/scale.json MODEL=$(M) pipelines/control intersect $(2) $(3) >$$@)
endef

define control
$(call scores,$(1),$(2),$(3),$(4),$(5))
$(call regions,$(1),$(1),$(3),$(5))
$(call merged,$(1),$(1),$(1),$(3),$(5))
endef

# $(call alone,DIR,PATCHES,PARAMETERS,LABEL)
define alone
$(KINDS:%=$(1)/only_%.st.zst): $(1)/only_%.st.zst: $(2)/%.st.zst $(1)/%.kept.st.zst $(3)/single.json $(ID) $(BIN)/sp-merge
	$$(call stage,$(4) $$* patch alone,PARAMS=$(3)/single.json MODEL=$(M) pipelines/control single $$* $$< $(1) >$$@)
endef
