# One line of help a target: what stands behind the two hashes.

# The one place that decides about cgo. SQLite is pure Go, so a C compiler is not
# needed, and one setting for all targets means one build cache. For the same
# reason no target but release has build flags: others would compile everything
# again, which takes minutes.
export CGO_ENABLED := 0

GO ?= go
# What runs the tests; .ci/run puts a summary around it.
GO_TEST ?= $(GO) test
# The tests share one machine with PostgreSQL and a browser.
TIMEOUT ?= 50m

LINTER := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
# Where goroutines meet: rules, limits, key ring, tokens.
RACE := ./consent ./identity ./internal/seal ./mfa ./mfa/memstore ./provider/keys ./ratelimit/... ./stepup

.DEFAULT_GOAL := help
.PHONY: help run test test-race check build release clean

help: ## Show this help
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Start the demo: server, shop and mailbox on this machine
	@echo 'Building Sallyport. The first build compiles everything and takes four to five minutes;'
	@echo 'later ones take seconds. The demo says so when it is ready.'
	$(GO) run ./cmd/sallyport demo

test: ## Run every test; installs what it lacks on Debian as root, else says what to install
	@.ci/install
	@echo 'Building and testing. The first run takes ten minutes and more; nothing is printed while it compiles.'
	$(GO_TEST) -vet=off -timeout=$(TIMEOUT) ./...

test-race: export CGO_ENABLED = 1
test-race: ## Run the tests of the core under the race detector (needs a C compiler)
	$(GO) test -vet=off -race -timeout=$(TIMEOUT) $(RACE)

check: ## gofmt, go vet, golangci-lint
	@echo 'gofmt'; unformatted=$$(gofmt -l .); \
	if [ -n "$$unformatted" ]; then echo "not formatted, run gofmt -w on:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	@if command -v golangci-lint >/dev/null; then echo 'golangci-lint run'; golangci-lint run; \
	else echo 'golangci-lint is not installed and was left out. To install it (two minutes):'; \
	echo '  $(GO) install $(LINTER)'; fi

build: ## Build bin/sallyport
	$(GO) build -o bin/sallyport ./cmd/sallyport

release: ## Build bin/sallyport for others: static, stripped, without paths of this machine
	$(GO) build -trimpath -ldflags='-s -w' -o bin/sallyport ./cmd/sallyport

clean: ## Remove what was built
	rm -rf bin artefacts
