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

# What takes minutes, or needs more than PostgreSQL: failover under Patroni. Kafka and OpenSearch, which no distribution
# ships, come with the fleet.
test-engines: setup-test
	@scripts/setup patroni
	$(CARGO) test -p souk-db --features engines --test patroni --locked -- --nocapture

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

# What the tests need on top: a browser, and a pooler to stand before PostgreSQL.
setup-test:
	@scripts/setup postgresql browser pgbouncer

clean:
	$(CARGO) clean
