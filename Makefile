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

# What needs Kafka, OpenSearch or S3, which no distribution ships, and what takes minutes: failover under Patroni. Such tests
# stand in targets or modules that only the features named here build: `make test` does not know them, so nothing is skipped.
test-engines: setup-test
	@scripts/setup cxx patroni
	scripts/engines opensearch kafka s3
	$(CARGO) test --locked -p souk-engines --features engines --test engines
	$(CARGO) test --locked -p souk-bus -p souk-flow --features souk-bus/kafka,souk-flow/kafka
	$(CARGO) test --locked -p souk-search --features opensearch-tests --test it
	$(CARGO) test --locked -p souk-objects --features engines --test it
	$(CARGO) test --locked -p souk --features kafka --lib config
	$(CARGO) test --locked -p souk-db --features engines --test patroni -- --nocapture
	$(CARGO) test --locked -p souk-e2e --features engines -- fleet:: media::

bench: setup
	scripts/bench

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) clippy -p souk -p souk-bus -p souk-flow -p souk-search -p souk-engines -p souk-objects -p souk-e2e --all-targets --locked \
		--features souk/kafka,souk-bus/kafka,souk-flow/kafka,souk-search/opensearch-tests,souk-engines/engines,souk-objects/engines,souk-e2e/engines -- -D warnings

check:
	$(CARGO) run --quiet --locked -p souk-xtask -- check

# What the shop needs beside the toolchain: PostgreSQL 15 or newer.
setup:
	@scripts/setup postgresql

# What the tests need on top: a browser, Redis, a mail server, a pooler to stand before PostgreSQL.
setup-test:
	@scripts/setup postgresql pgbouncer redis smtp browser

clean:
	$(CARGO) clean
