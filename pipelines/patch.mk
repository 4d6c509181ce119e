# patch.mk - patch derivation: ascent and descent on the same harmful data, each minus the model it started from.
#
# $(call patches,DIR,PARAMETERS,SEED) makes DIR/safety.st.zst (P_SE) and DIR/oversafety.st.zst (P_OSM);
# DIR/KIND.loss.jsonl are their training curves;
# DIR/patches.json has their norms and the cosine between them.
KINDS := safety oversafety

define patches
$(KINDS:%=$(1)/%.st.zst): $(1)/%.st.zst: $(2)/%.json $(ID) $(HARM) $(BIN)/sp-grad $(BIN)/sp-diff
	$$(call stage,$(3) $$* patch,sp-grad tune -v @$(2)/$$*.json --seed $(3) --log $(1)/$$*.loss.jsonl $(M) $(HARM) | sp-diff -v -o $$@ - $(M))
$(1)/patches.json: $(KINDS:%=$(1)/%.st.zst) $(BIN)/sp-mask
	$$(call stage,$(3) patches compared,sp-mask stats -v -o $$@ $$(wordlist 1,2,$$^))
endef
