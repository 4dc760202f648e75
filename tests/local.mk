# Unit tests: one file a module; each room's tests link that room and the floors below only.
if HAVE_CUNIT
include tests/unit/base.mk
include tests/unit/policy.mk
include tests/unit/anycast.mk
include tests/unit/proxy.mk
include tests/unit/admin.mk
include tests/unit/daemon.mk
endif
EXTRA_PROGRAMS += tests/bench/relay
tests_bench_relay_SOURCES = tests/bench/relay.c
CLEANFILES += tests/bench/relay
# What runs the rest, and what it runs; the unit tests' sources come with their programs.
EXTRA_DIST += .ci/run etc/demo etc/install-packages etc/packages tests/run tests/lib.sh tests/flow tests/sipp tests/lab \
	tests/bench/calls tests/bench/kamailio.cfg
# Tests with real routers: tests/peer/bird runs this program.
EXTRA_PROGRAMS += tests/peer/speaker
tests_peer_speaker_SOURCES = tests/peer/speaker.c
tests_peer_speaker_LDADD = $(ANYCAST_LIBS)
CLEANFILES += tests/peer/speaker
EXTRA_DIST += tests/peer/bird
