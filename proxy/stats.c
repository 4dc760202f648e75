/* The counters' names, from the one list. */
#include "proxy/stats.h"

const struct stats_name stats_names[STATS_N] = {
#define STATS_NAME(id, name, labels, help) {name, labels, help},
	STATS_LIST(STATS_NAME)
#undef STATS_NAME
};
