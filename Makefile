# Every chore is a target; `make` lists them. Needs cargo, a C compiler and python3; what else a target needs, it installs
# below target/.

TARGET := $(or $(CARGO_TARGET_DIR),target)

# Dependencies are resolved alike for all of them (see `programs`), so that nothing is compiled twice.
CARGO_WORKSPACE := --locked --workspace

# A pinned version stands in its path: another version is another target.
CARGO_DENY_VERSION := 0.20.2
CARGO_DENY := target/tools/cargo-deny-$(CARGO_DENY_VERSION)/bin/cargo-deny
# The tests look for it here.
VENV := target/venv
SPARK_VERSION := 4.3.0
DEMO := $(VENV)/bin/python tests/demo.py

DEPLOY_VENV := target/venv-deploy

ASL_VALIDATOR_VERSION := 4.0.0
ASL_VALIDATOR := target/tools/asl-validator-$(ASL_VALIDATOR_VERSION)/node_modules/.bin/asl-validator

# The tests look for it here. Another set of packages is another number.
PARQUET_JS := target/tools/parquet-js-1
PARQUET_JS_PACKAGES := hyparquet@1.33.0 hyparquet-compressors@1.1.2 apache-arrow@21.2.0 parquet-wasm@0.8.0

# The tests look for it here.
DELTA := target/venv-delta

# What looks for faults that keep people out; the tests look for it here.
AXE := target/tools/axe-core-4.14.1

CLICKHOUSE := target/venv-clickhouse
CLICKHOUSE_PACKAGES := chdb==4.4.0 chdb-core==26.9.0 pyarrow==26.0.1 pandas==3.1.1 numpy==2.4.6 duckdb==2.0.0 sqlglot==30.30.0

LOCALSTACK := target/venv-localstack
LOCALSTACK_PACKAGES := 'localstack-core[runtime]==2026.3.0' 'cbor2<6' pyopenssl==25.3.0 cryptography==46.0.7 'service_identity<25'

# LensKit brings PyTorch with its GPU libraries, 6 GB: only on demand.
PEERS := target/venv-peers-2$(if $(LENSKIT),-lenskit)
PEER_PACKAGES := implicit==0.7.3 similaripy==0.7.0 numpy==2.4.6 pandas==2.3.3 scipy==1.17.1 \
	fastapi==0.165.0 starlette==1.10.0 pydantic==2.14.4 uvicorn==0.54.0 uvloop==0.23.0 httptools==0.9.0 pyarrow==26.0.1 polars==2.1.0 \
	$(if $(LENSKIT),lenskit==2025.8.1)

.PHONY: help
help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: demo
demo: venv release ## Show the whole loop. RATINGS=ratings.csv ITEMS=movies.csv for your own data, KEEP=1 to keep the store, and server and page running.
	$(DEMO) --bin-dir "$(TARGET)/release" $(if $(RATINGS),--ratings "$(RATINGS)") $(if $(ITEMS),--items "$(ITEMS)") \
		$(if $(KEEP),--keep)

.PHONY: demo-dev
demo-dev: venv programs ## The same with made-up ratings and the programs that the tests use: no release build.
	$(DEMO) --bin-dir "$(TARGET)/debug"

.PHONY: test
test: venv programs $(PARQUET_JS)/ready $(AXE)/ready ## Run all tests: unit, property, contract, end to end.
	cargo test $(CARGO_WORKSPACE)
	@command -v strace > /dev/null || echo "strace is missing: the tests of failing disks under the real program did nothing"
	@command -v chromedriver > /dev/null || echo "Chromium is missing (Debian: chromium, chromium-driver): nobody looked at the page"
	@command -v node > /dev/null || echo "Node.js is missing: what docs/analysis.md has for JavaScript was not run"

.PHONY: e2e
e2e: venv programs $(PARQUET_JS)/ready $(AXE)/ready ## Run only the end-to-end tests, which drive the real programs.
	cargo test $(CARGO_WORKSPACE) --test end_to_end

