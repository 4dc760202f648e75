noinst_LIBRARIES += libpolicy.a
libpolicy_a_SOURCES = \
	policy/decide.c policy/policy.h \
	policy/names.c policy/plan_json.c policy/plan_json.h \
	policy/table.c policy/table.h \
	policy/route.c policy/route.h
