# Each target has a line of help: `make` alone prints them.
.DEFAULT_GOAL := help
.PHONY: help demo test soak bench check fmt

# Said before cargo's own progress.
announce = echo "building $(1): five to ten minutes the first time on two cores, seconds later" >&2

help: ## Print this help
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

demo: ## Live through simulated weeks of a made-up company: no network, key or account
	@$(call announce,Touchline)
	cargo run --release -- demo

test: target/contract/.ready ## Run every test, the vendors' own clients included
	@$(call announce,everything)
	cargo test --workspace --all-features

soak: ## Run the long tests: kills in bursts of events, and how much the packs' tests notice
	@$(call announce,the tests)
	cargo test --release --test crash -- --include-ignored
	cargo test --release -p touchline-rules --lib -- --nocapture notice_nine_in_ten

bench: ## Measure speed; figures and method are in tests/bench/README.md
	@$(call announce,the benchmark)
	cargo bench --bench speed

check: ## What a change must pass before the tests: format and lints
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features -- -D warnings

fmt: ## Format everything
	cargo fmt --all

# The vendors' clients, as the contract tests want them: Node packages by lock
# file, Python packages pinned, both under target/.
target/contract/.ready: tests/contract/install $(wildcard tests/contract/*/*/package-lock.json tests/contract/*/*/requirements.txt)
	sh tests/contract/install