# 0.9 GB to install, and a minute to run: not part of `make test`. Needs Java 17 or newer.
.PHONY: test-spark
test-spark: programs $(VENV)/spark-$(SPARK_VERSION) ## Run the documented queries for Spark.
	SPARK_LOCAL_IP=127.0.0.1 PYSPARK_SUBMIT_ARGS="--conf spark.ui.enabled=false pyspark-shell" \
		cargo test $(CARGO_WORKSPACE) --test end_to_end -- --ignored --nocapture documented_queries_for_spark

# 1.1 GB to install, and a minute to run: not part of `make test`.
.PHONY: test-delta
test-delta: venv programs $(DELTA)/ready ## Read the tables by their paths, as schemas/README.md tells, on a folder and on S3.
	cargo test $(CARGO_WORKSPACE) --test end_to_end -- --ignored --nocapture tables_by_path

# 0.9 GB to install, and seconds to run: not part of `make test`.
.PHONY: test-clickhouse
test-clickhouse: programs $(CLICKHOUSE)/ready ## Run what docs/analysis.md has for ClickHouse.
	cargo test $(CARGO_WORKSPACE) --test end_to_end -- --ignored --nocapture documented_analyses_for_clickhouse

# With --tests, because cargo gives some dependencies other features when no test is built, and would then compile
# polars, parquet and actix-web a second time.
.PHONY: programs
programs: ## Build the programs as the tests use them, and the tests.
	cargo build $(CARGO_WORKSPACE) --bins --tests

# Both at once for whoever needs one: alone, a program gets dependencies with other features, all of them compiled again.
.PHONY: release
release: ## Build the programs as they are deployed.
	cargo build --locked --release -p akin-batch -p akin-serve

.PHONY: soak-api
soak-api: venv programs ## Ask the server some 20,000 things that its description allows or forbids.
	cargo test $(CARGO_WORKSPACE) --test end_to_end -- --ignored --nocapture whatever_is_asked_for_long

.PHONY: check
check: $(CARGO_DENY) ## Check format, lints and dependencies.
	cargo fmt --all --check
	cargo clippy $(CARGO_WORKSPACE) --all-targets -- -D warnings
	$(CARGO_DENY) --locked check -D warnings -A unused-wrapper bans licenses sources

