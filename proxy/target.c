/* Targets: see target.h. */
#include "proxy/target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"

/* What is read at one go. */
struct cell {
	struct addr address;
	uint32_t transport;
};

_Static_assert(sizeof(struct cell) <= sizeof(uint64_t[4]), "address and transport fit their cell");

const struct target_place TARGET_NOWHERE;

/* "host:port" and not "host", after the user part. */
static bool says_port(const char *uri)
{
	const char *at = strchr(uri, '@'), *host = at ? at + 1 : strchr(uri, ':');
	if (!host)
		return false;
	host += at ? 0 : 1;
	return host[strcspn(host, *host == '[' ? "]" : ":;?")] == ':' || (*host == '[' && strstr(host, "]:"));
}

static void set_host_port(struct target *t)
{
	bool v6 = strchr(t->host, ':') != NULL;
	int n = snprintf(t->host_port, sizeof t->host_port, "%s%s%s", v6 ? "[" : "", t->host, v6 ? "]" : "");
	if (t->port != (t->secure ? 5061 : 5060))
		snprintf(t->host_port + n, sizeof t->host_port - (size_t)n, ":%u", t->port);
}

int target_init(struct target *t, const struct proxy_target_config *config, unsigned slot)
{
	struct target_place here = {.transport = config->transport, .weight = 1};
	memset(t, 0, sizeof *t);
	snprintf(t->uri, sizeof t->uri, "%s", config->uri);
	snprintf(t->host, sizeof t->host, "%s", config->host);
	t->port = config->port;
	t->transport = config->transport;
	t->slot = (uint8_t)slot;
	t->weight = 1;
	t->port_said = says_port(config->uri);
	t->transport_said = strcasestr(config->uri, ";transport=") != NULL;
	t->secure = !strncasecmp(config->uri, "sips:", 5);
	set_host_port(t);
	t->literal = addr_parse(&here.address, config->host, config->port) == 0;
	if (t->literal)
		target_set_place(t, &here);
	return -pthread_mutex_init(&t->lock, NULL);
}

void target_destroy(struct target *t) { pthread_mutex_destroy(&t->lock); }

/* The words are read with acquire and written with release, in place of fences, which gcc's thread sanitizer does not know:
 * who has seen a new word sees the odd `seq` that was before it, too. */
static bool read_cell(const struct target *t, struct cell *out)
{
	uint64_t copy[4];
	uint32_t before, after;
	do {
		before = atomic_load_explicit(&t->seq, memory_order_acquire);
		for (int i = 0; i < 4; i++)
			copy[i] = atomic_load_explicit(&t->words[i], memory_order_acquire);
		after = atomic_load_explicit(&t->seq, memory_order_relaxed);
	} while (before != after || before & 1);
	memcpy(out, copy, sizeof *out);
	return addr_family(&out->address) != AF_UNSPEC;
}

static void write_cell(struct target *t, const struct cell *cell)
{
	uint64_t copy[4] = {0};
	memcpy(copy, cell, sizeof *cell);
	uint32_t seq = atomic_load_explicit(&t->seq, memory_order_relaxed);
	atomic_store_explicit(&t->seq, seq + 1, memory_order_relaxed);
	for (int i = 0; i < 4; i++)
		atomic_store_explicit(&t->words[i], copy[i], memory_order_release);
	atomic_store_explicit(&t->seq, seq + 2, memory_order_release);
}

bool target_address(const struct target *t, struct addr *out)
{
	struct cell c;
	bool there = read_cell(t, &c);
	*out = c.address;
	return there;
}

bool target_place(const struct target *t, struct target_place *out)
{
	struct cell c;
	bool there = read_cell(t, &c);
	*out = (struct target_place){
		.address = c.address, .transport = (enum sip_transport)c.transport,
		.priority = atomic_load_explicit(&t->priority, memory_order_relaxed),
		.weight = atomic_load_explicit(&t->weight, memory_order_relaxed),
		.rank = atomic_load_explicit(&t->rank, memory_order_relaxed),
		.srv_host = atomic_load_explicit(&t->srv_host, memory_order_relaxed),
	};
	return there;
}

bool target_place_same(const struct target_place *a, const struct target_place *b)
{
	return a->transport == b->transport && addr_equal(&a->address, &b->address);
}

/* Another host, or the same by another way: what is known is not of this one. */
static void forget_health(struct target *t)
{
	atomic_store_explicit(&t->healthy, false, memory_order_relaxed);
	atomic_store_explicit(&t->probed, false, memory_order_relaxed);
	atomic_store_explicit(&t->takes_tcp, false, memory_order_relaxed);
	atomic_store_explicit(&t->rtt_us, 0, memory_order_relaxed);
	atomic_store_explicit(&t->shun_until_us, 0, memory_order_relaxed);
	atomic_store_explicit(&t->doubt_until_us, 0, memory_order_relaxed);
}

void target_set_place(struct target *t, const struct target_place *p)
{
	struct target_place before;
	bool had = target_place(t, &before), same = had && target_place_same(&before, p);
	atomic_store_explicit(&t->priority, p->priority, memory_order_relaxed);
	atomic_store_explicit(&t->weight, p->weight, memory_order_relaxed);
	atomic_store_explicit(&t->rank, p->rank, memory_order_relaxed);
	atomic_store_explicit(&t->srv_host, p->srv_host, memory_order_relaxed);
	if (same)
		return;
	if (had)
		forget_health(t);
	write_cell(t, &(struct cell){.address = p->address, .transport = p->transport});
}

bool target_set_health(struct target *t, bool healthy, const char *error)
{
	bool first = !atomic_exchange_explicit(&t->probed, true, memory_order_relaxed);
	bool was = atomic_exchange_explicit(&t->healthy, healthy, memory_order_relaxed);
	pthread_mutex_lock(&t->lock);
	snprintf(t->last_error, sizeof t->last_error, "%s", healthy ? "" : error);
	pthread_mutex_unlock(&t->lock);
	if (first || was != healthy)
		atomic_store_explicit(&t->since_wall_us, clock_wall_us(), memory_order_relaxed);
	return first || was != healthy;
}

void target_status(struct target *t, struct proxy_target_status *out)
{
	memset(out, 0, sizeof *out);
	snprintf(out->uri, sizeof out->uri, "%s", t->uri);
	struct target_place p;
	target_place(t, &p);
	out->address = p.address;
	out->transport = sip_transport_word(p.transport);
	out->priority = p.priority;
	out->weight = p.weight;
	int64_t left = atomic_load_explicit(&t->expires_us, memory_order_relaxed) - clock_us();
	out->ttl_s = left > 0 ? (uint32_t)(left / CLOCK_SEC) : 0;
	out->healthy = atomic_load_explicit(&t->healthy, memory_order_relaxed);
	out->rtt_us = atomic_load_explicit(&t->rtt_us, memory_order_relaxed);
	out->since_wall_us = atomic_load_explicit(&t->since_wall_us, memory_order_relaxed);
	pthread_mutex_lock(&t->lock);
	snprintf(out->last_error, sizeof out->last_error, "%s", t->last_error);
	pthread_mutex_unlock(&t->lock);
}
