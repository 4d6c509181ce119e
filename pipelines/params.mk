# params.mk - the experiment's JSON, one file a stage (params.jq): a file changes only when its block does, so a stage depends on its own
# numbers alone.
#
# $(call params,DIR,OVERLAY): DIR/BLOCK.json of the experiment after the jq filter OVERLAY.
BLOCKS := safety oversafety mask retain score top_safety top_oversafety keep scale single eval

define params
$(1)/.stamp: $(EXPERIMENT) pipelines/params.jq
	@pipelines/params $(EXPERIMENT) '$(2)' $(1)
$(BLOCKS:%=$(1)/%.json): $(1)/.stamp ;
endef
