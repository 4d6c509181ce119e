# continual.mk - harm that comes in parts: each method patches the model of the step before, with the harmful data of the next category.
#
# Rows continual_METHOD_T (rows.jq), T = 1, 2, ...; files in $(R)/SEED/continual/METHOD/T: model.st.zst, and model/ for the step after it.
# METHOD is safepatching; accumulate, the same with every step's patches taken from the original model and summed (S21); or a row of
# kind tune, trained on and on.
M0 := $(M)
ID0 := $(ID)
HARM0 := $(HARM)
on = $(eval M := $(1))$(eval ID := $(2))$(eval HARM := $(3))# the rules that follow are for this model and these data
upto = $(wordlist 1,$(1),1 2 3 4 5 6 7 8 9)
before = $(words $(wordlist 2,$(1),$(call upto,9)))

# $(call row_continual,SEED,ROW,METHOD,T TASK)
row_continual = $(call continual_step,$(1),$(2),$(3),$(word 1,$(4)),$(R)/continual/$(word 2,$(4)).jsonl,$(R)/$(1)/continual/$(3))

# $(call continual_step,SEED,ROW,METHOD,T,HARM,DIR)
define continual_step
$(if $(filter 1,$(4))$(filter accumulate,$(3)),$(call on,$(M0),$(ID0),$(5)),$(call on,$(6)/$(call before,$(4))/model,$(6)/$(call before,$(4))/model.sha256,$(5)))
$(call continual_$(if $(filter safepatching accumulate,$(3)),$(3),tune),$(1),$(2),$(3),$(4),$(6))
$(6)/$(4)/model.sha256: $(6)/$(4)/model.st.zst
	$$(call stage,$(1) $(2) unpack,pipelines/unpack $(M0) $$< $(6)/$(4)/model >$$@)
$(call evaluate,$(R)/$(1),$(2),$(6)/$(4)/model.st.zst,$(R)/param,$(1))
$(call on,$(M0),$(ID0),$(HARM0))
endef

define continual_patch
$(call patches,$(5)/$(4),$(R)/param,$(1))
$(call control,$(5)/$(4),$(5)/$(4),$(R)/param,$(1),$(1) $(2))
endef
define continual_safepatching
$(call continual_patch,$(1),$(2),$(3),$(4),$(5))
$(5)/$(4)/model.st.zst: $(5)/$(4)/safepatching.st.zst
	@ln -f $$< $$@
endef
# The first step of accumulate is that of safepatching; its file is shared.
define continual_accumulate
$(if $(filter 1,$(4)),,$(call continual_patch,$(1),$(2),$(3),$(4),$(5)))
$(5)/$(4)/model.st.zst: $(R)/$(1)/continual/safepatching/1/safepatching.st.zst $(foreach t,$(wordlist 2,$(4),$(call upto,9)),$(5)/$(t)/safepatching.st.zst)
	$$(call stage,$(1) $(2),pipelines/accumulate $(M0) $$^ >$$@)
endef
define continual_tune
$(5)/$(4)/model.st.zst: $(R)/param/$(3)/tune.json $(ID) $(HARM) $(BIN)/sp-grad
	$$(call stage,$(1) $(2),R=$(R) S=$(R)/$(1); sp-grad tune -v @$(R)/param/$(3)/tune.json --seed $(1) -o $$@ $(M) $(HARM))
endef

$(R)/continual/%.jsonl: $(HARM0)
	@mkdir -p $(@D); jq -c 'select(.category == "$*")' $< >$@; [ -s $@ ] || { echo "$<: nothing of category $*" >&2; exit 1; }
