# Two commands, each of which does all of its own set-up and may be run again at any time:
#   make demo    watch a real app and a real PostgreSQL being started, disturbed and judged
#   make test    formatting, lints and all tests
.PHONY: demo test engine images tools

# An older Docker client may lie in front of the packaged one.
export PATH := /usr/bin:$(PATH)

demo: images
	cargo build --quiet
	cargo run --quiet -- check stacks/fastapi-postgres

test: images tools
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- --deny warnings
	CI=true cargo test --workspace

tools:
	tests/tools

images: engine
	stacks/base/build

engine:
	stacks/base/engine
