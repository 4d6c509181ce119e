# params.mk - the experiment's JSON, one file a stage (params.jq): a file changes only when its block does, so a stage depends on its own
# numbers alone. This happens while make reads its rules, so that make -n and make -q know what is out of date.
#
# $(call params,DIR,OVERLAY): DIR/BLOCK.json of the experiment after the jq filter OVERLAY.
params = $(shell pipelines/params $(EXPERIMENT) '$(2)' $(1))$(if $(filter-out 0,$(.SHELLSTATUS)),$(error $(EXPERIMENT): cannot be read))
