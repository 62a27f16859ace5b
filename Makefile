# Two commands, each of which does all of its own set-up and may be run again at any time:
#   make demo    watch a real app and a real PostgreSQL being started, disturbed and judged
#   make test    formatting, lints and all tests
# And two that take about an hour each:
#   make sea-trials    real servers, built from the package registries, against the verdicts of experts
#   make bench         the same checks written by hand beside Seaworthy; writes docs/benchmarks.md
.PHONY: demo test sea-trials bench lints tests engine images tools

# An older Docker client may lie in front of the packaged one.
export PATH := /usr/bin:$(PATH)

demo: images
	cargo build --quiet
	cargo run --quiet -- check stacks/fastapi-postgres

# Most of the first tests wait for containers, so the lints are made beside them.
test: images tools
	cargo fmt --all --check
	cargo test --workspace --no-run
	$(MAKE) --no-print-directory --jobs=2 tests lints

sea-trials: images
	SEAWORTHY_SEA_TRIALS=1 RUST_TEST_THREADS=1 cargo test --test trials

bench: images
	python3 -B -m unittest discover --quiet --start-directory benches/tests
	benches/bench

# Tests wait more than they calculate; twins, which wait most, run half as many again at once (tests/harness).
tests:
	CI=true RUST_TEST_THREADS=$$(( $$(getconf _NPROCESSORS_ONLN) + 1 )) cargo test --workspace --no-fail-fast

# Cargo lets one of its commands build at a time: the first line lets the tests begin before the second. The second takes the time that they
# leave.
lints:
	@cargo test --workspace --no-run --quiet
	nice -n 19 cargo clippy --workspace --all-targets --quiet -- --deny warnings

tools:
	tests/tools

images: engine
	stacks/base/build

engine:
	stacks/base/engine
