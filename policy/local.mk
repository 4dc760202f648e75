noinst_LIBRARIES += libpolicy.a
libpolicy_a_SOURCES = \
	policy/chance.h \
	policy/decide.c policy/policy.h \
	policy/match.c policy/match.h policy/match_form.h \
	policy/match_build.c policy/match_cover.c policy/match_time.c \
	policy/names.c policy/plan_json.c policy/plan_json.h \
	policy/otherwise.c policy/otherwise.h \
	policy/region.c policy/region.h \
	policy/route.c policy/route.h \
	policy/strategy.c policy/strategy.h \
	policy/table.c policy/table.h
