# The interpreter for .venv; by default the first Python 3.11 or 3.12 that is found.
PYTHON ?=
export PYTHON

BIN := .venv/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo run stack test integration coverage check audit lint format generate
.PHONY: pictures bench day fuzz chaos chaos-cluster soak grafana-types matrix deb image sbom release-check lock clean
# All targets share .venv, so they run one after another, even with -j.
.NOTPARALLEL:

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 15

setup: ## Create or update .venv with the locked tools and libraries
	@scripts/setup.sh dev

demo: runtime ## Run the exporter on a simulated call centre (ARGS="--agents 50")
	@exec $(BIN)/python -m exporter demo $(ARGS)

run: runtime ## Run the exporter (ARGS="--bus-url amqp://user@host//")
	@exec $(BIN)/python -m exporter run $(ARGS)

stack: runtime ## Run the demo, Prometheus with the alerts, and Alertmanager (ARGS="--hurry")
	@exec $(BIN)/python -m scripts.stack $(ARGS)

test: setup ## Run all tests, with real servers (ARGS="-k agents")
	@scripts/test.sh $(ARGS)

integration: setup ## Run only the tests against a real RabbitMQ
	@scripts/test.sh tests/integration $(ARGS)

coverage: setup ## Run all tests and check the required coverage
	@scripts/test.sh --cov --cov-report=term $(ARGS)

check: lint audit test ## Run all checks for a change: lint, types, architecture, documents, tests

audit: setup ## Check the locked packages for known vulnerabilities, if the network allows it
	@scripts/audit.sh

lint: setup ## Run the checks that need no test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/codespell
	$(BIN)/python -m scripts.catalogue --check
	$(BIN)/python -m scripts.messages --check
	$(BIN)/python -m dashboards --check

format: setup ## Format the code and fix what can be fixed automatically
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

generate: setup ## Write the generated documents, catalogues of texts and dashboards
	$(BIN)/python -m scripts.catalogue --write
	$(BIN)/python -m scripts.messages --write
	$(BIN)/python -m dashboards --write

pictures: setup ## Draw the live page and the dashboards into docs/, from five minutes of the demo (needs chromium)
	@$(BIN)/python -m tests.dashboards.pictures $(ARGS)

bench: setup ## Measure speed and compare it with references (ARGS="--runs 9 --only cpu rate")
	@$(BIN)/python -m tests.bench $(ARGS)

day: setup ## Compare all windows and calls of a simulated day with oracles: 10 servers, 500 agents (ARGS="--hours 2")
	@$(BIN)/python -m tests.windows.day --full --out day $(ARGS)

fuzz: setup ## Send ten million hostile messages and a hundred thousand hostile answers of APIs (ARGS="--seed 2")
	@$(BIN)/python -m tests.fuzz $(ARGS)

chaos: setup ## Kill the exporter, cut it off, change its settings, count missed events (ARGS="--kills 500 --seed 2")
	@$(BIN)/python -m tests.chaos $(ARGS)

chaos-cluster: setup ## Kill a process of a cluster that reads 30 servers, every minute for 30 minutes (ARGS="--minutes 5")
	@$(BIN)/python -m tests.chaos.cluster $(ARGS)

soak: setup ## Everything at once for an hour: memory, drift, gaps (ARGS="--minutes 60 --rate max --out soak")
	@$(BIN)/python -m tests.chaos.soak $(ARGS)

grafana-types: setup ## Check the dashboards with the types of Grafana's own package (needs npm)
	@$(BIN)/python -m tests.grafana_types

matrix: setup ## Test with other versions of RabbitMQ, Prometheus, Python, and a real Asterisk (ARGS="--only rabbitmq-sid")
	@$(BIN)/python -m tests.matrix $(ARGS)

deb: setup ## Build the Debian package, dist/xivo-exporter_*.deb, on Debian 12
	@scripts/deb.sh $(ARGS)

image: ## Build the image with podman, buildah or docker (ARGS="--build-arg BASE=…")
	@scripts/image.sh $(ARGS)

sbom: setup ## Write the bill of materials, dist/sbom.json (CycloneDX)
	@scripts/sbom.sh

release-check: setup ## Build all files of a release from HEAD into dist/, and try each of them
	@$(BIN)/python -m tests.release $(ARGS)

lock: setup ## Write the lock files from pyproject.toml (ARGS="--upgrade")
	@scripts/lock.sh $(ARGS)

clean: ## Remove .venv, caches and build output
	rm -rf .venv .*_cache .hypothesis .coverage .coverage.* htmlcov build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: runtime
runtime:
	@scripts/setup.sh run
