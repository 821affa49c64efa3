# Thin over Meson. `make` builds the release into build/, with the command at build/sallyport.
#
#   make              release build            make test      all tests, with sanitizers, on a clean machine
#   make install      PREFIX, DESTDIR          make demo      a workflow from start to end
#   make deb          a Debian package         make test-deb  it, installed and used in a Debian 12 of its own
#   make fuzz T=wire  one fuzzer               make bench     load, against a baseline
#   make fuzz-all     each until it has had its hour
#   make test-debian13    unit, conformance and system tests with Debian 13's libraries, in a folder
#   make openapi      the API's description, build/openapi.json
#   make soak         hours of random deaths   DURATION=seconds, ROUNDS=number, SEED=number
#   make lint         static analysis          make coverage  which branches the tests take
#   make format       clang-format             make clean

PREFIX ?= /usr/local
DESTDIR ?=
T ?= wire
SECONDS_FUZZ ?= 60
CLANG ?= $(firstword $(shell command -v clang clang-19 clang-16 clang-14))

RELEASE = build/release
FUZZ = build/fuzz
EXECUTABLES = find $(RELEASE)/src -mindepth 2 -maxdepth 2 -type f -name 'sallyport*' -perm -u+x

.PHONY: all deps compiled release openapi test soak lint coverage demo install deb test-deb test-debian13 bench fuzz fuzz-all format clean

all: release

deps:
	@dist/install-packages

$(RELEASE)/build.ninja:
	meson setup $(RELEASE) --buildtype=release -Db_lto=false --prefix=$(PREFIX) --libexecdir=libexec $(SETUP)

compiled: $(RELEASE)/build.ninja
	ninja -C $(RELEASE)

# Side by side in one folder: sallyportd and the command look for the roles beside themselves.
release: compiled
	@$(EXECUTABLES) -exec install -m 0755 {} build/ ';'

openapi: $(RELEASE)/build.ninja
	ninja -C $(RELEASE) src/engine/openapi.json
	@install -m 0644 $(RELEASE)/src/engine/openapi.json build/openapi.json

test: deps
	@tests/run

lint: deps
	@dist/install-packages apt-packages-lint
	@tests/lint/run

coverage: deps
	@dist/install-packages apt-packages-coverage
	@tests/coverage/run

soak: deps release
	@tests/soak/run

# The build is quiet, so that what the demo tells stays in sight.
demo: deps
	@mkdir -p build
	@echo "Building into build/; its output goes to build/demo.log."
	@$(MAKE) -s release >build/demo.log 2>&1 || { tail -n 30 build/demo.log; exit 1; }
	@dist/demo/run

SHARE = $(DESTDIR)$(PREFIX)/share
MAN_PAGES = sallyport.1 sallyport.yaml.5 sallyport-workflow.7 sallyportd.8
# zsh looks for a package's functions in another place than for those of the administrator.
ZSH_FOLDER = $(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)
COMPLETIONS = bash:bash-completion/completions/sallyport zsh:zsh/$(ZSH_FOLDER)/_sallyport \
  fish:fish/vendor_completions.d/sallyport.fish

install: compiled
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec/sallyport $(DESTDIR)$(PREFIX)/lib/systemd/system $(SHARE)/doc/sallyport
	for f in $$($(EXECUTABLES)); do \
	  case $$f in \
	    */sallyport) install -m 0755 $$f $(DESTDIR)$(PREFIX)/bin/;; \
	    *) install -m 0755 $$f $(DESTDIR)$(PREFIX)/libexec/sallyport/;; \
	  esac; done
	install -m 0644 dist/sallyport.yaml $(RELEASE)/src/engine/openapi.json $(SHARE)/doc/sallyport/
	for p in $(MAN_PAGES); do install -D -m 0644 $(RELEASE)/src/man/$$p $(SHARE)/man/man$${p##*.}/$$p; done
	for c in $(COMPLETIONS); do install -d $(SHARE)/$$(dirname $${c#*:}) && \
	  $(RELEASE)/src/cli/sallyport completion $${c%%:*} >$(SHARE)/$${c#*:} && chmod 0644 $(SHARE)/$${c#*:}; done
	sed 's|@PREFIX@|$(PREFIX)|g' dist/sallyport.service > $(DESTDIR)$(PREFIX)/lib/systemd/system/sallyport.service
	chmod 0644 $(DESTDIR)$(PREFIX)/lib/systemd/system/sallyport.service

deb: deps
	@dist/install-packages apt-packages-deb
	@dist/package

# As root: boots systemd in a namespace of its own. The Debian for it is made once, in build/.
test-deb: deb
	@dist/install-packages apt-packages-test-deb
	@tests/deb/run

# As root: in a Debian 13 in a folder, made once.
test-debian13:
	@dist/install-packages apt-packages-test-deb
	@tests/debian13/run

bench: release
	@bench/run

$(FUZZ)/build.ninja:
	CC=$(CLANG) meson setup $(FUZZ) -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false -Doptimization=1

fuzz: $(FUZZ)/build.ninja
	ninja -C $(FUZZ) fuzz/$(T)
	@mkdir -p build/corpus/$(T)
	$(FUZZ)/fuzz/$(T) -max_total_time=$(SECONDS_FUZZ) -max_len=65536 -artifact_prefix=build/corpus/ -timeout=20 $(addprefix -dict=,$(wildcard fuzz/dict/$(T).dict)) build/corpus/$(T) $(wildcard fuzz/corpus/$(T))

fuzz-all: SECONDS_FUZZ = 3600
fuzz-all: $(FUZZ)/build.ninja
	@fuzz/run --seconds $(SECONDS_FUZZ)

# The lines that differ from main. Over the whole tree it would take tables apart that are easier to read as they stand.
format:
	git clang-format --force --extensions c,h main

clean:
	rm -rf build
