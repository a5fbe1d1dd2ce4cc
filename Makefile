# Needs make, a POSIX shell and cargo; Docker, Go and the Python originals are used where they are.
#
# Settings, for `make` or in the environment:
#   HTTPBIN_URL=http://…   the page that the programs ask for: httpbin.org where it answers, else
#                          the httpbin of this repository
#   ARGS=--one-trace       arguments for the program that is run
#   JAEGER=embedded        the embedded Jaeger in place of the container
#   HTTPBIN=local          in containers: the httpbin of this repository in place of httpbin.org

.DEFAULT_GOAL := help
CARGO ?= cargo
BIN := $(or $(CARGO_TARGET_DIR),target)/debug
ARGS ?=
JAEGER_VERSION := v1.35.0
OLDEST_RUST := $(shell sed -n 's/^rust-version = "\(.*\)"$$/\1/p' Cargo.toml)
REAL_JAEGER := $(CURDIR)/target/real-jaeger/$(JAEGER_VERSION)/all-in-one

.PHONY: help
help: ## Print what can be made
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
run-all: jaeger ## Run all three against the local httpbin, and print each trace as a tree
	@scripts/run-all.sh

.PHONY: programs
programs: ## Build the programs: some minutes the first time, then a second
	@# All at once, whichever is run: packages that are built alone get other features of their
	@# dependencies, and compile them again.
	@$(CARGO) build --locked -p jaeger-example -p otel-example -p otlp-example -p httpbin -p jaeger-all-in-one

.PHONY: jaeger
jaeger: programs ## Find a Jaeger, or start one: the container where Docker works, else the embedded one
	@scripts/jaeger.sh start

.PHONY: jaeger-stop
jaeger-stop: ## Stop the Jaeger that was started here
	@scripts/jaeger.sh stop

.PHONY: httpbin-stop
httpbin-stop: ## Stop the httpbin that was started here
	@scripts/httpbin.sh stop

.PHONY: test
test: ## Run every test, on the loopback only
	$(CARGO) test --locked --workspace

.PHONY: test-real
test-real: $(REAL_JAEGER) ## Run the programs' tests and the recorded packets against the real Jaeger 1.35 (needs Go)
	@# One after another: it takes spans slowly, and loses what comes by UDP while others keep it from that.
	JAEGER_ALL_IN_ONE=$(REAL_JAEGER) $(CARGO) test --locked -p jaeger-example -p otel-example -p otlp-example -p httpbin -- --test-threads=1
	JAEGER_ALL_IN_ONE=$(REAL_JAEGER) $(CARGO) test --locked -p jaeger-all-in-one --test golden -- --ignored --nocapture

$(REAL_JAEGER):
	GOBIN=$(@D) go install github.com/jaegertracing/jaeger/cmd/all-in-one@$(JAEGER_VERSION)

.PHONY: compose-up
compose-up: ## Run the tutorial's stack in containers, until the programs have ended
	@scripts/compose.sh up

.PHONY: compose-down
compose-down: ## Remove what compose-up started
	@scripts/compose.sh down

.PHONY: compose-logs
compose-logs: ## Print what the containers printed
	@scripts/compose.sh logs

.PHONY: images
images: ## Build the image of each program
	docker build -t jaeger-example -f jaeger-example/Dockerfile .
	docker build -t otel-example -f otel-example/Dockerfile .
	docker build -t otlp-example -f otlp-example/Dockerfile .
	docker build -t httpbin -f httpbin/Dockerfile .
	docker build -t jaeger-all-in-one -f all-in-one/Dockerfile .

.PHONY: test-compose
test-compose: ## Run the stack, compare its traces as the tests of the programs do, and remove it
	@$(CARGO) test --locked -p testbed --test compose --no-run
	@code=0; HTTPBIN=local scripts/compose.sh up && \
		$(CARGO) test --locked -p testbed --test compose -- --ignored || code=$$?; \
	[ $$code -eq 0 ] || HTTPBIN=local scripts/compose.sh logs; \
	HTTPBIN=local scripts/compose.sh down; exit $$code

.PHONY: test-browser
test-browser: programs ## Look at the programs' traces in a real browser (needs chromium and chromedriver)
	$(CARGO) test --locked -p testbed -p jaeger-all-in-one --test pages --test script --test drawing -- --ignored

.PHONY: screenshots
screenshots: programs ## Take the pictures of the texts again, from real runs
	$(CARGO) run --quiet --locked -p testbed --bin screenshots

.PHONY: check-scale-out
check-scale-out: ## Check compose/scale-out with Docker Compose, the real Jaeger 2.13 and Collector (needs Go)
	@scripts/scale-out-check.sh build

.PHONY: test-attack
test-attack: ## Send what hostile clients send, in amounts that take a while
	$(CARGO) test --locked --profile image -p jaeger-all-in-one --test attack --test store -- --include-ignored

.PHONY: fuzz
SECONDS ?= 600
fuzz: ## Fuzz every decoder, each for SECONDS=600 (needs nightly and cargo-fuzz)
	@scripts/fuzz.sh $(SECONDS)

.PHONY: bench
bench: ## Measure the programs, and the Python originals where PYTHON_JAEGER and PYTHON_OTEL run them
	@# One by one: built together they would share the features of their dependencies, and grow.
	@for package in bench jaeger-example otel-example otlp-example; do \
		$(CARGO) build --release --locked -p $$package || exit; \
	done
	@$(BIN:debug=release)/bench

.PHONY: bench-load
bench-load: ## Measure the embedded Jaeger under load, and the real one where JAEGER_ALL_IN_ONE names it
	@# One by one, as above. LOAD_SPANS says how many spans, LOAD_RESULTS where figures are written.
	@for package in jaeger-all-in-one bench-load; do \
		$(CARGO) build --release --locked -p $$package || exit; \
	done
	@$(BIN:debug=release)/bench-load

.PHONY: check-oldest
check-oldest: ## Check that the oldest Rust that the README names still builds everything (needs rustup)
	rustup toolchain install $(OLDEST_RUST) --profile minimal
	cargo +$(OLDEST_RUST) check --locked --workspace --all-targets

.PHONY: check
check: ## Check form, lints, documentation and licences
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --workspace --no-deps --document-private-items
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
		echo '$(CARGO) deny check bans licenses sources'; \
		$(CARGO) deny --locked check bans licenses sources; \
	else \
		echo 'skipped: licences, since cargo-deny is not installed'; \
	fi
