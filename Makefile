# Needs make, a POSIX shell and cargo. Uses Docker, Go and the Python originals if present.
#
# Settings, as arguments of `make` or in the environment:
#   HTTPBIN_URL=http://…   the page that the programs request [default: httpbin.org if it answers,
#                          else the local httpbin]
#   ARGS=--one-trace       arguments for the program
#   JAEGER=embedded        use the embedded Jaeger instead of the container
#   NAME=first_span        the exercise that learn-check checks [default: all]
#   HTTPBIN=local          in containers: use the local httpbin instead of httpbin.org

.DEFAULT_GOAL := help
CARGO ?= cargo
BIN := $(or $(CARGO_TARGET_DIR),target)/debug
ARGS ?=
JAEGER_VERSION := v1.35.0
OLDEST_RUST := $(shell sed -n 's/^rust-version = "\(.*\)"$$/\1/p' Cargo.toml)
REAL_JAEGER := $(CURDIR)/target/real-jaeger/$(JAEGER_VERSION)/all-in-one

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(firstword $(MAKEFILE_LIST)) | while IFS='	' read -r target text; do \
		printf '  make %-16s %s\n' "$$target" "$$text"; \
	done

.PHONY: run-jaeger
run-jaeger: jaeger ## Run the first program: the Jaeger client
	@HTTPBIN_URL=$$(scripts/httpbin.sh url) && export HTTPBIN_URL && $(BIN)/jaeger-example $(ARGS)

.PHONY: run-otel
run-otel: jaeger ## Run the second program: OpenTelemetry with the Jaeger exporter
	@HTTPBIN_URL=$$(scripts/httpbin.sh url) && export HTTPBIN_URL && $(BIN)/otel-example $(ARGS)

.PHONY: run-otlp
run-otlp: jaeger ## Run the third program: OpenTelemetry over OTLP
	@HTTPBIN_URL=$$(scripts/httpbin.sh url) && export HTTPBIN_URL && $(BIN)/otlp-example $(ARGS)

.PHONY: run-all
run-all: jaeger ## Run all three programs with the local httpbin, and print each trace as a tree
	@scripts/run-all.sh

.PHONY: learn
learn: ## Start the course: exercises that are checked by the trace that your program makes
	@$(CARGO) run --locked -p exercises

.PHONY: learn-check
learn-check: ## Check one exercise of the course without a terminal: NAME=first_span
	@$(CARGO) run --quiet --locked -p exercises -- check $(or $(NAME),all)

.PHONY: programs
programs: ## Build the programs (takes minutes the first time)
	@# Always all together: a package that is built alone gets other features of its dependencies,
	@# and cargo compiles these again.
	@$(CARGO) build --locked -p jaeger-example -p otel-example -p otlp-example -p httpbin -p jaeger-all-in-one

.PHONY: jaeger
jaeger: programs ## Find or start a Jaeger: the container if Docker works, else the embedded Jaeger
	@scripts/jaeger.sh start

.PHONY: jaeger-stop
jaeger-stop: ## Stop the Jaeger that make started
	@scripts/jaeger.sh stop

.PHONY: httpbin-stop
httpbin-stop: ## Stop the httpbin that make started
	@scripts/httpbin.sh stop

.PHONY: test
test: ## Run the tests, on the loopback only
	@CARGO=$(CARGO) scripts/test.sh

.PHONY: test-course
test-course: ## Go through the course: its programs fail as they should, its solutions pass
	@# Not in `make test`, because a program that somebody is mending may not compile.
	@# The package alone, as learners build it: with the workspace's features, reqwest has TLS but no
	@# provider for it, and the exercises' exporter panics.
	$(CARGO) build --locked -p exercises --all-features --bins --examples
	$(CARGO) test --locked -p exercises --all-features --test course --test learn

.PHONY: test-real
test-real: $(REAL_JAEGER) ## Run the programs' tests and the recorded packets against the real Jaeger 1.35 (needs Go)
	@# One test at a time: under load the real Jaeger loses UDP packets.
	@# All of the workspace: with other packages, crates get other features, and are built again.
	JAEGER_ALL_IN_ONE=$(REAL_JAEGER) $(CARGO) test --locked --workspace \
		--test answers --test chain --test conformance --test continuation --test missing --test parity -- --test-threads=1
	JAEGER_ALL_IN_ONE=$(REAL_JAEGER) $(CARGO) test --locked --workspace --test robustness a_failed_export
	JAEGER_ALL_IN_ONE=$(REAL_JAEGER) $(CARGO) test --locked --workspace --test golden -- --ignored --nocapture
	JAEGER_ALL_IN_ONE=$(REAL_JAEGER) SAMPLING_STRATEGIES_FILE=$(CURDIR)/all-in-one/tests/sampling/operations.json \
		$(CARGO) test --locked --workspace --test sampling -- --ignored
	@# The other way round: the real Jaeger's own test, against the embedded one.
	@scripts/peer-suite.sh $(JAEGER_VERSION)

$(REAL_JAEGER):
	GOBIN=$(@D) go install github.com/jaegertracing/jaeger/cmd/all-in-one@$(JAEGER_VERSION)

