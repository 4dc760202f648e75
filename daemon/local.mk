# libconfig.a is apart from the program so that unit tests can link it.
noinst_LIBRARIES += libconfig.a
libconfig_a_CFLAGS = $(AM_CFLAGS) $(YAML_CFLAGS)
libconfig_a_SOURCES = \
	daemon/build_policy.c \
	daemon/conf_check.c \
	daemon/conf_cluster.c \
	daemon/conf_fixed.c \
	daemon/conf_over.c \
	daemon/conf_print.c \
	daemon/conf_report.c \
	daemon/conf_schema.c daemon/conf_schema.h \
	daemon/conf_tables.c daemon/conf_tables.h \
	daemon/conf_time.c \
	daemon/conf_types.c \
	daemon/conf_target.c \
	daemon/conf_values.c \
	daemon/conf_yaml.c \
	daemon/config.c daemon/config.h \
	daemon/zone.c daemon/zone.h
CONFIG_LIBS = libconfig.a libcluster.a $(POLICY_LIBS) $(YAML_LIBS)

sbin_PROGRAMS += tandemd
tandemd_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(OPENSSL_CFLAGS) $(JANSSON_CFLAGS) $(SYSTEMD_CFLAGS)
tandemd_SOURCES = \
	daemon/build.c daemon/build.h \
	daemon/build_streams.c \
	daemon/drain.c daemon/drain.h \
	daemon/fleet.c daemon/fleet.h \
	daemon/fleet_claims.c daemon/fleet_claims.h \
	daemon/fleet_doc.c daemon/fleet_doc.h \
	daemon/main.c \
	daemon/node.c daemon/node.h \
	daemon/reload.c daemon/reload.h
tandemd_LDADD = libconfig.a libadmin.a libproxy.a libanycast.a libcluster.a libpolicy.a libbase.a $(YAML_LIBS) $(MHD_LIBS) \
	$(JANSSON_LIBS) $(SOFIA_LIBS) $(OPENSSL_LIBS) $(CARES_LIBS) $(MNL_LIBS) $(SYSTEMD_LIBS) $(HIREDIS_LIBS) $(EVENT_SSL_LIBS) $(EVENT_LIBS) -lm
