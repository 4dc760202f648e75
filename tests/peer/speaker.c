/* The anycast room on its own, for tests with real routers: a program that announces what its command
 * line says, with facts and orders from standard input, one a line:
 *
 *   ready on|off          the facts about workers and regions
 *   drain on|out|off      on: worse, out: withdrawn
 *   order withdraw|announce|auto
 *   fault some|overload|none   a part of the workers does not answer, or the node is overloaded
 *   status                one line a peer and a prefix, then "."
 *   stop                  as a clean stop of tandemd, then exit
 *
 * Options are KEY=VALUE; those of a peer count for the `peer` before them:
 *   id=ADDRESS listen=ADDRESS prefix=PREFIX managed=PREFIX rise=N fall=N min_regions=N interval=MS
 *   peer=ADDRESS local=ADDRESS as=N local_as=N hold=MS retry=MS password=TEXT ttl=N gtsm=N passive=1
 *   med=N prepend=N community=N port=N large=N:N:N only=PREFIX next_hop=ADDRESS max_prefixes=N cloud_router=1
 *   degraded_community=N
 *   bfd=MS multiplier=N bfd_multihop=1 strict=1 hold_down=MS */
#include "anycast/anycast.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum { STOP_TIMEOUT_MS = 2000 };

static atomic_bool ready, draining, drained, some, overload;

static void facts(void *arg, const struct prefix *prefix, struct policy_route_facts *out)
{
	bool fit = atomic_load(&ready);

	out->workers = 2;
	out->workers_alive = !fit ? 0 : atomic_load(&some) ? 1 : 2;
	out->overloaded = atomic_load(&overload);
	out->regions = 2;
	out->regions_reachable = fit ? 2 : 0;
	out->draining = atomic_load(&draining);
	out->drained = atomic_load(&drained);
	out->stopping = false;
}

static struct anycast_peer_config *add_peer(struct anycast_config *c, const char *address)
{
	struct anycast_peer_config *p = &c->peers[c->n_peers++];

	*p = (struct anycast_peer_config){
		.as = 65000, .local_as = 65010, .hold_ms = 9000, .connect_retry_ms = 1000, .ttl = 1,
		.degrade = {.med = 1000, .prepend = 3}};
	snprintf(p->name, sizeof p->name, "peer-%u", c->n_peers);
	addr_parse(&p->address, address, 0);
	return p;
}

static bool set_bfd(struct anycast_bfd_config *b, const char *key, uint32_t n)
{
	if (strcmp(key, "bfd") == 0)
		*b = (struct anycast_bfd_config){.enabled = true, .interval_ms = n, .multiplier = 3, .hold_down_ms = 30000};
	else if (strcmp(key, "multiplier") == 0)
		b->multiplier = (uint8_t)n;
	else if (strcmp(key, "bfd_multihop") == 0)
		b->multihop = n;
	else if (strcmp(key, "strict") == 0)
		b->strict = n;
	else if (strcmp(key, "hold_down") == 0)
		b->hold_down_ms = n;
	else
		return false;
	return true;
}

static bool set_peer(struct anycast_peer_config *p, const char *key, const char *value)
{
	uint32_t n = (uint32_t)strtoul(value, NULL, 0);

	if (strcmp(key, "local") == 0)
		return addr_parse(&p->local_address, value, 0) == 0;
	if (strcmp(key, "password") == 0)
		snprintf(p->password, sizeof p->password, "%s", value);
	else if (strcmp(key, "as") == 0)
		p->as = n;
	else if (strcmp(key, "local_as") == 0)
		p->local_as = n;
	else if (strcmp(key, "hold") == 0)
		p->hold_ms = n;
	else if (strcmp(key, "retry") == 0)
		p->connect_retry_ms = n;
	else if (strcmp(key, "ttl") == 0)
		p->ttl = (uint8_t)n;
	else if (strcmp(key, "gtsm") == 0)
		p->ttl_security = (uint8_t)n;
	else if (strcmp(key, "passive") == 0)
		p->passive = n;
	else if (strcmp(key, "med") == 0)
		p->has_med = true, p->med = n;
	else if (strcmp(key, "prepend") == 0)
		p->prepend = (uint8_t)n;
	else if (strcmp(key, "community") == 0 && p->n_communities < ANYCAST_COMMUNITIES_MAX)
		p->communities[p->n_communities++] = n;
	else if (strcmp(key, "degraded_community") == 0)
		p->degrade.communities[p->degrade.n_communities++] = n;
	else if (strcmp(key, "large") == 0)
		return sscanf(value, "%u:%u:%u", &p->large_communities[0].v[0], &p->large_communities[0].v[1],
		              &p->large_communities[p->n_large_communities++].v[2]) == 3;
	else if (strcmp(key, "only") == 0)
		return prefix_parse(&p->prefixes[p->n_prefixes++], value) == 0;
	else if (strcmp(key, "next_hop") == 0 && p->n_next_hop < 2)
		return addr_parse(&p->next_hop[p->n_next_hop++], value, 0) == 0;
	else if (strcmp(key, "max_prefixes") == 0)
		p->max_prefixes = n;
	else if (strcmp(key, "cloud_router") == 0)
		p->profile = n ? ANYCAST_CLOUD_ROUTER : ANYCAST_GENERIC;
	else if (strcmp(key, "port") == 0)
		addr_set_port(&p->address, (uint16_t)n);
	else
		return set_bfd(&p->bfd, key, n);
	return true;
}

