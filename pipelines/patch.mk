# patch.mk - patch derivation: ascent and descent on the same harmful data, each minus the model it started from.
#
# $(call patches,DIR,PARAMETERS,SEED) makes DIR/safety.st.zst (P_SE) and DIR/oversafety.st.zst (P_OSM);
# DIR/KIND.loss.jsonl are their training curves;
# DIR/patches.json has their norms and the cosine between them.
KINDS := safety oversafety

# $(call patch,NAME,PARAMETERS,SEED,LABEL)
define patch
$(eval LOSSES += $(1).loss.jsonl)$(1).st.zst $(1).loss.jsonl &: $(2) $(ID) $(HARM) $(BIN)/sp-grad $(BIN)/sp-diff
	$$(call stage_as,$(1).st.zst,$(4),sp-grad tune -v @$(2) --seed $(3) --log $(1).loss.jsonl $(M) $(HARM) | sp-diff -v -o $(1).st.zst - $(M))

endef
define patches
$(foreach k,$(KINDS),$(call patch,$(1)/$(k),$(2)/$(k).json,$(3),$(3) $(k) patch))
$(1)/patches.json: $(KINDS:%=$(1)/%.st.zst) $(BIN)/sp-mask
	$$(call stage,$(3) patches compared,sp-mask stats -v -o $$@ $$(wordlist 1,2,$$^))
endef
