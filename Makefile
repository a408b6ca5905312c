# Everything that people and CI run. `make help` lists it.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.PHONY: help check fix test deny fuzz dev sim sim-twin sim-swarm sim-shrink sim-explain sim-mutants sim-night

SEED ?= 1
SEEDS ?= 200
fuzz: TIME ?= 60
sim-night: TIME ?= 8h
# A run comes from a seed, or from a schedule file: make sim SCHEDULE=sim-tests/regressions/NAME.json
NAME = $(if $(SCHEDULE),$(basename $(notdir $(SCHEDULE))),seed-$(SEED))
ORIGIN = $(if $(SCHEDULE),--schedule $(SCHEDULE),--seed $(SEED))
# The simulator replaces the async runtime of the whole build, so it has a target folder of its own.
SIM_BUILD = RUSTFLAGS="--cfg madsim" CARGO_TARGET_DIR=target/sim cargo build --quiet --locked --profile sim -p sim-tests
SIM = target/sim/sim/sim

help: ## List what there is
	@echo "make <target>:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

check: ## Format, clippy with warnings as errors, unit and tidy tests (under 30 s when warm)
	@scripts/check

fix: ## Rewrite files: format, and what clippy can mend by itself
	cargo fmt --all
	cargo clippy --locked --fix --allow-dirty --allow-staged --all-targets

test: ## All that CI runs: check, all tests, black-box tests of the release binary, the simulator's share
	@scripts/test

deny: ## Licences, sources, yanked versions and known vulnerabilities of all that is built in (needs cargo-deny)
	@scripts/deny

fuzz: ## Fuzz frames, log records, snapshots and requests, each for: make fuzz [TIME=60] [TARGETS="frames ..."]
	@scripts/fuzz $(TIME) $(TARGETS)

dev: ## Three real nodes on this machine, with keys and a curl to copy
	cargo build --release --locked
	target/release/confman dev $(ARGS)

sim: ## One simulated disaster: make sim SEED=42, or SCHEDULE=FILE; more with ARGS="--logs --all-laws --trace FILE"
	@$(SIM_BUILD)
	@$(SIM) run $(ORIGIN) $(ARGS)

sim-twin: ## One seed in two processes, traces compared byte for byte: make sim-twin SEED=42
	@$(SIM_BUILD)
	@$(SIM) twin $(ORIGIN) $(ARGS)

sim-swarm: ## Many seeds, a process each, on all cores: make sim-swarm SEEDS=200 [ARGS="--fresh --time-budget 10m"]
	@$(SIM_BUILD)
	@$(SIM) swarm --seeds $(SEEDS) $(ARGS)

sim-shrink: ## The smallest schedule that still breaks the same law: make sim-shrink SEED=42, or SCHEDULE=FILE
	@$(SIM_BUILD)
	@$(SIM) shrink $(ORIGIN) $(ARGS)

sim-explain: ## A run as a page to be read in a browser: make sim-explain SEED=42, or SCHEDULE=FILE
	@$(SIM_BUILD)
	@$(SIM) explain $(ORIGIN) --out target/$(NAME).html $(ARGS)

sim-mutants: ## Planted bugs: the simulator must catch every one: make sim-mutants [MUTANTS="name ..."]
	@scripts/sim-mutants $(MUTANTS)

sim-night: ## Fresh seeds for as long as said, failures shrunk and kept, then all mutants, then fuzz: make sim-night [TIME=8h]
	@$(SIM_BUILD)
	@scripts/sim-night $(TIME)
