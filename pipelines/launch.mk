# launch.mk - how a stage is run. LAUNCH is put before every stage: LAUNCH='srun -n1' sends each to a cluster's queue.
#
# $(call stage,LABEL,COMMAND) in a recipe makes the target by COMMAND (which must not hold a comma); see pipelines/stage.
stage = @$(LAUNCH) pipelines/stage '$@' '$(NAME): $(1)' '$(2)' $(filter-out $(BIN)/% pipelines/%,$^ $|)

define newline


endef
