# Two commands: `make run` starts a shop from nothing, `make test` tests everything that needs only what Debian ships.
.PHONY: run test test-engines bench build lint check setup setup-test clean

CARGO ?= cargo

run: setup
	$(CARGO) run --release --locked --bin souk -- up

build: setup
	$(CARGO) build --release --locked --bin souk

test: setup-test
	$(CARGO) test --workspace --locked
	$(CARGO) build --locked --bin souk
	tests/browser/run

# Kafka and OpenSearch, which no distribution ships, come with the fleet; until then nothing needs them.
test-engines: setup-test
	@echo "no adapter for Kafka or OpenSearch yet: nothing to test"

bench: setup
	scripts/bench

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

check:
	$(CARGO) run --quiet --locked -p souk-xtask -- check

# What the shop needs beside the toolchain: PostgreSQL 15 or newer.
setup:
	@scripts/setup postgresql

# What the tests need on top: a browser.
setup-test:
	@scripts/setup postgresql browser

clean:
	$(CARGO) clean
