# The everyday commands. Each is a plain go command that can be run by hand.

GO ?= go
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: build test purego race lint generate bench fuzz ci packages clean

build: ## the program, as ./gantiny
	CGO_ENABLED=0 $(GO) build -trimpath -o gantiny ./cmd/gantiny

test:
	$(GO) test ./...

purego: ## the same tests without any assembly
	$(GO) test -tags purego ./...

race: ## the packages that run goroutines
	$(GO) test -short -race ./internal/pool ./conv ./model ./train

lint:
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

generate: ## rewrites the assembly and the tables that programs write
	$(GO) generate ./...

bench: ## every Go benchmark, in the form that benchstat reads
	$(GO) test -run '^$$' -bench . -benchtime 0.5s -count 6 ./benchmarks/... ./simd ./conv ./model

fuzz: ## a short run of each fuzz target
	.ci/run fuzz

ci: ## everything that a change has to pass
	.ci/run

packages: ## .deb files and archives, in dist/
	packaging/build

clean:
	rm -f gantiny
