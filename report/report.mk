# report.mk - the report on all backbones: report.html, one file with everything in it, and claims.md, both from the tables "all" alone.
#
# The experiments run in makes of their own, each for one backbone, and leave all.json as it is when nothing changed: then nothing is done here.
REPORTED := $(BACKBONES:%=$(OUT)/%$(MODEL_SUFFIX)/all.json)
REPORT_FILES := $(wildcard report/*)
.PHONY: report
report: experiments $(OUT)/report.html $(OUT)/claims.md ## every table, picture and claim as one page: OUT/report.html; BACKBONES="llama2 ..." for some (45 min)

$(REPORTED): $(OUT)/%$(MODEL_SUFFIX)/all.json: paper-%
	@:
$(OUT)/.reported: experiments # which backbones the report has
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
