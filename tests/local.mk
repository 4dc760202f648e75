# Unit tests: one file a module; each room's tests link that room and the floors below only.
if HAVE_CUNIT
include tests/unit/base.mk
include tests/unit/policy.mk
include tests/unit/sim.mk
include tests/unit/anycast.mk
include tests/unit/cluster.mk
include tests/unit/proxy.mk
include tests/unit/admin.mk
include tests/unit/daemon.mk
endif
EXTRA_PROGRAMS += tests/bench/relay
tests_bench_relay_SOURCES = tests/bench/relay.c
CLEANFILES += tests/bench/relay
EXTRA_PROGRAMS += tests/bench/decide
tests_bench_decide_SOURCES = tests/bench/decide.c
tests_bench_decide_LDADD = $(POLICY_LIBS)
CLEANFILES += tests/bench/decide
EXTRA_PROGRAMS += tests/bench/lookup
tests_bench_lookup_SOURCES = tests/bench/lookup.c
tests_bench_lookup_LDADD = $(BASE_LIBS)
CLEANFILES += tests/bench/lookup
EXTRA_PROGRAMS += tests/bench/spread
tests_bench_spread_SOURCES = tests/bench/spread.c
tests_bench_spread_LDADD = $(PROXY_LIBS)
CLEANFILES += tests/bench/spread
EXTRA_PROGRAMS += tests/bench/board
tests_bench_board_SOURCES = tests/bench/board.c
tests_bench_board_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
tests_bench_board_LDADD = $(CLUSTER_LIBS)
CLEANFILES += tests/bench/board
EXTRA_DIST += tests/bench/fleet tests/bench/fleet_kill.py
# What runs the rest, and what it runs; the unit tests' sources come with their programs.
EXTRA_DIST += .ci/run etc/demo etc/install-packages etc/packages tests/run tests/lib.sh tests/flow tests/sipp tests/lab \
	tests/bench/calls tests/bench/stage.py tests/bench/tunnel.py tests/bench/cpu.py tests/bench/capacity.py tests/bench/workers.py tests/bench/still.py tests/bench/kamailio.cfg tests/bench/policy
# Tests with real routers: tests/peer/bird runs this program.
EXTRA_PROGRAMS += tests/peer/speaker
tests_peer_speaker_SOURCES = tests/peer/speaker.c
tests_peer_speaker_LDADD = $(ANYCAST_LIBS)
CLEANFILES += tests/peer/speaker
EXTRA_DIST += tests/peer/bird tests/peer/peer.sh tests/peer/frr tests/peer/gobgp tests/peer/openbgpd tests/peer/scripted
EXTRA_DIST += tests/peer/bfd tests/peer/ecmp tests/peer/middle.py
# Makes threads hang: tests/bench/failover runs it.
EXTRA_PROGRAMS += tests/lab/stick
tests_lab_stick_SOURCES = tests/lab/stick.c
CLEANFILES += tests/lab/stick
EXTRA_DIST += tests/bench/failover tests/bench/options.py tests/bench/watch.py
# Fuzzers: tests/fuzz/run configures a build of its own, with clang.
EXTRA_PROGRAMS += tests/fuzz/bgp_fuzz tests/fuzz/bfd_fuzz tests/fuzz/frame_fuzz tests/fuzz/peer_fuzz tests/fuzz/sip_fuzz
tests_fuzz_peer_fuzz_SOURCES = tests/fuzz/peer_fuzz.c
tests_fuzz_peer_fuzz_LDADD = $(CLUSTER_LIBS)
tests_fuzz_peer_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_frame_fuzz_SOURCES = tests/fuzz/frame_fuzz.c
tests_fuzz_frame_fuzz_LDADD = $(PROXY_LIBS)
tests_fuzz_frame_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_bgp_fuzz_SOURCES = tests/fuzz/bgp_fuzz.c
tests_fuzz_bgp_fuzz_LDADD = $(ANYCAST_LIBS)
tests_fuzz_bgp_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_bfd_fuzz_SOURCES = tests/fuzz/bfd_fuzz.c
tests_fuzz_bfd_fuzz_LDADD = $(ANYCAST_LIBS)
tests_fuzz_bfd_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_sip_fuzz_SOURCES = tests/fuzz/sip_fuzz.c
tests_fuzz_sip_fuzz_LDADD = $(PROXY_LIBS)
tests_fuzz_sip_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
# Their seeds once, in every `make check`.
check_PROGRAMS += tests/fuzz/bgp_replay tests/fuzz/bfd_replay tests/fuzz/frame_replay tests/fuzz/peer_replay tests/fuzz/sip_replay
tests_fuzz_peer_replay_SOURCES = tests/fuzz/peer_fuzz.c tests/fuzz/replay.c
tests_fuzz_peer_replay_LDADD = $(CLUSTER_LIBS)
tests_fuzz_frame_replay_SOURCES = tests/fuzz/frame_fuzz.c tests/fuzz/replay.c
tests_fuzz_frame_replay_LDADD = $(PROXY_LIBS)
tests_fuzz_bgp_replay_SOURCES = tests/fuzz/bgp_fuzz.c tests/fuzz/replay.c
tests_fuzz_bgp_replay_LDADD = $(ANYCAST_LIBS)
tests_fuzz_bfd_replay_SOURCES = tests/fuzz/bfd_fuzz.c tests/fuzz/replay.c
tests_fuzz_bfd_replay_LDADD = $(ANYCAST_LIBS)
tests_fuzz_sip_replay_SOURCES = tests/fuzz/sip_fuzz.c tests/fuzz/replay.c
tests_fuzz_sip_replay_LDADD = $(PROXY_LIBS)
CLEANFILES += tests/fuzz/bgp_fuzz tests/fuzz/bfd_fuzz tests/fuzz/frame_fuzz tests/fuzz/peer_fuzz tests/fuzz/sip_fuzz
EXTRA_DIST += tests/fuzz/run tests/fuzz/seeds.py tests/fuzz/seeds
