noinst_LIBRARIES += libadmin.a
libadmin_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(MHD_CFLAGS) $(JANSSON_CFLAGS)
libadmin_a_SOURCES = \
	admin/admin.h admin/api.h \
	admin/api_anycast.c admin/api_cluster.c admin/api_drain.c admin/api_explain.c admin/api_figures.c admin/api_node.c admin/api_regions.c \
	admin/api_reload.c \
	admin/api_trunks.c \
	admin/body.c \
	admin/http.c \
	admin/listen.c admin/listen.h \
	admin/metrics.c admin/metrics.h admin/metrics_anycast.c admin/metrics_cluster.c admin/metrics_text.c \
	admin/openapi.c \
	admin/routes.c
ADMIN_LIBS = libadmin.a libcluster.a libpolicy.a $(BASE_LIBS) $(MHD_LIBS) $(HIREDIS_LIBS) $(JANSSON_LIBS) $(OPENSSL_LIBS) -lm

bin_PROGRAMS += tandemctl
tandemctl_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JANSSON_CFLAGS) $(CURL_CFLAGS)
tandemctl_SOURCES = admin/tandemctl.c admin/ctl.h admin/ctl_http.c admin/ctl_replay.c admin/ctl_show.c admin/ctl_table.c
tandemctl_LDADD = $(CONFIG_LIBS) $(JANSSON_LIBS) $(CURL_LIBS)

# The file is named after the command it completes only where bash looks for it.
completionsdir = $(datadir)/bash-completion/completions
nodist_completions_DATA = etc/completions/tandemctl
etc/completions/tandemctl: etc/tandemctl.bash
	$(AM_V_GEN)$(MKDIR_P) etc/completions && cp $(srcdir)/etc/tandemctl.bash $@
EXTRA_DIST += etc/tandemctl.bash
CLEANFILES += etc/completions/tandemctl
