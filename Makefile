# make test is the test command of the README: it installs what is missing and
# runs everything. go test ./... needs nothing installed and runs most of it.
SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help build test check lint fmt fuzz mutants bench golden screenshots dist deb

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## (.*)/make \1\t\2/' | expand -t 20

build: ## the program, static, as dist/yizhan
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o dist/yizhan ./cmd/yizhan

dist: ## the program for Linux, macOS and Windows, static, in dist/
	@.packaging/dist.sh

deb: ## a Debian package in dist/; ARCH=arm64 for another architecture
	@.packaging/deb.sh $(ARCH)

test: ## install what is missing (Debian), then run every test; a skipped test fails
	@.ci/install.sh
	@.ci/test.sh

check: ## everything a change has to pass: test, lint, fuzz, go.mod
	@.ci/run

lint: ## go vet, gofumpt, staticcheck
	@.ci/run lint

fmt: ## format all Go files
	@.ci/run fmt

fuzz: ## every fuzz target for FUZZTIME, 10s unless set
	@.ci/fuzz.sh

mutants: ## break the promises one by one and see a test go red
	@.ci/mutants.sh

bench: ## benchmarks against smtp-source, medians of five rounds, into docs/performance.md
	@.ci/install.sh
	@.ci/bench.sh

golden: ## write golden files anew; look at the difference before you keep it
	@for p in $$(grep -rlE --include='*_test.go' 'flag\.Bool\("update"' . | xargs -n1 dirname | sort -u); do go test -count=1 $$p -update || exit 1; done
	@git diff --stat

screenshots: ## docs/*.png anew, from the sample issue
	@.ci/install.sh
	@.ci/screenshots.sh
