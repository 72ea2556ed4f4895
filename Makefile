# One line of work a target; anything with an `if` lives in a Rust test or a `weft` verb.
.DEFAULT_GOAL := help
SHARED ?= $(abspath ../shared)
DAY ?=
PYTHON ?= python3
SEEDS ?= 100
FROM ?= 1
SEED ?=
MINUTES ?= 2
ROUNDS ?= 100
SECONDS ?= 60
STORE ?= embedded
PLAY ?= storm
TARGET ?=
# Thousands of worlds pay for a build with an optimizer of their own; hundreds do with what the tests have built: "dev".
SIM_PROFILE ?= sim
SIM = $(or $(CARGO_TARGET_DIR),target)/$(if $(filter dev,$(SIM_PROFILE)),debug,$(SIM_PROFILE))
SIM_BUILD = cargo build --locked --profile $(SIM_PROFILE) --bin weft-sim --bin weft-seeds
export WEFT_SHARED ?= $(SHARED)

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

run: ## build, start everything with twins of the vendors, sell orders, break something, stay up
	cargo run --locked --bin weft -- --data-dir data/run all --demo

test: ## every test of the workspace; one that fails keeps none of the others from running
	cargo test --locked --workspace --no-fail-fast

redis-test: ## the store on real servers; says what to install when redis-server or valkey-server is missing
	WEFT_REDIS_TESTS=required cargo test --locked -p retail-store -- redis valkey start:: failover:: power:: moves:: relaxed:: agree::

lint: ## formatting, clippy, contracts
	cargo fmt --all -- --check
	cargo clippy --locked --workspace --all-targets -- -D warnings

contracts: ## buf lint over the contracts (buf comes from its npm package)
	cd proto && npx --yes @bufbuild/buf@1.75.0 lint

manifests: ## compose deploy/ and validate every resource, offline
	kustomize build deploy/kubernetes/overlays/mesh | kubernetes-validate --strict --quiet -k 1.30 -
	kustomize build deploy/kubernetes/overlays/mesh | kubernetes-validate --strict --quiet -
	kustomize build deploy/kubernetes/overlays/payments | kubernetes-validate --strict --quiet -k 1.30 -
	kustomize build deploy/kubernetes/overlays/payments | kubernetes-validate --strict --quiet -
	kustomize build deploy/kubernetes/overlays/messages | kubernetes-validate --strict --quiet -k 1.30 -
	kustomize build deploy/kubernetes/overlays/messages | kubernetes-validate --strict --quiet -

deploy-check: manifests ## the same, and hold it against the binary
	WEFT_DEPLOY_TESTS=required cargo test --locked -p retail-weft --test deploy

kustomize: ## what composes deploy/, from its Go module
	go install sigs.k8s.io/kustomize/kustomize/v5@v5.7.1

sim: ## the whole mesh in a simulated world: SEEDS=n FROM=k, or SEED=k for one with its trace
	$(SIM_BUILD)
	$(if $(SEED),$(SIM)/weft-sim $(SEED) --trace,$(SIM)/weft-seeds --seeds $(SEEDS) --from $(FROM))

fuzz: ## every parser of foreign input under libFuzzer: SECONDS=n for each target, TARGET=name for one
	cargo --config tests/fuzz/fuzzing.toml build --locked --profile sim -p retail-fuzz --bin weft-fuzz
	cargo run --locked --bin weft-fuzz-run -- $(SECONDS) $(TARGET)

crash: ## the mesh as real processes under load, killed for MINUTES=n; PLAY="rounds" or "day", STORE=redis, SEED=k
	cargo build --locked --bin weft --bin weft-crash
	target/debug/weft-crash --store $(STORE) $(if $(SEED),--seed $(SEED)) $(PLAY) $(if $(filter storm,$(PLAY)),--minutes $(MINUTES))$(if $(filter rounds,$(PLAY)),--rounds $(ROUNDS))

sabotage: ## switch one safety off after the other: the simulator must notice each
	$(SIM_BUILD)
	$(SIM)/weft-seeds --seeds $(SEEDS) --from $(FROM) --sabotage all

bench: ## measure, with a baseline in the same run
	cargo bench --locked -p retail-store -p retail-gateway -p retail-tests

day: ## feed one day, compare every book; DAY=file for another order book
	cargo run --locked --bin weft -- --data-dir data day $(if $(DAY),--csv $(DAY))

clean-data: ## forget what `run` and `day` have stored
	rm -rf data

.PHONY: help run test redis-test lint contracts manifests deploy-check kustomize sim fuzz crash sabotage bench day clean-data
