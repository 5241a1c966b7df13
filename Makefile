# What is needed besides make: Go and Node. All else comes by their lock files.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PRODUCTS ?= 100000
ASSETS := web/asset/dist/manifest.json
ASSET_SOURCES := $(wildcard web/asset/*.mjs web/asset/js/*.js web/asset/css/*.css web/page/*/*.templ) \
	$(filter-out %_templ.go,$(wildcard web/page/*/*.go)) web/asset/package-lock.json cmd/eshop/demo/kinds.json
# A module of its own, which ./... does not reach.
EXAMPLE := test/example
GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# Docker's helper that cleans up cannot be pulled everywhere, and is not needed.
CONTAINERS := TESTCONTAINERS_RYUK_DISABLED=true TESTCONTAINERS_HOST_OVERRIDE=127.0.0.1

# What a release has besides the binary. What Docker builds from needs a checkout.
RELEASED := .env.example CHANGELOG.md LICENSE README.md SECURITY.md deployment nginx ':!deployment/docker' ':!deployment/previous'

COMPOSE := docker compose

.PHONY: help run build release up down test mutants test-integration soak bench bench-stores test-browser lint generate verify clean need-go need-node need-compose

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## Run the shop with demo data at http://localhost:8080 (PORT=... for another)
	@echo "eshop opens at the address below -- sign in as john_doe / password123; Ctrl+C ends it"
	@ESHOP_DEMO=true exec bin/eshop serve

build: need-go $(ASSETS) ## Build bin/eshop, static, with everything inside
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o bin/eshop ./cmd/eshop

# Only what git knows comes in, so that no secret of a checkout does. The same commit is the same bytes.
release: need-go $(ASSETS) ## Make bin/eshop-VERSION-linux-ARCH.tar.gz, which sets up a machine that has neither Go nor Node
	@version=$$(git describe --tags --always --dirty --abbrev=12 | tr / -); name=eshop-$$version-linux-$$(go env GOARCH); tree=bin/release/$$name; \
	rm -rf bin/release; mkdir -p $$tree/bin; \
	CGO_ENABLED=0 GOOS=linux go build -trimpath -ldflags "-s -w -X main.release=$$version" -o $$tree/bin/eshop ./cmd/eshop; \
	git ls-files -z $(RELEASED) | xargs -0 cp --parents -t $$tree; \
	commit=$$(git log -1 --format='%H of %cI') time=$$(git log -1 --format=%ct) go=$$(go env GOVERSION); \
	export LC_ALL=C; cd $$tree; chmod -R u=rwX,go=rX .; \
	{ echo "$$name, commit $$commit, built by $$go"; echo; find . -type f -printf '%P\n' | sort | xargs stat -c '%9s  %n'; } >CONTENTS; \
	find . -type f ! -name SHA256SUMS -printf '%P\n' | sort | xargs sha256sum >SHA256SUMS; \
	cd ..; tar --create --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --mtime=@$$time $$name | gzip -9n >../$$name.tar.gz; \
	cd ..; rm -r release; sha256sum $$name.tar.gz >$$name.tar.gz.sha256; \
	echo "bin/$$name.tar.gz"

up: need-compose ## Run a demo shop in Docker, nginx, three servers and stores, at http://localhost:8080 (ESHOP_ENV=production for an empty one)
	@! docker image inspect eshop >/dev/null 2>&1 || docker tag eshop eshop:before
	REVISION=$$(git rev-parse HEAD 2>/dev/null || echo unknown) $(COMPOSE) build --quiet migrate
	@# One server after another, so that a new build comes into service without a gap. What fails brings the one before back.
	for service in server1 nginx server2 server3; do \
		$(COMPOSE) up --detach --no-build --wait $$service || { \
			$(COMPOSE) logs --no-log-prefix --tail 1 prepare; \
			! docker image inspect eshop:before >/dev/null 2>&1 || { docker tag eshop:before eshop; $(COMPOSE) up --detach --no-build --no-deps --wait server1 server2 server3; }; \
			echo "the new build does not come into service; the one before does, if there was one"; exit 1; }; \
	done
	@echo "the shop is open at http://localhost:$$($(COMPOSE) port nginx 80 | sed 's/.*://') -- make down ends it"
	@$(COMPOSE) logs --no-log-prefix --tail 1 prepare

down: need-compose ## End what make up began; the data stays in volumes of Docker's
	$(COMPOSE) down
	@echo "the data is in the volume eshop_records, and its passwords in eshop_secrets; docker volume rm eshop_records eshop_secrets removes them"

test: need-go $(ASSETS) ## Run every test that needs nothing installed, in under three minutes
	@# No Docker answers here, so that a test that needs it fails where there is one, too.
	DOCKER_HOST=unix:///nowhere go test -short -race -shuffle=on ./...
	cd $(EXAMPLE) && go test -short -race -shuffle=on ./...

mutants: need-go ## Check that the suites of port/porttest catch mistakes, one at a time, in adapter/memory
	go run ./test/mutants

test-integration: build ## Run the tests with real PostgreSQL, Redis and nginx in Docker
	test/container/docker.sh
	$(CONTAINERS) go test -json -count=1 -timeout 15m ./adapter/... ./test/container | go run ./test/pairs
	$(CONTAINERS) go test -count=1 -v -p 1 -timeout 40m ./cmd/eshop ./test/twin ./test/cluster ./test/deployment

MINUTES ?= 30

soak: build ## Let people shop for MINUTES=30 while servers come and go, and see that nothing grows; the figures go to test/cluster/soak.md
	test/container/docker.sh
	$(CONTAINERS) go test -count=1 -v -timeout $$(($(MINUTES) + 15))m -run TestSoak ./test/cluster -minutes $(MINUTES)

bench: build ## Measure pages and calls beside a bare server, in one run
	go run ./test/load

bench-stores: need-go ## Measure PostgreSQL at 1,000 to PRODUCTS=1000000 products, and checkout beside pgbench
	test/container/docker.sh
	$(CONTAINERS) go test -run '^$$' -bench PlaceOrder -benchtime 6x ./adapter/postgres
	$(CONTAINERS) go test -run '^$$' -bench Catalog -benchtime 1x -timeout 60m ./adapter/postgres -products $(PRODUCTS)

test-browser: build ## Click through the shop in headless Chromium
	@command -v chromium >/dev/null || { echo "Chromium is missing: apt-get install chromium"; exit 1; }
	go test -count=1 -v ./test/browser

lint: need-go $(ASSETS) ## Look for mistakes
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "gofmt would change:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./...
	go run $(GOLANGCI) run ./...
	cd $(EXAMPLE) && go vet ./... && go run $(GOLANGCI) run ./...

generate: need-go ## Make the generated code anew: pages and wiring
	go tool templ generate -path web/page
	go tool wire ./cmd/eshop

verify: need-go ## Check that generated code is fresh, modules are tidy, and pages cost no more than they did
	go mod tidy -diff
	go mod verify
	cd $(EXAMPLE) && go mod tidy -diff
	cd test/deployment/authority && go mod tidy -diff
	go tool wire diff ./cmd/eshop
	go test ./test/budget
	@before=$$(cat web/page/*/*_templ.go | sha256sum); go tool templ generate -path web/page >/dev/null 2>&1; \
	test "$$before" = "$$(cat web/page/*/*_templ.go | sha256sum)" || { echo "pages were not generated: run make generate"; exit 1; }

clean: ## Remove what was built
	rm -rf bin web/asset/node_modules
	find web/asset/dist -mindepth 1 ! -name .keep -delete

$(ASSETS): $(ASSET_SOURCES) | need-node
	cd web/asset && npm ci --silent && node build.mjs

need-compose:
	@docker compose version >/dev/null 2>&1 || { echo "Docker Compose is missing: see https://docs.docker.com/compose/install (version 2.24 or newer)"; exit 1; }

need-go:
	@command -v go >/dev/null || { echo "Go is missing: see https://go.dev/doc/install (version 1.26 or newer)"; exit 1; }

need-node:
	@command -v npm >/dev/null || { echo "Node is missing: apt-get install nodejs npm (version 20 or newer)"; exit 1; }
