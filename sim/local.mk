# A room of its own: it plays policy/ and has files, time and a program, which policy/ must not have.
noinst_LIBRARIES += libsim.a
libsim_a_CFLAGS = $(AM_CFLAGS) $(YAML_CFLAGS)
libsim_a_SOURCES = sim/scenario.c sim/scenario.h sim/sim.c sim/sim.h
SIM_LIBS = libsim.a $(POLICY_LIBS) $(YAML_LIBS)

bin_PROGRAMS += tandem-sim
tandem_sim_SOURCES = sim/main.c
tandem_sim_LDADD = $(SIM_LIBS)
EXTRA_DIST += etc/sim