# Linters of Dockerfiles, shell and CloudFormation, the schemas of Kubernetes and of state machines, systemd and a
# parser of nginx' language, each on what is written in it; then our own checks, of what these do not see, and that our
# own checks can fail.
.PHONY: deploy-check
deploy-check: $(DEPLOY_VENV)/ready ## Check everything in deploy/. Needs systemd-analyze and npm.
	$(DEPLOY_VENV)/bin/hadolint deploy/container/Dockerfile
	$(DEPLOY_VENV)/bin/shellcheck deploy/aws.sh deploy/container/try.sh
	$(DEPLOY_VENV)/bin/kubernetes-validate --strict --quiet $(filter-out %/kustomization.yaml,$(wildcard deploy/kubernetes/base/*.yaml))
	$(DEPLOY_VENV)/bin/python deploy/checks/kubernetes.py deploy/kubernetes/base
	$(DEPLOY_VENV)/bin/python deploy/checks/machine.py target/deploy-check
	$(DEPLOY_VENV)/bin/python deploy/checks/prometheus.py $(wildcard deploy/prometheus/*.yml)
	$(DEPLOY_VENV)/bin/python deploy/checks/grafana.py $(wildcard deploy/grafana/*.json)
	$(DEPLOY_VENV)/bin/cfn-lint deploy/aws/template.yaml
	$(DEPLOY_VENV)/bin/python deploy/checks/aws.py deploy/aws/template.yaml
	$(DEPLOY_VENV)/bin/python deploy/checks/rights.py deploy/aws/template.yaml docs/store.md
	$(DEPLOY_VENV)/bin/python -m unittest discover -s deploy/checks
	$(MAKE) --no-print-directory asl-check

# Not for release: with the programs of the tests, to see that the images can be built and that the programs run in them.
.PHONY: image
image: programs ## Build the containers' images, where there are root and buildah; else they are only linted.
	@if [ "$$(id -u)" = 0 ] && command -v buildah > /dev/null; then PROGRAMS="$(TARGET)/debug" deploy/container/try.sh; \
	else echo "without root and buildah no image is built: deploy-check has linted the Dockerfile"; fi

.PHONY: asl-check
asl-check: $(ASL_VALIDATOR) ## Check the state machine's definition. Needs npm.
	$(ASL_VALIDATOR) --json-path deploy/state-machine.asl.json

# 0.5 GB to install; an emulator that knows more of Step Functions than the one of `make test`. Needs Python 3.12 or newer.
.PHONY: test-workflow-full
test-workflow-full: venv programs $(LOCALSTACK)/ready ## Run the workflow on LocalStack. PYTHON=python3.13 to name one.
	$(VENV)/bin/python tests/localstack.py $(LOCALSTACK)/bin/python target/localstack-data \
		$(VENV)/bin/python tests/workflow.py ENDPOINT "$(TARGET)/debug"

# On the toolchain that builds everything else: its compiler counts what runs when LLVM is told to, which cargo-fuzz does,
# too.
FUZZ_DIR := target/fuzz
FUZZ_HOST = $(shell rustc --print host-tuple)
FUZZ_FLAGS := -Cpasses=sancov-module $(addprefix -Cllvm-args=-sanitizer-coverage-,level=4 inline-8bit-counters pc-table \
	trace-compares) -Ccodegen-units=16
FUZZER = $(TARGET)/debug/akin-fuzz
FUZZER_OF_ALL = $(FUZZ_DIR)/$(FUZZ_HOST)/debug/akin-fuzz
# The name of a target, when it is given; otherwise TARGET is the folder that cargo builds in.
FUZZED = $(if $(filter command,$(origin TARGET)),$(TARGET),$(error name one: make fuzz TARGET=manifest))
# Bytes of an input, megabytes of the process, seconds an input.
FUZZ_LIMITS := -max_len=8192 -rss_limit_mb=256 -timeout=10

# Writes the seeds anew, and runs each once.
define seeds
	@rm -rf $(FUZZ_DIR)/seeds && mkdir -p $(FUZZ_DIR)
	@AKIN_FUZZ_SEEDS=$(FUZZ_DIR)/seeds $(1) -runs=1 > $(FUZZ_DIR)/seeds.log 2>&1 || { cat $(FUZZ_DIR)/seeds.log; exit 1; }
endef

# Counts in the workspace's own crates alone, over the dependencies that the tests use: built in less than a minute. Cargo
# does not see when these flags change: a clean build does.
.PHONY: fuzzer
fuzzer:
	AKIN_FUZZ_FLAGS="$(FUZZ_FLAGS)" RUSTC_WORKSPACE_WRAPPER="$(CURDIR)/fuzz/counting-rustc" \
		cargo build $(CARGO_WORKSPACE) --bin akin-fuzz --features akin-fuzz/fuzzer

# Counts in dependencies, too, so that it finds its way through Parquet and JSON. A folder of its own, because of other
# flags; and for this machine by name, so that build scripts and macros are built without.
.PHONY: fuzzer-of-all
fuzzer-of-all:
	RUSTFLAGS="$(FUZZ_FLAGS)" cargo build --locked -p akin-fuzz --bin akin-fuzz --features fuzzer --target $(FUZZ_HOST) --target-dir $(FUZZ_DIR)

# A fixed time a target, from the seeds alone, so that what another run has found is no part of it.
.PHONY: fuzz-short
fuzz-short: fuzzer ## Fuzz every target for 5 s.
	$(call seeds,$(FUZZER))
	@for target in $$(ls $(FUZZ_DIR)/seeds); do \
		rm -rf $(FUZZ_DIR)/short && mkdir -p $(FUZZ_DIR)/short $(FUZZ_DIR)/found && \
		AKIN_FUZZ_TARGET=$$target $(FUZZER) $(FUZZ_DIR)/short $(FUZZ_DIR)/seeds/$$target $(FUZZ_LIMITS) \
			-max_total_time=5 -artifact_prefix=$(FUZZ_DIR)/found/$$target- > $(FUZZ_DIR)/$$target.log 2>&1 || \
		{ tail -n 60 $(FUZZ_DIR)/$$target.log; echo "$$target: failed; make fuzz TARGET=$$target INPUT=<file> repeats it"; exit 1; }; \
		printf '%-22s %s\n' $$target "$$(tail -n 1 $(FUZZ_DIR)/$$target.log)"; \
	done

# What it finds stays in target/fuzz/corpus, for the next time.
.PHONY: fuzz
fuzz: fuzzer-of-all ## Fuzz one for long: TARGET=manifest SECONDS=600. Or run it on one input: TARGET=manifest INPUT=file.
	$(call seeds,$(FUZZER_OF_ALL))
	@mkdir -p $(FUZZ_DIR)/corpus/$(FUZZED) $(FUZZ_DIR)/found
	AKIN_FUZZ_TARGET=$(FUZZED) $(FUZZER_OF_ALL) $(FUZZ_LIMITS) $(if $(INPUT),"$(INPUT)",$(FUZZ_DIR)/corpus/$(FUZZED) \
		$(FUZZ_DIR)/seeds/$(FUZZED) -max_total_time=$(or $(SECONDS),60) -artifact_prefix=$(FUZZ_DIR)/found/$(FUZZED)-)

# One after the other, so that what they print is of one fault alone.
.PHONY: soak
soak: programs ## Make the faults of the tests for hours: kill -9, SIGTERM, failing disks, overload, power cuts; then a mixed load for MINUTES=60.
	AKIN_CUTS=$(or $(CUTS),100000) cargo test $(CARGO_WORKSPACE) --lib -- --nocapture --test-threads 1 power_cut crash_tests
	AKIN_SOAK=1 cargo test $(CARGO_WORKSPACE) --test end_to_end -- --nocapture --include-ignored --test-threads 1 faults::

.PHONY: bench
bench: ## Time the ledger on this disk, and scoring. STORE=store: a folder that akin-batch has published in.
	$(if $(STORE),STORE="$(abspath $(STORE))") cargo bench --locked -p akin-serve

# The peers measure with what they choose for this processor: settings for other OpenBLAS users are taken away.
.PHONY: bench-peers
bench-peers: $(PEERS)/ready release ## Compare quality and speed with other libraries. RATINGS=ratings.csv, TOP_K=100; LENSKIT=1 for LensKit (6 GB).
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE OPENBLAS_NUM_THREADS=1 $(PEERS)/bin/python bench/peers/compare.py \
		--akin-batch "$(TARGET)/release/akin-batch" --ratings "$(or $(RATINGS),$(error name a file: RATINGS=ratings.csv))" \
		--top-k $(or $(TOP_K),100)

.PHONY: bench-run
bench-run: $(PEERS)/ready release ## Time a whole run beside a script of other libraries. RATINGS=ratings.parquet; BEFORE=akin-batch for another build.
	$(PEERS)/bin/python bench/peers/whole_run.py --ratings "$(or $(RATINGS),$(error name a file: RATINGS=ratings.parquet))" \
		--akin-batch "$(TARGET)/release/akin-batch" $(if $(BEFORE),--akin-batch "$(BEFORE)")

# The load generator is built apart, so that the programs are those that `make demo` builds.
.PHONY: bench-serve
bench-serve: $(PEERS)/ready release ## Load the server, and FastAPI + implicit beside it. STORE=store, RATES=500,1000, SECONDS=10; AT_ONCE=1 before users are prepared.
	cargo build --locked --release -p akin-load
	$(PEERS)/bin/python bench/serve.py --bin-dir "$(TARGET)/release" --work "$(TARGET)/bench-serve" \
		--store "$(or $(STORE),$(error name a folder that akin-batch has published in: STORE=store))" \
		$(if $(RATES),--rates $(RATES)) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(AT_ONCE),--at-once)

.PHONY: bench-page
bench-page: venv release ## Weigh the page, and time its first list and its answer to a click. STORE=store; needs Chromium.
	$(VENV)/bin/python bench/page.py --bin-dir "$(TARGET)/release" \
		--store "$(or $(STORE),$(error name a folder that akin-batch has published in: STORE=store))"

.PHONY: bless
bless: ## Regenerate generated files that are checked in.
	python3 deploy/picture.py > docs/state-machine.svg
	AKIN_BLESS=1 cargo test $(CARGO_WORKSPACE) --lib -- the_checked_in_description_is_that_of_the_handlers
	AKIN_BLESS=1 cargo test $(CARGO_WORKSPACE) --test end_to_end -- the_tables_of_options_are_those_of_the_programs

.PHONY: venv
venv: $(VENV)/ready

# The programs' own build must not wait for a tool's, nor the other way round: it has a folder of its own. Not optimised:
# it runs for seconds.
$(CARGO_DENY):
	CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
		cargo install --locked --version $(CARGO_DENY_VERSION) --target-dir target/tools/build \
		--root target/tools/cargo-deny-$(CARGO_DENY_VERSION) cargo-deny
	rm -rf target/tools/build

# Made anew when what it holds changes.
$(VENV)/ready: tests/requirements.txt deploy/worker-requirements.txt
	python3 -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --no-deps -r $<
	touch $@

# It comes as sources, so that it cannot stand in the requirements, of which only binaries are taken.
$(VENV)/spark-$(SPARK_VERSION): $(VENV)/ready
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check pyspark==$(SPARK_VERSION)
	touch $@

$(DEPLOY_VENV)/ready: deploy/checks/requirements.txt
	python3 -m venv --clear $(DEPLOY_VENV)
	$(DEPLOY_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --no-deps -r $<
	touch $@

$(ASL_VALIDATOR):
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js, which checks the state machine"; exit 1; }
	npm install --silent --no-audit --no-fund --no-save \
		--prefix target/tools/asl-validator-$(ASL_VALIDATOR_VERSION) asl-validator@$(ASL_VALIDATOR_VERSION)

# Where npm is missing nothing is installed, and the test of what uses it says so.
$(PARQUET_JS)/ready:
	@if command -v npm > /dev/null; then set -x; mkdir -p $(PARQUET_JS) && \
		npm install --silent --no-audit --no-fund --no-save --prefix $(PARQUET_JS) $(PARQUET_JS_PACKAGES) && touch $@; fi

$(DELTA)/ready: tests/delta-requirements.txt
	python3 -m venv --clear $(DELTA)
	$(DELTA)/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --no-deps -r $<
	touch $@

$(AXE)/ready:
	@if command -v npm > /dev/null; then set -x; mkdir -p $(AXE) && \
		npm install --silent --no-audit --no-fund --no-save --prefix $(AXE) axe-core@$(AXE:target/tools/axe-core-%=%) && touch $@; fi

$(CLICKHOUSE)/ready:
	python3 -m venv --clear $(CLICKHOUSE)
	$(CLICKHOUSE)/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: $(CLICKHOUSE_PACKAGES)
	touch $@

$(LOCALSTACK)/ready:
	$(or $(PYTHON),python3.13) -m venv --clear $(LOCALSTACK)
	$(LOCALSTACK)/bin/python -m pip install --quiet --disable-pip-version-check $(LOCALSTACK_PACKAGES)
	touch $@

$(PEERS)/ready:
	python3 -m venv --clear $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: $(PEER_PACKAGES)
	touch $@
