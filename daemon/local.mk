# libconfig.a is apart from the program so that unit tests can link it.
noinst_LIBRARIES += libconfig.a
libconfig_a_CFLAGS = $(AM_CFLAGS) $(YAML_CFLAGS)
libconfig_a_SOURCES = \
	daemon/conf_check.c \
	daemon/conf_print.c \
	daemon/conf_report.c \
	daemon/conf_schema.c daemon/conf_schema.h \
	daemon/conf_tables.c daemon/conf_tables.h \
	daemon/conf_types.c \
	daemon/conf_values.c \
	daemon/conf_yaml.c \
	daemon/config.c daemon/config.h
CONFIG_LIBS = libconfig.a $(POLICY_LIBS) $(YAML_LIBS)
