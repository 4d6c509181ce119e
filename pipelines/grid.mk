# grid.mk - readings of the ambiguous switches side by side: `make grid-llama2`, cells from experiments/grid.json (cells.jq).
#
# Every cell is the experiment with a few numbers replaced; it shares the patches of the first seed and has all else to itself.
ifeq ($(MAKECMDGOALS),grid)
G := $(R)/grid
GRID := $(shell jq -r -f pipelines/cells.jq $(EXPERIMENTS_DIR)/grid.json)
GRID_ROWS := safepatching intersect
name = $(firstword $(subst =, ,$(1)))

$(foreach c,$(GRID),$(call params,$(G)/$(call name,$(c))/param,. * $(patsubst $(call name,$(c))=%,%,$(c))))

define cell
$(call control,$(G)/$(1),$(R)/$(firstword $(SEEDS)),$(G)/$(1)/param,$(firstword $(SEEDS)),$(1))
$(foreach m,$(GRID_ROWS),$(call evaluate,$(G)/$(1),$(m),$(G)/$(1)/$(m).st.zst,$(G)/$(1)/param,$(1))$(newline))
endef
$(foreach c,$(GRID),$(eval $(call cell,$(call name,$(c)))))

GRID_FILES := $(foreach c,$(GRID),$(GRID_ROWS:%=$(G)/$(call name,$(c))/eval/%.json) $(G)/$(call name,$(c))/overlap.json)
$(G)/grid.json: $(R)/eval/original.json $(GRID_FILES) report/collect report/collect.jq report/stats.jq
	@report/collect grid <(jq -r -f pipelines/cells.jq $(EXPERIMENTS_DIR)/grid.json | jq -Rc 'split("=") | {(.[0]): (.[1:] | join("=") | fromjson)}') $(filter-out report/%,$^) >$@
$(G)/grid.md: $(G)/grid.json $(TO_MARKDOWN)
	@report/markdown grid $< >$@

.PHONY: grid
grid: $(G)/grid.md
	@cat $<
endif