.PHONY: compose-up
compose-up: ## Start the tutorial's stack in containers, and wait until the programs have ended
	@scripts/compose.sh up

.PHONY: compose-down
compose-down: ## Remove the stack
	@scripts/compose.sh down

.PHONY: compose-logs
compose-logs: ## Print the logs of the containers
	@scripts/compose.sh logs

.PHONY: images
images: ## Build the container images
	@# The first build compiles all programs: jaeger-all-in-one alone would leave a core idle.
	docker build --build-arg PROGRAMS=--bins -t jaeger-example -f jaeger-example/Dockerfile .
	docker build -t otel-example -f otel-example/Dockerfile .
	docker build -t otlp-example -f otlp-example/Dockerfile .
	docker build -t httpbin -f httpbin/Dockerfile .
	docker build -t jaeger-all-in-one -f all-in-one/Dockerfile .

.PHONY: test-compose
test-compose: ## Start the stack, compare its traces with the originals', and remove it
	@$(CARGO) test --locked --workspace --test compose --no-run
	@code=0; HTTPBIN=local scripts/compose.sh up && \
		$(CARGO) test --locked --workspace --test compose -- --ignored || code=$$?; \
	[ $$code -eq 0 ] || HTTPBIN=local scripts/compose.sh logs; \
	HTTPBIN=local scripts/compose.sh down; exit $$code

.PHONY: test-browser
test-browser: programs ## Check the web pages in a real browser (needs chromium and chromedriver)
	$(CARGO) test --locked --workspace --test pages --test script --test drawing -- --ignored

.PHONY: screenshots
screenshots: programs ## Take the screenshots of the documents again (needs chromium and chromedriver)
	$(CARGO) build --locked -p exercises --bin n_plus_one --example n_plus_one
	$(CARGO) run --quiet --locked -p testbed --bin screenshots

.PHONY: recording
recording: ## Record the course in a terminal again: docs/images/learn.svg
	@# In a copy: the recording mends an exercise.
	@rm -rf target/recording && mkdir -p target/recording
	@git ls-files -z | tar --null -cT - | tar -xC target/recording
	$(CARGO) build --locked -p exercises
	$(CARGO) run --quiet --locked -p exercises --example recording -- target/recording docs/images/learn.svg

.PHONY: check-scale-out
check-scale-out: ## Check compose/scale-out with Docker Compose, Jaeger 2.13 and the Collector (needs Go)
	@scripts/scale-out-check.sh build

.PHONY: test-attack
test-attack: ## Send hostile input in large amounts (takes minutes)
	@# Only what receives it is optimised; all else is as `make test` built it.
	$(CARGO) test --config 'profile.dev.package.jaeger-all-in-one.opt-level=3' \
		--locked --workspace --test attack --test store -- --include-ignored

.PHONY: test-sdks
test-sdks: ## Test expect-trace with each version of OpenTelemetry's SDK (fetches old versions)
	$(CARGO) test --locked --manifest-path expect-trace/tests/sdk/Cargo.toml --target-dir target/sdk

.PHONY: fuzz
SECONDS ?= 600
fuzz: ## Fuzz each decoder for SECONDS=600 (needs nightly Rust and cargo-fuzz)
	@scripts/fuzz.sh $(SECONDS)

.PHONY: bench
bench: ## Measure the programs, and the Python originals if PYTHON_JAEGER and PYTHON_OTEL are set
	@# One by one: built together, they share the features of their dependencies and are larger.
	@for package in bench jaeger-example otel-example otlp-example; do \
		$(CARGO) build --release --locked -p $$package || exit; \
	done
	@$(BIN:debug=release)/bench

.PHONY: bench-load
bench-load: ## Measure the embedded Jaeger under load, and others: BEFORE, JAEGER_ALL_IN_ONE, JAEGER_V2 name binaries
	@# One by one, as above. LOAD_SPANS sets the number of spans, LOAD_RESULTS the folder for the figures.
	@for package in jaeger-all-in-one bench-load; do \
		$(CARGO) build --release --locked -p $$package || exit; \
	done
	@$(BIN:debug=release)/bench-load

.PHONY: bench-wait
bench-wait: ## Measure how long people wait: first trace, next command, test, verdict (ten minutes, needs the network)
	@CARGO=$(CARGO) scripts/bench-wait.sh

.PHONY: check-oldest
check-oldest: ## Check that the oldest supported Rust builds everything (needs rustup)
	rustup toolchain install $(OLDEST_RUST) --profile minimal
	cargo +$(OLDEST_RUST) check --locked --workspace --all-targets

.PHONY: check
check: ## Check formatting, lints, features, documentation and licences
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --features exercises/jaeger-client --all-targets -- -D warnings
	$(CARGO) clippy --locked --workspace --features exercises/jaeger-client --test chapters --test package \
		--test testing --test course --test learn -- -D warnings
	@CARGO=$(CARGO) scripts/check-features.sh
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --workspace --no-deps --document-private-items
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
		echo '$(CARGO) deny check bans licenses sources'; \
		$(CARGO) deny --locked check bans licenses sources; \
	else \
		echo 'skipped: licences, because cargo-deny is not installed'; \
	fi
