# Each target is one or two lines; longer ones are in scripts/.
SHELL := /bin/sh
export CGO_ENABLED ?= 0
# One set of flags for everything, so that nothing is compiled twice.
# grpcnotrace: gRPC, which the OTLP exporters import, comes without pages of its own, for which
# the linker would keep every method of every type.
# ferretdb_no_postgresql: the MongoDB server of the tests keeps its data in SQLite only.
export GOFLAGS ?= -trimpath -tags=grpcnotrace,ferretdb_no_postgresql
MODULES := pkg finsamctl services/participant services/referral services/activity services/gateway services/standalone test
DATA ?= data/demo
ADDR ?= 127.0.0.1:8080
SIZES ?= 10000,100000
LDFLAGS := -s -w

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## start the whole suite in one process, with the example association
	./bin/finsam serve --demo --addr $(ADDR) --data $(DATA)

build: ## bin/finsam and one binary per service
	go build -buildvcs=auto -ldflags '$(LDFLAGS)' -o bin/ ./services/standalone/cmd/finsam ./services/referral/cmd/referral ./services/participant/cmd/participant ./services/activity/cmd/activity ./services/gateway/cmd/gateway ./finsamctl

run-services: build ## the four services as four processes: MONGODB_URI=… REDIS_URL=… make run-services
	./scripts/run-services.sh

test: ## every test
	./scripts/test.sh

setup: ## what the tests need beside Go: Redis
	@./scripts/setup.sh

race: ## every test under the race detector
	CGO_ENABLED=1 go test -race -count=1 -timeout 20m work

check: ## format, vet, staticcheck, modules on their own, generated files, known vulnerabilities
	./scripts/check.sh $(MODULES)

generate: ## rewrite the generated files
	for m in $(MODULES); do go -C $$m generate ./... || exit 1; done

tidy: ## bring go.mod and go.sum in order, in every module
	for m in $(MODULES); do go -C $$m mod tidy || exit 1; done; go work sync

bench: build ## measure, and write the tables of docs/performance.md
	./scripts/bench.sh -page "$$PWD/docs/performance.md"

bench-peers: build ## beside its peers in one run, where the benchmark beside the project is at hand (PEERBENCH_DIR)
	./scripts/bench-peers.sh

bench-intake: ## what 1,000 to SIZES stored referrals do to posting, reading and listing, in docs/performance.md
	FINSAM_BENCH_INTAKE=$(SIZES) go test -run '^$$' -bench '^BenchmarkIntake$$' -benchtime 1x -timeout 90m ./services/referral/service

attack: build ## attack one process and four under the chart's memory limits, and write the tables of docs/reliability.md
	./scripts/attack.sh -page "$$PWD/docs/reliability.md"

costs: build ## what an association of 500, 5,000 and 50,000 participants needs, from a small one measured
	./scripts/bench.sh -costs 200

fuzz: ## each fuzz target for FUZZTIME (10s)
	./scripts/fuzz.sh $(MODULES)

images: ## dist/finsam.tar, the one image, and its bill of materials; CHECK=1: built again and compared
	GOWORK=off go -C deploy/image vet ./... && GOWORK=off go -C deploy/image test ./...
	./scripts/images.sh

chart: ## lint the chart, run its suites, check every object; UPDATE=1 writes its README, PACKAGE=1 packs it
	./scripts/chart.sh

cluster-test: ## install the chart on a real Kubernetes and live with it there; RUN=regexp, KEEP=1
	./scripts/cluster-test.sh

.PHONY: help run build run-services test setup race check generate tidy bench bench-peers bench-intake attack costs fuzz images chart cluster-test
