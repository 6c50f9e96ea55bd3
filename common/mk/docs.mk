# SPDX-License-Identifier: MIT
# The book as HTML, in build/docs: a copy of the pages with the pictures beside them, then MkDocs. Run from the top of the tree.
#
# A picture docs/diagrams/NAME.run is drawn from a live guest: a directory with a Makefile, its target that draws HV_PICTURE=FILE.svg, variables.
#
# The assignments of the labs and the grader's page are part of the book: they come from where they stand, and links to them are changed.

ROOT := .
include common/mk/config.mk

STAGE    := $(BUILD)/docs-pages
SITE     := $(BUILD)/docs
PAGES    := $(wildcard docs/*.md)
DIAGRAMS := $(patsubst docs/%.dot,$(STAGE)/%.svg,$(wildcard docs/diagrams/*.dot))
# Figures that `make bench` has measured once: a copy of its bench.dat, plotted as it does.
PLOTS    := $(patsubst docs/%.dat,$(STAGE)/%.svg,$(wildcard docs/plots/*.dat))
RUNS     := $(patsubst docs/%.run,$(STAGE)/%.svg,$(wildcard docs/diagrams/*.run))
LABS     := $(wildcard labs/*/README.md)
lab_page  = lab-$(firstword $(subst -, ,$(notdir $(patsubst %/,%,$(dir $(1)))))).md
STAGED   := $(patsubst docs/%,$(STAGE)/%,$(PAGES)) $(foreach l,$(LABS),$(STAGE)/$(call lab_page,$(l))) \
	$(STAGE)/grader.md $(STAGE)/contributing.md $(STAGE)/style.css

RELINK = sed -E -e 's,\]\((\.\./)+labs/([0-9]+)-[a-z0-9-]+/README\.md,](lab-\2.md,g' \
	-e 's,\]\((\.\./)*grader/README\.md,](grader.md,g' -e 's,\]\((\.\./)*CONTRIBUTING\.md,](contributing.md,g' \
	-e 's,\]\((\.\./)*docs/,](,g'

# Debian's theme has jQuery under another name than its pages ask for, and the menu of narrow screens needs it; of another script it has
# the name alone. What a page loads has to be there.
define MEND_THEME
cd $(SITE) && \
	jquery=$$(sed -n 's,.*src="\(js/jquery-[^"]*\)".*,\1,p' index.html) && { [ -e "$$jquery" ] || cp js/jquery-*.js "$$jquery"; } && \
	{ [ -e js/theme_extra.js ] || sed -i '/js\/theme_extra\.js/d' $$(find . -name '*.html'); } && \
	for script in $$(sed -n 's,.*<script src="\([^"]*\)" defer.*,\1,p' index.html); do \
		[ -e "$$script" ] || { echo "docs: the theme of mkdocs loads $$script and does not have it" >&2; exit 1; }; \
	done
endef

.PHONY: docs
docs: $(SITE)/index.html

# All at once: MkDocs keeps nothing, and takes a second or two. --strict: a warning is an error.
$(SITE)/index.html: $(STAGED) $(DIAGRAMS) $(PLOTS) $(RUNS) docs/mkdocs.yml docs/search.js
	$(call say,MKDOCS,$(SITE))
	$(Q)rm -f $(filter-out $(STAGED),$(wildcard $(STAGE)/*.md))
	$(Q)cp docs/mkdocs.yml $(BUILD)/mkdocs.yml
	$(Q)mkdocs build --quiet --strict --clean -f $(BUILD)/mkdocs.yml -d $(SITE)
	$(Q){ printf 'window.bookIndex = '; cat $(SITE)/search/search_index.json; } > $(SITE)/search/index.js
	$(Q)cp docs/search.js $(SITE)/search/main.js
	$(Q)rm -f $(SITE)/search/lunr.js $(SITE)/search/worker.js $(SITE)/search/search_index.json
	$(Q)$(MEND_THEME)
	$(Q)touch $@

$(STAGE)/%.md: docs/%.md
	@mkdir -p $(@D)
	$(Q)$(RELINK) $< > $@

$(STAGE)/style.css: docs/style.css
	@mkdir -p $(@D)
	$(Q)cp $< $@

define stage
$(STAGE)/$(2): $(1)
	@mkdir -p $$(@D)
	$$(Q)$$(RELINK) $$< > $$@
endef
$(foreach l,$(LABS),$(eval $(call stage,$(l),$(call lab_page,$(l)))))
$(eval $(call stage,grader/README.md,grader.md))
$(eval $(call stage,CONTRIBUTING.md,contributing.md))

$(STAGE)/%.svg: docs/%.dot
	@mkdir -p $(@D)
	$(call say,DOT,$@)
	$(Q)dot -Tsvg -o $@ $<

$(STAGE)/%.svg: docs/%.dat grader/bench.gnuplot
	@mkdir -p $(@D)
	$(call say,GNUPLOT,$@)
	$(Q)gnuplot -e "data='$<'; image='$@'" grader/bench.gnuplot

# One after the other, since all build the guest and the hypervisor. A workspace whose exercises are not solved has no such picture yet.
# What stands beside it is no part of the book.
$(STAGE)/%.svg: docs/%.run $(wildcard $(BUILD)/labs/*/hv.elf)
	@mkdir -p $(@D)
	$(call say,RUN,$@)
	+$(Q)$(MAKE) --no-print-directory -s -C $$(grep -v '^#' $<) BUILD=$(BUILD) HV_PICTURE=$(abspath $@) >$(STAGE)/run.log 2>&1 || { \
		tail -n 5 $(STAGE)/run.log >&2; echo 'docs: $< draws nothing; the book goes without it' >&2; \
		echo 'digraph none { none [shape=plain, label="Drawn from the finished lab: make trace"] }' | dot -Tsvg -o $@; }
	$(Q)rm -f $(STAGE)/run.log $(@:.svg=.dot)
.NOTPARALLEL:
