# launch.mk - how a stage is run. LAUNCH is put before every stage: LAUNCH='srun -n1' sends each to a cluster's queue.
#
# $(call stage,LABEL,COMMAND) in a recipe makes the target by COMMAND (which must not hold a comma); see pipelines/stage.
# $(call stage_as,OUTPUT,LABEL,COMMAND) is for a command with several outputs (TARGETS &: ...), of which OUTPUT is the one on record.
# $(call once,LABEL,COMMAND) does so for a target in the cache, which other makes may be about to make too.
run_stage = $(LAUNCH) pipelines/stage '$(1)' '$(NAME): $(2)' '$(3)' $(filter-out $(BIN)/% pipelines/% report/% world/%,$^ $|)
stage = @$(call run_stage,$@,$(1),$(2))
stage_as = @$(run_stage)
once = @ONCE=1 $(call run_stage,$@,$(1),$(2))

define newline


endef
