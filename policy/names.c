/* The words of policy.h and route.h, as the configuration, the call log and the API spell them. A
 * value outside its enumeration (a damaged record under replay) reads "unknown". Pure; any thread. */
#include <string.h>

#include "policy/policy.h"
#include "policy/route.h"

#define COUNT(names) (sizeof(names) / sizeof((names)[0]))

static const char *const admin_names[] = {
	[POLICY_READY] = "ready",
	[POLICY_DRAIN] = "drain",
	[POLICY_MAINT] = "maint",
};

static const char *const strategy_names[] = {
	[POLICY_ADAPTIVE] = "adaptive",
	[POLICY_WEIGHTED] = "weighted",
	[POLICY_PRIORITY] = "priority",
	[POLICY_LATENCY] = "latency",
	[POLICY_LOAD] = "load",
	[POLICY_STICKY] = "sticky",
};

static const char *const reason_names[] = {
	[POLICY_OK] = "ok",
	[POLICY_NO_SIPS] = "no_sips_target",
	[POLICY_NO_DRAIN] = "draining",
	[POLICY_NO_MAINT] = "maintenance",
	[POLICY_NO_UNHEALTHY] = "unhealthy",
	[POLICY_NO_EJECTED] = "ejected",
	[POLICY_NO_CALLS] = "max_calls",
	[POLICY_NO_CPS] = "max_cps",
	[POLICY_NO_WEIGHT] = "weight_zero",
};

static const char *const because_names[] = {
	[POLICY_BECAUSE_NONE] = "no region eligible",
	[POLICY_BECAUSE_ONLY] = "only eligible region",
	[POLICY_BECAUSE_LATENCY] = "lowest cost: latency, setups, load",
	[POLICY_BECAUSE_BAND] = "within tolerance, by free capacity",
	[POLICY_BECAUSE_COLD] = "only cold region",
	[POLICY_BECAUSE_LEAST_LOADED] = "all hot, lowest cost",
	[POLICY_BECAUSE_WEIGHT] = "by weight",
	[POLICY_BECAUSE_PRIORITY] = "first in order",
	[POLICY_BECAUSE_LOAD] = "least loaded",
	[POLICY_BECAUSE_STICKY] = "caller's usual region",
	[POLICY_BECAUSE_PANIC] = "panic: health ignored",
	[POLICY_BECAUSE_REFUSED] = "refused by rule",
};

static const char *const route_action_names[] = {
	[POLICY_ROUTE_WITHDRAW] = "withdraw",
	[POLICY_ROUTE_DRAIN] = "drain",
	[POLICY_ROUTE_DEGRADE] = "degrade",
	[POLICY_ROUTE_ANNOUNCE] = "announce",
};

static const char *const route_reason_names[] = {
	[POLICY_ROUTE_OK] = "ready",
	[POLICY_ROUTE_STARTING] = "starting: fewer good checks than gate.rise",
	[POLICY_ROUTE_NO_WORKER] = "no SIP worker answers its heartbeat",
	[POLICY_ROUTE_NO_REGION] = "fewer regions reachable than gate.min_regions",
	[POLICY_ROUTE_NO_ADDRESS] = "the anycast address is not on this host",
	[POLICY_ROUTE_OPERATOR] = "withdrawn by the operator",
	[POLICY_ROUTE_DRAINING] = "draining",
	[POLICY_ROUTE_STOPPING] = "stopping",
	[POLICY_ROUTE_NO_ANSWER] = "no SIP worker answers OPTIONS at the anycast address",
	[POLICY_ROUTE_SOME_WORKERS] = "some SIP workers do not answer",
	[POLICY_ROUTE_OVERLOAD] = "overloaded",
	[POLICY_ROUTE_LAST] = "fewer regions reachable than gate.min_regions, kept: no other node announces it",
	[POLICY_ROUTE_HELD] = "fit again, held back until gate.hold is over",
	[POLICY_ROUTE_FORCED] = "announced by the operator",
	[POLICY_ROUTE_EGRESS] = "answers of the regions come here",
	[POLICY_ROUTE_BACKUP] = "for answers to another node, should it be dead",
};

static const char *const route_order_names[] = {
	[POLICY_ORDER_AUTO] = "auto",
	[POLICY_ORDER_WITHDRAW] = "withdraw",
	[POLICY_ORDER_ANNOUNCE] = "announce",
};

static const char *name_of(const char *const *names, size_t n, unsigned value)
{
	return value < n ? names[value] : "unknown";
}

static int value_of(const char *const *names, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i], text) == 0)
			return (int)i;
	}
	return -1;
}

const char *policy_admin_str(enum policy_admin admin)
{
	return name_of(admin_names, COUNT(admin_names), admin);
}

bool policy_admin_parse(const char *text, enum policy_admin *out)
{
	int value = value_of(admin_names, COUNT(admin_names), text);

	if (value < 0)
		return false;
	*out = (enum policy_admin)value;
	return true;
}

const char *policy_strategy_str(enum policy_strategy strategy)
{
	return name_of(strategy_names, COUNT(strategy_names), strategy);
}

bool policy_strategy_parse(const char *text, enum policy_strategy *out)
{
	int value = value_of(strategy_names, COUNT(strategy_names), text);

	if (value < 0)
		return false;
	*out = (enum policy_strategy)value;
	return true;
}

const char *policy_reason_str(enum policy_reason reason)
{
	return name_of(reason_names, COUNT(reason_names), reason);
}

const char *policy_because_str(enum policy_because because)
{
	return name_of(because_names, COUNT(because_names), because);
}

const char *policy_route_action_str(enum policy_route_action action)
{
	return name_of(route_action_names, COUNT(route_action_names), action);
}

const char *policy_route_reason_str(enum policy_route_reason reason)
{
	return name_of(route_reason_names, COUNT(route_reason_names), reason);
}

const char *policy_route_order_str(enum policy_route_order order)
{
	return name_of(route_order_names, COUNT(route_order_names), order);
}
