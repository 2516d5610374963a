# kinetick: what a person types. `make help` lists it.

# The tools that `make tools` installs live in the checkout.
TOOLS := $(CURDIR)/.tools
export PATH := $(TOOLS)/bin:$(PATH)
CARGO_DENY := 0.20.2

TARGET := $(or $(CARGO_TARGET_DIR),target)

# Everything is built as one workspace, so that tests, the command line and `make up` share one build.
CARGO_WORKSPACE := --workspace --locked

.DEFAULT_GOAL := help
.PHONY: help up down plan deploy test lint bench instructions mutants soak tools clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: ## Run the whole pipeline on this machine; options by ARGS="--for 90s --report r.json"
	@cargo build $(CARGO_WORKSPACE) --bins
	@exec $(TARGET)/debug/kinetick up $(ARGS)

down: ## End what `make up ARGS=--keep` left running
	@cargo build $(CARGO_WORKSPACE) --bins
	@exec $(TARGET)/debug/kinetick down

plan: ## Show who is asked when on a day, calling nobody; ARGS="--date 2026-11-27 --plan 75"
	@cargo build $(CARGO_WORKSPACE) --bins
	@exec $(TARGET)/debug/kinetick plan $(ARGS)

# A plan at the vendor that cannot serve the schedule ends it before anything is built.
deploy: ## Deploy to AWS if the plan serves the schedule; STAGE=prod PLAN=75 SYMBOLS=AAPL!,IBM PAIRS=BTC/USD INTERVAL=10m
	@cargo build $(CARGO_WORKSPACE) --bins
	@overrides="$$($(TARGET)/debug/kinetick plan --check --overrides --config-env '$(or $(STAGE),dev)' \
	    $(if $(PLAN),--plan '$(PLAN)') $(if $(SYMBOLS),--symbols '$(SYMBOLS)') $(if $(PAIRS),--pairs '$(PAIRS)') \
	    $(if $(INTERVAL),--interval '$(INTERVAL)'))" && \
	sam build && \
	sam deploy --config-env '$(or $(STAGE),dev)' --parameter-overrides "$$overrides"

test: ## All tests and checks; REQUIRE_TOOLS=1 makes an absent tool an error
	@python3 tests/run.py

lint: ## Formatting, clippy, licences, templates; without running tests
	@python3 tests/run.py --lint

bench: instructions ## Sizes, start and memory of the functions; engine, handler and producer against their peers; streams to S3 (builds for release)
	cargo bench --locked -p engine
	cargo bench --locked --profile dev -p tests --bench bootstraps
	cargo bench --locked --profile dev -p tests --bench handler
	cargo bench --locked --profile dev -p tests --bench producer
	cargo bench --locked -p tests --bench throughput

# Nothing but valgrind counts them alike on a busy and on a calm machine.
instructions: ## Instructions of the hot paths against the committed table; BLESS=1 writes it (needs valgrind)
	cargo bench --locked -p instructions

mutants: ## Break the design on purpose, fifty times over; each break must be noticed by the simulation
	python3 tests/mutants/run.py

soak: mutants ## The property tests and the simulation with full counts, processes killed and paused, ten pollers in real time, TA-Lib; SEED=N replays one
	CASES=5000 PROPTEST_CASES=20000 FUZZ_INPUTS=10000000 RECORDS=1000000 cargo test $(CARGO_WORKSPACE) --exclude tests --exclude simulation
	SEEDS=10000 LARGE=10 cargo test --locked -p simulation -- --nocapture
	RECORDS=100000 KILLS=50 PAUSES=20 $(if $(SEED),SEED=$(SEED)) cargo test $(CARGO_WORKSPACE) --test it killed:: -- --nocapture --test-threads 1
	SOAK_SECONDS=100 cargo test $(CARGO_WORKSPACE) --test it ten_pollers -- --nocapture
	cargo build $(CARGO_WORKSPACE) --bins && python3 tests/indicators/wheel.py --seed $(or $(SEED),1)

tools: ## Install the optional tools into .tools
	cargo install --locked --root $(TOOLS) --version $(CARGO_DENY) cargo-deny

clean: ## Remove all that was built or made
	cargo clean
	rm -rf .kinetick .tools .aws-sam
