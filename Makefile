# Two commands: `make run` starts a shop from nothing, `make test` tests everything that needs only what Debian ships.
.PHONY: run test build-tests test-engines judges test-upgrade fleet bench bench-fleet build lint check setup setup-test setup-all fetch \
	setup-fleet clean

CARGO ?= cargo

run: setup
	$(CARGO) run --release --locked --bin souk -- up

# What is deployed: without the demo shop and the bench (docs/adr/0010-what-a-production-build-links.md).
build: setup
	$(CARGO) build --release --locked --bin souk --no-default-features

# One build of all tests serves `make test`, `test-engines`, `test-upgrade`, the browser, the judges and the lints; so its souk
# knows Kafka.
TEST_FEATURES := souk/kafka
TESTS := $(CARGO) run --quiet --locked -p souk-xtask -- test --features $(TEST_FEATURES)

build-tests: setup-test
	$(TESTS) distribution --no-run

# All of it, or `make test TEST=cart::` for those with that in their names.
test: setup-test
	$(TESTS) distribution $(TEST)
	@[ -n "$(TEST)" ] || tests/browser/run

# What needs Kafka, OpenSearch or S3, which no distribution ships, and what takes minutes: failover under Patroni. Which tests
# these are stands in tools/xtask/src/test/groups.rs; all others are `make test`'s.
test-engines: setup-test
	@scripts/setup patroni
	scripts/engines opensearch kafka s3
	$(TESTS) engines $(TEST)

# Judges from outside on a shop of its own: schemathesis against the API's description, wapiti against everything.
judges: build-tests
	@scripts/setup python
	tests/judges/run

# The previous release beside this one, on this one's tables. It is built from the history; without one this fails or, in a
# shallow clone, says aloud that it was not done.
test-upgrade: setup-test
	@previous=$$(scripts/previous-release build) && if [ -n "$$previous" ]; then \
		SOUK_TEST_PREVIOUS_RELEASE=$$previous $(TESTS) upgrade $(TEST); fi

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
	$(CARGO) clippy --workspace --all-targets --locked --features $(TEST_FEATURES) -- -D warnings
	$(CARGO) clippy -p souk --bin souk --no-default-features --locked -- -D warnings

check:
	@scripts/setup python
	scripts/check-dependencies
	$(CARGO) run --quiet --locked -p souk-xtask -- check

# What the shop needs beside the toolchain: PostgreSQL 15 or newer, and an assembler to build it.
setup:
	@scripts/setup postgresql nasm

# What the tests need on top: a browser, Redis, a mail server, a pooler to stand before PostgreSQL, and a compiler for the
# Kafka client.
setup-test:
	@scripts/setup postgresql pgbouncer redis smtp browser examples cxx nasm

# All of it, and what does not come from the distribution: `.ci/run` does this first, and the second beside the build.
setup-all:
	@scripts/setup postgresql pgbouncer patroni redis smtp browser examples java cxx nasm python

fetch: setup-all
	scripts/engines opensearch kafka s3
	tests/judges/run install
	tests/browser/run install

# What a fleet needs: all engines, and the program that knows Kafka.
setup-fleet: setup
	@scripts/setup redis smtp java cxx nasm
	scripts/engines opensearch kafka s3
	$(CARGO) build --release --locked -p souk -p souk-fleet --features souk/kafka

clean:
	$(CARGO) clean
