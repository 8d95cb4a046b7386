# Every target says in its ## comment what it is for; `make help` prints them.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# Where the drawn cases of the property tests begin, so that a commit gives the
# same cases each time; 0 is new ones in each run.
SEED ?= 1

# HOLD keeps one set of servers alive for a whole run and leaves nothing running.
HOLD := .cache/hold
TEST := RAPID_SEED=$(SEED) $(HOLD) -- $(GO) test -count=1 -timeout 45m

# What the tests take from the environment, and can be set here too:
#   PKG=./internal/run/...   only these packages
#   RUN='KillMatrix/sqlite'  only these tests
PKG ?= ./...
RUN ?=

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.3.0

# Packages with a flag -update, packages that use PostgreSQL, and every fuzz
# target as folder:name, found by looking.
GOLDEN  = $(shell grep -rl --include='*_test.go' 'flag.Bool."update"' . | xargs -r -n1 dirname | sort -u)
ENGINES = $(shell grep -rlE --include='*_test.go' 'testdb\.(Postgres|PrivatePostgres|BenchPostgres)' . | xargs -r -n1 dirname | sort -u)
FUZZ    = $(shell grep -roE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sed 's,/[^/]*:func ,:,' | sort -u)

MAJORS   ?= 14 15 16 17 18
MYSQLD   ?= $(shell command -v mysqld)
FUZZTIME ?= 10s
BENCH    ?= .
SOAK     ?= 200

.DEFAULT_GOAL := help
.PHONY: help build test demo lint vet format fuzz bench soak golden test-matrix test-mysql cover vuln real recipes deps deps-matrix clean FORCE

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

build: ## the static program, ./bellows
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bellows ./cmd/bellows

test: deps vet format $(HOLD) ## installs what is missing where it may, then every test against real servers
	$(TEST) $(if $(RUN),-run '$(RUN)') $(PKG)

demo: build $(HOLD) ## a change under 200 requests a second, on SQLite, and on PostgreSQL when it is installed; PAGE=docs/change.md puts the figures there
	$(GO) build -o .cache/posts ./examples/posts
	$(GO) run ./examples/posts/demo -bellows ./bellows -app .cache/posts $(if $(PAGE),-page $(PAGE))
	@if ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || command -v postgres >/dev/null; then \
		echo; echo "# The same on PostgreSQL."; \
		$(HOLD) -- $(GO) test -count=1 -v -run TestDemo/postgres ./examples/posts/demo -args -rate 200 -seed 2000 -calm 2s $(if $(PAGE),-page $(abspath $(PAGE))); fi

lint: vet format ## vet, gofmt, staticcheck and the law of the rooms
	$(GO) run $(STATICCHECK) $(PKG)
	$(GO) test -count=1 ./internal/arch

vet:
	$(GO) vet $(PKG)

format:
	@bad=$$(gofmt -l $$($(GO) list -e -f '{{.Dir}}' $(PKG)) | sort -u); if [ -n "$$bad" ]; then echo "not formatted; run gofmt -w on:"; echo "$$bad"; exit 1; fi

fuzz: $(HOLD) ## each fuzz target for FUZZTIME (10s)
	@set -e; for target in $(FUZZ); do \
		echo "$$target"; \
		$(HOLD) -- $(GO) test -run '^$$' -fuzz "^$${target##*:}$$" -fuzztime $(FUZZTIME) "$${target%:*}"; \
	done

bench: deps $(HOLD) ## benchmarks, against servers that flush to disk; BENCH=regexp chooses
	$(HOLD) -- $(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -timeout 60m $(PKG)

real: deps $(HOLD) ## other projects' migrations and schemas under DIR, compared with the databases' own clients
	BELLOWS_TEST_POSTGRES_MAJORS=15,18 $(HOLD) -- $(GO) test -tags realinput -count=1 -timeout 60m -v $(if $(RUN),-run '$(RUN)') ./realinput -args -folders $(abspath $(DIR))

recipes: deps $(HOLD) ## models of programs in other languages as the wanted schema; installs them with pip, npm and go
	$(HOLD) -- $(GO) test -tags recipes -count=1 -timeout 30m -v ./recipes

soak: deps $(HOLD) ## random kills, SOAK rounds (200) on each engine
	BELLOWS_SOAK=$(SOAK) $(HOLD) -- $(GO) test -count=1 -timeout 0 -v -run Soak $(PKG)

golden: deps $(HOLD) ## rewrites the golden files; look at the diff
	$(HOLD) -- $(GO) test -count=1 $(GOLDEN) -update

test-matrix: deps-matrix $(HOLD) ## the packages that use PostgreSQL, on each of its majors MAJORS
	@set -e; for major in $(MAJORS); do \
		echo "PostgreSQL $$major"; \
		BELLOWS_TEST_POSTGRES_MAJOR=$$major BELLOWS_TEST_POSTGRES_MAJORS=$$major $(TEST) $(if $(RUN),-run '$(RUN)') $(ENGINES); \
	done

test-mysql: deps $(HOLD) ## the tests of running, of backfills and of changes, on the MySQL server MYSQLD in the place of MariaDB
	BELLOWS_TEST_MYSQLD=$(MYSQLD) $(TEST) -run '$(or $(RUN),/(mariadb|mysql))' . ./internal/run ./internal/ledger ./internal/fill
	BELLOWS_TEST_MYSQLD=$(MYSQLD) $(TEST) -run '$(or $(RUN),TestSync)' ./db/mysql

cover: deps $(HOLD) ## the share of statements that the tests run, by function in cover.out
	$(TEST) -coverpkg=./... -coverprofile=cover.out $(PKG)
	$(GO) tool cover -func=cover.out | tail -1

vuln: ## known holes in what we depend on; asks the Go vulnerability database
	$(GO) run $(GOVULNCHECK) ./...

deps: ## installs what the tests need: PostgreSQL, MariaDB, sqlite3, Python, Node, and PostgreSQL's oldest and newest major
	@$(GO) run ./internal/testdb/deps $(firstword $(MAJORS)) $(lastword $(MAJORS))

deps-matrix: ## installs every PostgreSQL major of MAJORS
	@$(GO) run ./internal/testdb/deps $(MAJORS)

clean: ## removes what make made here
	rm -rf .cache dist bellows cover.out

$(HOLD): FORCE
	@$(GO) build -o $@ ./internal/testdb/hold

FORCE:
