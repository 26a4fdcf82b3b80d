# make demo    set everything up and hear a translated conference
# make test    set everything up and run every test
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# A plain `su` leaves out where Debian keeps chroot and asterisk.
export PATH := $(PATH):/usr/local/sbin:/usr/sbin:/sbin
export PYTHON
ARGS   ?=

.PHONY: help python demo test docs lint unit e2e bench bench-echo bench-lagging bench-latency bench-tts chaos soak setup check clean
help:
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile | awk -F'\t' '{printf "make %-14s %s\n", $$1, $$2}'

$(VENV)/.ready: pyproject.toml requirements/no-deps.txt
	@echo "Installing Python packages into $(VENV): a minute or two, once"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -q -e ".[demo,dev]"
	@$(BIN)/pip install -q --no-deps -r requirements/no-deps.txt
	@touch $@

# What XTTS needs: 2 GB, of which torch is most. Apart from the rest, because gTTS keeps an old click for its command
# line that huggingface-hub no longer takes: pip says so, both work.
$(VENV)/.xtts: $(VENV)/.ready
	@echo "Installing torch and coqui-tts into $(VENV): two minutes or so, once"
	@$(BIN)/pip install -q -r requirements/xtts.txt
	@touch $@

# And what ECAPA needs beside that torch: speechbrain and three small packages.
$(VENV)/.ml: $(VENV)/.xtts requirements/ecapa.txt
	@$(BIN)/pip install -q -r requirements/ecapa.txt
	@touch $@

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Dragoman needs Python 3.11 or newer ($(PYTHON) is $$($(PYTHON) -V 2>&1)). Set PYTHON=python3.12 or the like."; exit 1; }

setup: python ## Debian packages, virtual environment
	@scripts/packages.sh run demo
	@$(MAKE) --no-print-directory $(VENV)/.ready

demo: setup ## a short meeting over real phones; writes demo-out/
	@$(BIN)/dragoman demo $(ARGS)

check: setup ## what of this machine and PBX is ready, and what to do about the rest
	$(BIN)/dragoman check $(ARGS)

# First what may run side by side, three at a time: half of it computes, the other half waits for phones. Then, one by one
# and with the machine to themselves, the tests that judge sound or time. Both run, whatever the first finds.
# Random examples are the same each time (hypothesis' own profile for this), so that what turns it red is the change that
# it tries; make unit tries others each time.
# Status 5: no test of that half is among those that ARGS names.
test: python ## every test
	@scripts/packages.sh run demo test
	@$(MAKE) --no-print-directory $(VENV)/.ready $(VENV)/.ml lint
	@$(BIN)/python -c "from dragoman.telephony.pbx import ensure_asterisk; ensure_asterisk(print)"
	@export OMP_NUM_THREADS=1; status=0; none=0; \
	half() { echo "pytest $$*"; $(BIN)/python -m pytest --hypothesis-profile=ci --spoiled 1 "$$@" $(ARGS) || \
	  { code=$$?; [ $$code = 5 ] && none=$$((none + 1)) || status=$$code; }; }; \
	half -n 3 --dist loadfile --no-loadscope-reorder -m "not alone"; \
	half -m alone; \
	[ $$none != 2 ] || status=5; exit $$status

lint: $(VENV)/.ready ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.ready ## docs/configuration.md, made from the settings
	@$(BIN)/python -m dragoman.config.reference >docs/configuration.md.new && mv docs/configuration.md.new docs/configuration.md

unit: $(VENV)/.ready ## the tests that need no PBX
	$(BIN)/python -m pytest -m "not e2e" $(ARGS)

e2e: $(VENV)/.ready ## the tests on a real Asterisk with real phones
	@scripts/packages.sh run demo test
	$(BIN)/python -m pytest -m e2e $(ARGS)

bench: setup ## what a leg costs; writes bench/results/
	$(BIN)/python -m bench.media
	$(BIN)/python -m bench.legs

bench-latency: setup ## how long listeners wait, on real calls with simulated clouds; root, 6 minutes
	$(BIN)/python -m bench.latency $(ARGS)

bench-lagging: $(VENV)/.ready ## how far the interpretation lags behind the speaker, simulated
	$(BIN)/python -m bench.lagging

bench-echo: $(VENV)/.ready ## do conferences with loudspeakers translate themselves, simulated; writes bench/results/
	$(BIN)/python -m bench.echo $(ARGS)

bench-tts: $(VENV)/.xtts ## how many voices XTTS speaks in at once, against coqui's own streaming; writes bench/results/
	OMP_NUM_THREADS=1 $(BIN)/python -m bench.tts $(ARGS)

SEED    ?= 1
MINUTES ?=

chaos: setup ## a meeting in which everything breaks: SEED=1 MINUTES=3; writes chaos-out/; root
	@scripts/packages.sh run demo test
	$(BIN)/python -m tests.chaos --seed $(SEED) --minutes $(or $(MINUTES),3) $(ARGS)

soak: setup ## calls that come, talk and go, and what they leave behind: MINUTES=10; writes soak-out/
	@scripts/packages.sh run demo test
	$(BIN)/python -m tests.soak --minutes $(or $(MINUTES),10) $(ARGS)

clean: ## take away what was made here; not the private Asterisk in ~/.cache/dragoman
	rm -rf $(VENV) demo-out chaos-out soak-out .mypy_cache .ruff_cache .pytest_cache
