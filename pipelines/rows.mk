# rows.mk - the rules of every model that a table can show (experiments/rows.json, written out by rows.jq).
#
# A row's counts are $(R)/SEED/eval/ROW.json; "original" has no seed: $(R)/eval/original.json. Which are made is up to the tables.
# In the options of rows $R is the run, $S the seed's directory; files named so are prerequisites.
ALL_ROWS := $(R)/param/rows.json
ROW_WORDS := $(shell pipelines/rows $(EXPERIMENTS_DIR)/rows.json $(EXPERIMENT) $(R)/param $(if $(MODEL),false,true))
$(if $(filter-out 0,$(.SHELLSTATUS)),$(error $(EXPERIMENTS_DIR)/rows.json and $(EXPERIMENT): rows cannot be read))
$(call params,$(R)/param,.)
$(eval $(call evaluate,$(R),original,,$(R)/param,-))

# What each kind of row is made of: $(call row_KIND,SEED,ROW,FROM,FILES)
method_rows := only_safety only_oversafety intersect safepatching
define row_method
$(if $(filter $(2),$(method_rows)),$(call evaluate,$(R)/$(1),$(2),$(R)/$(1)/$(2).st.zst,$(R)/param,$(1)))
endef
define row_change
$(if $(filter patches,$(3)),$(call scores,$(R)/$(1)/$(2),$(R)/$(1),$(R)/param/$(2),$(1),$(1) $(2)))
$(if $(filter patches scores,$(3)),$(call regions,$(R)/$(1)/$(2),$(call base,$(1),$(2),patches,$(3)),$(R)/param/$(2),$(1) $(2)))
$(call merged,$(R)/$(1)/$(2),$(call base,$(1),$(2),patches,$(3)),$(call base,$(1),$(2),patches scores,$(3)),$(R)/param/$(2),$(1) $(2))
$(call evaluate,$(R)/$(1),$(2),$(R)/$(1)/$(2)/safepatching.st.zst,$(R)/param,$(1))
endef
base = $(R)/$(1)$(if $(filter $(3),$(4)),/$(2))
define row_tune
$(eval LOSSES += $(R)/$(1)/$(2).loss.jsonl)$(R)/$(1)/$(2).st.zst $(R)/$(1)/$(2).loss.jsonl &: $(R)/param/$(2)/tune.json $(ID) $(HARM) $(4) $(BIN)/sp-grad
	$$(call stage_as,$(R)/$(1)/$(2).st.zst,$(1) $(2),R=$(R) S=$(R)/$(1); sp-grad tune -v @$(R)/param/$(2)/tune.json --seed $(1) --log $(R)/$(1)/$(2).loss.jsonl -o $(R)/$(1)/$(2).st.zst $(M) $(if $(filter -,$(3)),$(HARM),$(3)))
$(call evaluate,$(R)/$(1),$(2),$(R)/$(1)/$(2).st.zst,$(R)/param,$(1))
endef
define row_merge
$(R)/$(1)/$(2).st.zst: $(R)/param/$(2)/merge.json $(ID) $(4) $(BIN)/sp-merge
	$$(call stage,$(1) $(2),R=$(R) S=$(R)/$(1); sp-merge -v --seed $(1) -o $$@ $(M) @$(R)/param/$(2)/merge.json)
$(call evaluate,$(R)/$(1),$(2),$(R)/$(1)/$(2).st.zst,$(R)/param,$(1))
endef
define fisher
$(KINDS:%=$(1)/%.fisher.st.zst): $(1)/%.fisher.st.zst: $(1)/only_%.st.zst $(ID) $(HARM) $(BIN)/sp-grad
	$$(call stage,$(2) $$* Fisher information,sp-grad grad -v --square --weights $$< -o $$@ $(M) $(HARM))
endef
define row_decode
$(call evaluate,$(R)/$(1),$(2),,$(R)/param/$(2),$(1),$(4))
endef

field = $(word $(2),$(subst |, ,$(1)))
located = $(subst ;, ,$(subst $$R,$(R),$(subst $$S,$(R)/$(1),$(2))))
row = $(call row_$(call field,$(2),2),$(1),$(call field,$(2),1),$(call located,$(1),$(call field,$(2),3)),$(call located,$(1),$(call field,$(2),4)))

define seed
$(call patches,$(R)/$(1),$(R)/param,$(1))
$(call control,$(R)/$(1),$(R)/$(1),$(R)/param,$(1),$(1))
$(call alone,$(R)/$(1),$(R)/$(1),$(R)/param,$(1))
$(call fisher,$(R)/$(1),$(1))
$(foreach w,$(ROW_WORDS),$(if $(filter table,$(call field,$(w),2)),,$(call row,$(1),$(w))$(newline)))
endef
$(foreach s,$(SEEDS),$(eval $(call seed,$(s))))

# Data that only baselines use: harmless questions with their answers, and harmful questions with answers that belong elsewhere.
$(R)/retain.jsonl: $(R)/.source $(DATA_FILES)
	@pipelines/retain $(D) >$@
$(R)/refusals.jsonl: $(HARM) $(ID) $(BIN)/sp-eval
	$(call stage,own refusals,pipelines/refusals $(M) $< >$@)
$(R)/mismatch.jsonl: $(HARM) $(R)/retain.jsonl
	@jq -nc -f pipelines/mismatch.jq --slurpfile retain $(R)/retain.jsonl $< >$@