static bool set(struct anycast_config *c, const char *key, const char *value)
{
	uint32_t n = (uint32_t)strtoul(value, NULL, 0);
	struct addr a;

	if (strcmp(key, "prefix") == 0 || strcmp(key, "managed") == 0) {
		c->prefixes[c->n_prefixes].manage_address = *key == 'm';
		return prefix_parse(&c->prefixes[c->n_prefixes++].prefix, value) == 0;
	}
	if (strcmp(key, "id") == 0) {
		c->router_id = addr_parse(&a, value, 0) ? 0 : ntohl(a.in.sin_addr.s_addr);
		return c->router_id;
	}
	if (strcmp(key, "listen") == 0)
		return addr_parse(&c->listen, value, 0) == 0;
	if (strcmp(key, "rise") == 0)
		c->gate.rise = n;
	else if (strcmp(key, "fall") == 0)
		c->gate.fall = n;
	else if (strcmp(key, "min_regions") == 0)
		c->gate.min_regions = n;
	else if (strcmp(key, "interval") == 0)
		c->gate_interval_ms = n;
	else if (strcmp(key, "peer") == 0)
		return addr_family(&add_peer(c, value)->address);
	else
		return c->n_peers > 0 && set_peer(&c->peers[c->n_peers - 1], key, value);
	return true;
}

static void print_status(struct anycast *a)
{
	static struct anycast_status s;
	char text[ADDR_STR_LEN];

	anycast_status(a, &s);
	for (unsigned i = 0; i < s.n_peers; i++)
		printf("peer %s state %s hold %u keepalive %u announced %u received %u updates %llu error %s\n",
		       s.peers[i].name, s.peers[i].state, s.peers[i].hold_ms, s.peers[i].keepalive_ms,
		       s.peers[i].prefixes_announced, s.peers[i].prefixes_received,
		       (unsigned long long)s.peers[i].updates_out, s.peers[i].last_error);
	for (unsigned i = 0; i < s.n_peers; i++) {
		const struct anycast_bfd_status *b = &s.peers[i].bfd;

		if (b->state)
			printf("bfd %s state %s remote %s interval %u detection %u multiplier %u ups %u holds %d diag %s\n",
			       s.peers[i].name, b->state, b->remote_state ? b->remote_state : "-", b->tx_interval_us / 1000,
			       (unsigned)(b->detection_us / 1000), b->remote_multiplier, (unsigned)b->up_count, b->holds_bgp,
			       b->diagnostic);
	}
	for (unsigned i = 0; i < s.n_prefixes; i++)
		printf("prefix %s action %s address %d peers %u reason %s\n", prefix_str(&s.prefixes[i].prefix, text),
		       policy_route_action_str(s.prefixes[i].action), s.prefixes[i].address_present,
		       s.prefixes[i].peers_announced, s.prefixes[i].reason);
	puts(".");
}

/* False at "stop". */
static bool obey(struct anycast *a, const char *line)
{
	if (strcmp(line, "ready on") == 0 || strcmp(line, "ready off") == 0)
		atomic_store(&ready, line[7] == 'n');
	else if (strncmp(line, "drain ", 6) == 0)
		atomic_store(&draining, strcmp(line + 6, "off") != 0), atomic_store(&drained, strcmp(line + 6, "out") == 0);
	else if (strncmp(line, "fault ", 6) == 0)
		atomic_store(&some, line[6] == 's'), atomic_store(&overload, line[6] == 'o');
	else if (strcmp(line, "order announce") == 0)
		anycast_order(a, NULL, POLICY_ORDER_ANNOUNCE, "the test");
	else if (strcmp(line, "order withdraw") == 0)
		anycast_order(a, NULL, POLICY_ORDER_WITHDRAW, "the test");
	else if (strcmp(line, "order auto") == 0)
		anycast_order(a, NULL, POLICY_ORDER_AUTO, "the test");
	else if (strcmp(line, "status") == 0)
		print_status(a);
	else
		return strcmp(line, "stop") != 0;
	return true;
}

static bool parse(struct anycast_config *c, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		char *value = strchr(argv[i], '=');

		if (!value || c->n_prefixes == ANYCAST_PREFIXES_MAX || c->n_peers == ANYCAST_PEERS_MAX)
			return false;
		*value = 0;
		if (!set(c, argv[i], value + 1)) {
			fprintf(stderr, "speaker: %s: bad option or value\n", argv[i]);
			return false;
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	static struct anycast_config config = {.gate = {.rise = 1, .fall = 2, .min_regions = 1},
					       .gate_interval_ms = 100};
	struct anycast *a;
	struct err err;
	char line[128];

	setvbuf(stdout, NULL, _IOLBF, 0);
	log_set_level(LL_DEBUG);
	if (!parse(&config, argc, argv))
		return 1;
	a = anycast_new(&config, facts, NULL, &err);
	if (!a) {
		fprintf(stderr, "speaker: %s\n", err.text);
		return 2;
	}
	if (anycast_start(a))
		return 2;
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = 0;
		if (!obey(a, line))
			break;
	}
	anycast_stop(a, STOP_TIMEOUT_MS, "draining for maintenance");
	anycast_free(a);
	return 0;
}
