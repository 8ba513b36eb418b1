# Two commands: `make run` starts a shop from nothing, `make test` tests everything that needs only what Debian ships.
.PHONY: run test test-engines judges test-upgrade fleet bench bench-fleet build lint check setup setup-test setup-fleet clean

CARGO ?= cargo

run: setup
	$(CARGO) run --release --locked --bin souk -- up

# What is deployed: without the demo shop and the bench (docs/adr/0010-what-a-production-build-links.md).
build: setup
	$(CARGO) build --release --locked --bin souk --no-default-features

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
	$(CARGO) test --locked -p souk --features engines --test it -- engines:: outage:: compose::
	$(CARGO) test --locked -p souk --features engines --test fleet -- --nocapture --test-threads 1

# Judges from outside on a shop of its own: schemathesis against the API's description, wapiti against everything.
judges: setup
	@scripts/setup python
	$(CARGO) build --locked --bin souk
	tests/judges/run

# The previous release beside this one, on this one's tables. It is built from the history; without one this fails or, in a
# shallow clone, says aloud that it was not done.
test-upgrade: setup-test
	@scripts/setup cxx
	@previous=$$(scripts/previous-release build) && if [ -n "$$previous" ]; then \
		SOUK_TEST_PREVIOUS_RELEASE=$$previous \
			$(CARGO) test --locked -p souk --features engines --test it -- --nocapture upgrade::; fi

# What production runs on many machines, on this one (docs/fleet.md): `make fleet FLEET="--instances 1 --listen 127.0.0.1:9000"`.
fleet: setup-fleet
	target/release/souk-fleet $(FLEET)

bench: setup
	scripts/bench

# What splitting costs, how long a mail takes over Kafka, what an idle role holds.
bench-fleet: setup-fleet
	target/release/souk-fleet measure

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) clippy -p souk -p souk-bus -p souk-flow -p souk-search -p souk-engines -p souk-objects -p souk-e2e --all-targets --locked \
		--features souk/engines,souk-bus/kafka,souk-flow/kafka,souk-search/opensearch-tests,souk-engines/engines,souk-objects/engines,souk-e2e/engines -- -D warnings

check:
	@scripts/setup python
	scripts/check-dependencies
	$(CARGO) run --quiet --locked -p souk-xtask -- check

# What the shop needs beside the toolchain: PostgreSQL 15 or newer.
setup:
	@scripts/setup postgresql

# What the tests need on top: a browser, Redis, a mail server, a pooler to stand before PostgreSQL.
setup-test:
	@scripts/setup postgresql pgbouncer redis smtp browser

# What a fleet needs: all engines, and the program that knows Kafka.
setup-fleet: setup
	@scripts/setup redis smtp java cxx
	scripts/engines opensearch kafka s3
	$(CARGO) build --release --locked -p souk -p souk-fleet --features souk/kafka

clean:
	$(CARGO) clean
