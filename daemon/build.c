/* From the configuration to what each room wants: see build.h. */
#include "daemon/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

_Static_assert(CONFIG_CPUS_MAX == PROXY_CPUS_MAX, "as many");

bool build_managed(const struct config *c, const struct addr *a)
{
	for (unsigned i = 0; i < c->anycast.n_prefixes; i++)
		if (c->anycast.prefixes[i].manage_address && prefix_contains(&c->anycast.prefixes[i].prefix, a))
			return true;
	return false;
}

/* One socket an address: what is listened on, and the node's own addresses, which need no entry. */
static int add_listen(struct proxy_config *p, const struct addr *a, bool anycast, bool may_be_absent, struct err *err)
{
	for (unsigned i = 0; i < p->n_listen; i++)
		if (addr_equal(&p->listen[i].address, a)) {
			p->listen[i].anycast |= anycast;
			return 0;
		}
	if (p->n_listen == PROXY_SOCKETS_MAX)
		return err_set(err, EINVAL, "more than %d addresses to listen on", PROXY_SOCKETS_MAX);
	p->listen[p->n_listen++] = (struct proxy_listen){.address = *a, .anycast = anycast, .may_be_absent = may_be_absent};
	return 0;
}

static int build_sockets(const struct config *c, struct proxy_config *p, struct err *err)
{
	int rc = 0;
	for (unsigned i = 0; !rc && i < c->n_listen; i++)
		if (c->listen[i].transport == CONFIG_UDP)
			rc = add_listen(p, &c->listen[i].address, c->listen[i].anycast, build_managed(c, &c->listen[i].address),
			                err);
	for (unsigned i = 0; !rc && i < c->node.n_egress; i++) {
		struct addr a = c->node.egress[i];
		addr_set_port(&a, c->node.port);
		p->egress[p->n_egress++] = a;
		rc = add_listen(p, &a, false, c->anycast.announce_egress, err);
	}
	for (unsigned i = 0; !rc && i < c->anycast.n_egress_backup; i++) {
		struct addr a = c->anycast.egress_backup[i];
		addr_set_port(&a, c->node.port);
		rc = add_listen(p, &a, false, true, err);
		p->listen[p->n_listen - 1].backup |= !rc;
	}
	for (unsigned i = 0; !rc && i < c->node.n_address; i++) {
		struct addr a = c->node.address[i];
		addr_set_port(&a, c->node.port);
		rc = add_listen(p, &a, false, false, err);
	}
	return rc;
}

int build_proxy_config(const struct config *c, struct loop *control, struct proxy_config *p, struct err *err)
{
	memset(p, 0, sizeof *p);
	snprintf(p->node_id, sizeof p->node_id, "%s", c->node.id);
	p->workers = c->node.workers;
	memcpy(p->cpus, c->node.cpus, sizeof p->cpus);
	p->n_cpus = c->node.n_cpus;
	p->poll = c->node.poll;
	p->gather_ms = c->node.gather_ms;
	p->connections = (struct proxy_connections){c->connections.most, c->connections.most_of_source, c->connections.idle_ms,
	                                            c->connections.whole_ms, c->connections.ping_ms};
	snprintf(p->calls_file, sizeof p->calls_file, "%s", c->log.calls_file);
	p->mask_numbers = c->log.mask_numbers;
	p->control = control;
	p->secret_len = c->secret_len;
	memcpy(p->secret, c->secret, c->secret_len);
	p->old_secret_len = c->old_secret_len;
	memcpy(p->old_secret, c->old_secret, c->old_secret_len);
	if (!p->secret_len) {
		p->secret_len = 32;
		if (RAND_bytes(p->secret, 32) != 1)
			return err_set(err, EIO, "no randomness for the token key");
	}
	int rc = build_sockets(c, p, err);
	return rc ? rc : build_streams(c, p, err);
}

static void copy_region(const struct config_region *from, struct proxy_region_config *to)
{
	to->n_targets = from->n_targets;
	to->large_by_tcp = from->large == CONFIG_TCP;
	for (unsigned i = 0; i < from->n_targets; i++) {
		snprintf(to->targets[i].uri, sizeof to->targets[i].uri, "%s", from->targets[i].uri);
		snprintf(to->targets[i].host, sizeof to->targets[i].host, "%s", from->targets[i].host);
		to->targets[i].port = from->targets[i].port;
		to->targets[i].transport = (enum sip_transport)from->targets[i].transport;
	}
}

static void copy_trunk(const struct config_trunk *from, struct proxy_trunk_config *to)
{
	snprintf(to->name, sizeof to->name, "%s", from->name);
	snprintf(to->default_country, sizeof to->default_country, "%s", from->default_country);
	to->sources = from->sources;
	to->n_sources = from->n_sources;
	to->max_calls = from->max_calls;
	to->max_cps = from->max_cps;
	to->options = from->options;
	to->options.untrusted = !from->trust;
}

/* What is routed by, as long as `use` runs. */
static int with_routing(const struct config *c, int (*use)(void *arg, const struct proxy_routing *routing, struct err *err),
                        void *arg, struct err *err)
{
	struct proxy_region_config *regions = calloc(c->n_regions ? c->n_regions : 1, sizeof *regions);
	struct proxy_trunk_config *trunks = calloc(c->n_trunks ? c->n_trunks : 1, sizeof *trunks);
	struct policy_table *policy = NULL;
	int rc = -EINVAL;
	if (!regions || !trunks)
		rc = err_set(err, ENOMEM, "out of memory");
	else
		policy = build_policy(c, err);
	if (policy) {
		for (unsigned i = 0; i < c->n_regions; i++)
			copy_region(&c->regions[i], &regions[i]);
		for (unsigned i = 0; i < c->n_trunks; i++)
			copy_trunk(&c->trunks[i], &trunks[i]);
		struct proxy_routing routing = {
			.policy = policy, .regions = regions, .trunks = trunks, .n_trunks = c->n_trunks,
			.transports = build_transports(c),
			.timing = {
				.max_call_ms = c->node.max_call_ms, .probe_interval_ms = c->probes.interval_ms,
				.probe_timeout_ms = c->probes.timeout_ms, .probe_rise = c->probes.rise, .probe_fall = c->probes.fall,
				.overload_target_ms = c->overload.target_ms,
			},
		};
		rc = use(arg, &routing, err);
	}
	free(trunks);
	free(regions);
	return rc;
}

struct making {
	const struct proxy_config *config;
	struct proxy *proxy;
};

static int make(void *arg, const struct proxy_routing *routing, struct err *err)
{
	struct making *m = arg;
	m->proxy = proxy_new(m->config, routing, err);
	return m->proxy ? 0 : -EIO;
}

struct proxy *build_proxy(const struct config *c, const struct proxy_config *pc, struct err *err)
{
	struct making m = {.config = pc};
	with_routing(c, make, &m, err);
	return m.proxy;
}

static int reload(void *arg, const struct proxy_routing *routing, struct err *err)
{
	return proxy_reload(arg, routing, err);
}

int build_reload(const struct config *c, struct proxy *proxy, struct err *err)
{
	return with_routing(c, reload, proxy, err);
}
