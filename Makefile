# Mercury's commands. `make` lists them. Each installs what it needs (dev/setup); none needs Docker or an AWS account.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

# arm64 or x86_64: what `make build` compiles for.
ARCH ?= arm64

# The tools of dev/setup come first.
export PATH := $(CURDIR)/.dev/venv/bin:$(PATH)
export SAM_CLI_TELEMETRY := 0
# Queries are checked against .sqlx, not against whatever DATABASE_URL names. `make sqlx` renews .sqlx.
export SQLX_OFFLINE := true

BINARIES := $(patsubst functions/%/Cargo.toml,--bin %,$(wildcard functions/*/Cargo.toml))
STATE_MACHINE := functions/bulk-import/state-machine.asl.yaml
# Cargo shows its progress while it builds, then the program has the terminal to itself.
STACK := cargo build --locked -p dev-stack && cargo run --quiet --locked -p dev-stack --

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Install the tools that are missing (apt, .dev/venv, dev/npm)
	@dev/setup

.PHONY: up
up: setup ## Start everything on this machine and print the URLs; Ctrl-C stops it
	@$(STACK) up

.PHONY: demo
demo: setup ## Import a store of 10,000 products, follow live webhooks, prove that the mirror is equal
	@$(STACK) demo

.PHONY: chaos
chaos: setup ## Import 20,000 products while webhooks come and everything breaks, reconcile once, prove the same; ten times
	@$(STACK) chaos

.PHONY: test
test: check ## Run the checks, then all tests beside a private Postgres, Redis and SQS
	@$(STACK) services -- bash -c 'dev/sqlx check && cargo test --locked --workspace'

.PHONY: check
check: setup ## Run all that needs no server: format, events, state machine, template, crates, lints, docs
	cargo fmt --all --check
	dev/events --check
	node dev/npm/node_modules/.bin/asl-validator --silent --yaml-path $(STATE_MACHINE)
	sam validate --lint
	@if command -v cargo-deny >/dev/null; then \
		echo 'cargo deny check bans licenses sources' >&2; \
		cargo deny --log-level error check --hide-inclusion-graph bans licenses sources; \
	else \
		echo 'cargo deny is not installed: crates and licences are not checked' >&2; \
	fi
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps

.PHONY: build
build: setup ## Compile and package the functions for Lambda (ARCH=arm64 or x86_64)
	@case '$(ARCH)' in \
		arm64) target=aarch64-unknown-linux-gnu ;; \
		x86_64) target=x86_64-unknown-linux-gnu ;; \
		*) echo 'ARCH is $(ARCH): expected arm64 or x86_64' >&2; exit 2 ;; \
	esac; \
	if [[ $$target == x86_64-* && $$(uname -m) != x86_64 ]]; then \
		echo 'sam build compiles x86_64 only on x86_64; use ARCH=arm64' >&2; exit 2; \
	fi; \
	if [[ ! -d "$$(rustc --print sysroot)/lib/rustlib/$$target/lib" ]]; then \
		echo "Rust cannot compile for $(ARCH) yet; once: rustup target add $$target" >&2; exit 1; \
	fi; \
	cargo lambda build --release --locked --skip-target-check --target $$target $(BINARIES)
	@# Nothing is left to compile: sam, which would not show the progress, only packages.
	sam build --parameter-overrides Architecture=$(ARCH)
	@echo 'next: sam deploy --guided, with Architecture $(ARCH)'

.PHONY: migrate
migrate: setup ## Bring the schema of DATABASE_URL, or else of the running stack, up to date
	@$(STACK) migrate

.PHONY: sqlx
sqlx: setup ## Renew .sqlx, what the compiler knows of every query, from the migrations
	@$(STACK) services -- dev/sqlx write

.PHONY: clean
clean: ## Remove what was built and the stack's data; the tools of dev/setup stay
	cargo clean
	rm -rf .aws-sam
	[ ! -d .dev ] || find .dev -mindepth 1 -maxdepth 1 ! -name venv ! -name 'setup.*' -exec rm -rf {} +
