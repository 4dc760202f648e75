noinst_LIBRARIES += libadmin.a
libadmin_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(MHD_CFLAGS) $(JANSSON_CFLAGS)
libadmin_a_SOURCES = \
	admin/admin.h admin/api.h \
	admin/api_anycast.c admin/api_explain.c admin/api_node.c admin/api_regions.c admin/api_trunks.c \
	admin/body.c \
	admin/http.c \
	admin/listen.c admin/listen.h \
	admin/metrics.c \
	admin/openapi.c \
	admin/routes.c
ADMIN_LIBS = libadmin.a libpolicy.a $(BASE_LIBS) $(MHD_LIBS) $(JANSSON_LIBS) -lm
