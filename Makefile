# The front door. Meson does the work; tools/setup installs what is missing.

release = build/release

.PHONY: all setup demo run web test bench reliability load format tidy clean help FORCE

all: build/tidemark ## build the program: build/tidemark

build/tidemark: FORCE
	@tools/setup --for-build
	@test -f $(release)/build.ninja || meson setup $(release)
	@ninja -C $(release) tidemark
	@cmp -s $(release)/tidemark $@ || install -m 755 $(release)/tidemark $@

demo: all ## everything live in a minute, nothing to configure: a service, a story, the address
	@tools/foreground build/tidemark demo $(DEMO)

run: all ## start the service with the Sunbird preset and a generator that feeds it
	@tools/foreground tools/run-demo

web: ## build the dashboard: web/dist, which is committed and embedded in the program
	@tools/setup --for-web
	@node web/build.mjs

test: ## build with gcc and clang, run every test and check; the last line is the count
	@tools/setup --for-test
	@tests/run

bench: all ## run the benchmarks
	@meson test -C $(release) --benchmark --verbose --num-processes 1

reliability: all ## kill brokers, DataNodes, workers and ourselves under load; docs/reliability.md
	@tools/setup --for-test
	@tools/setup --for-stack
	@.deps/venv/bin/python tests/stack/reliability.py

load: all ## load over HTTP and Kafka until it breaks; docs/load.md
	@tools/setup --for-test
	@tools/setup --for-stack
	@.deps/venv/bin/python tests/bench/load.py

format: ## rewrite the C sources in the house format
	@tools/setup --for-test
	@tools/tidy --fix --no-compile > /dev/null 2>&1 || true
	@find src tests -name '*.[ch]' -exec clang-format-16 -i {} +

tidy: ## run the house linter and clang-tidy
	@tools/setup --for-test
	@tools/tidy
	@tools/clang-tidy

clean: ## remove what was built (the libraries in .deps stay)
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z]*\):.* ## /\1\t/p' Makefile | expand -t 10
