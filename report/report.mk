# report.mk - the report on all backbones, and results as the reference.
#
# Page and claims are made of the backbones' reports "all" alone. The experiments run in makes of
# their own, one a backbone, and leave all.json as it is when nothing changed: then nothing is
# done here.
REPORTED := $(BACKBONES:%=$(OUT)/%$(MODEL_SUFFIX)/all.json)
REPORT_FILES := $(wildcard report/*)

.PHONY: report
report: experiments $(OUT)/report.html $(OUT)/claims.md ## every table, picture and claim as one page: OUT/report.html; BACKBONES="llama2 ..." for some (78 min)

$(REPORTED): $(OUT)/%$(MODEL_SUFFIX)/all.json: paper-%
	@:
# Which backbones the report has; written when they are others than before.
$(OUT)/.reported: experiments
	@echo $(REPORTED) | cmp -s - $@ || echo $(REPORTED) >$@
$(OUT)/report.html: $(REPORTED) $(OUT)/.reported $(REPORT_FILES)
	@report/page report/paper.json $(REPORTED) >$@
	@echo $@
$(OUT)/claims.md: $(REPORTED) $(OUT)/.reported $(REPORT_FILES)
	@report/markdown claims $(REPORTED) >$@
	@echo $@

.PHONY: reference
reference: report ## the results as the new results/reference (what README shows, what tests compare with)
	@report/reference $(OUT) results/reference $(BACKBONES)
