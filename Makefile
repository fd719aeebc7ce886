# The everyday commands. Each is a plain go command that can be run by hand.

GO ?= go

.PHONY: build check test purego race lint generate bench bench-compare fuzz soak trust coverage ci packages release vulncheck clean

build: ## the program, as ./gantiny
	$(GO) build -trimpath -o gantiny ./cmd/gantiny

check: ## before a commit: gofmt, go vet, and the short tests of what has changed, since Go keeps the results of the others
	@files=$$(gofmt -l .) && test -z "$$files" || { echo "gofmt would change: $$files"; exit 1; }
	$(GO) vet ./...
	$(GO) test -short ./...

test:
	$(GO) test ./...

purego: ## the same tests without any assembly
	$(GO) test -tags purego ./...

race: ## the packages that run goroutines
	.ci/run race

lint:
	.ci/run format vet staticcheck

generate: ## rewrites the assembly and the tables that programs write
	$(GO) generate ./...

bench: ## every Go benchmark, in the form that benchstat reads
	$(GO) test -run '^$$' -bench . -benchtime 0.5s -count 6 ./benchmarks/... ./simd ./conv ./model

bench-compare: ## what a change costs: BASE=REF [THRESHOLD=1.03] [FLAGS=-count], see docs/performance.md
	$(GO) -C benchmarks/compare run . -base "$(BASE)" -threshold $(or $(THRESHOLD),1.03) $(FLAGS)

fuzz: ## a short run of each fuzz target; TIME=10m for longer ones, whose executions it counts
	$(if $(TIME),KILLS=1 SOAK=1s TIME=$(TIME) .ci/trust,.ci/run fuzz)

soak: ## an hour of drawing from many goroutines
	GANTINY_SOAK=1h $(GO) test -count=1 -timeout 2h -run TestSoak -v .

trust: ## the figures of docs/promises.md; KILLS=1000 SOAK=1h TIME=10m for more of each
	.ci/trust

coverage: ## of all packages, and of what reads files from anyone; .ci/coverage -v lists what no test reaches there
	.ci/coverage

ci: ## everything that a change has to pass
	.ci/run

packages: ## .deb files and archives, in dist/
	packaging/build

release: ## all that a version is handed out as, in dist/VERSION/: make release VERSION=v1.2.3, see CONTRIBUTING.md
	@test -n "$(VERSION)" || { echo "make release: which VERSION? Like v1.2.3"; exit 2; }
	@test -z "$$(git status --porcelain)" || { echo "make release: commit first, what is not committed is nowhere to be had"; exit 1; }
	$(GO) run ./packaging/release "$(VERSION)"

vulncheck: ## known vulnerabilities that the programs reach; asks vuln.go.dev
	$(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./...

clean:
	rm -f gantiny
