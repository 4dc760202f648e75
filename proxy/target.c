/* Targets: see target.h. */
#include "proxy/target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

_Static_assert(sizeof(struct addr) <= sizeof(uint64_t[4]), "an address fits its cell");

/* "host:port" and not "host", after the user part. */
static bool says_port(const char *uri)
{
	const char *at = strchr(uri, '@'), *host = at ? at + 1 : strchr(uri, ':');
	if (!host)
		return false;
	host += at ? 0 : 1;
	return host[strcspn(host, *host == '[' ? "]" : ":;?")] == ':' || (*host == '[' && strstr(host, "]:"));
}

int target_init(struct target *t, const struct proxy_target_config *config, unsigned slot)
{
	struct addr a;
	memset(t, 0, sizeof *t);
	snprintf(t->uri, sizeof t->uri, "%s", config->uri);
	snprintf(t->host, sizeof t->host, "%s", config->host);
	t->port = config->port;
	t->transport = config->transport;
	t->slot = (uint8_t)slot;
	t->weight = 1;
	t->port_said = says_port(config->uri);
	t->transport_said = strchr(config->uri, ';') && sip_transport_said(strchr(config->uri, ';') + 1);
	bool v6 = strchr(t->host, ':') != NULL;
	int n = snprintf(t->host_port, sizeof t->host_port, "%s%s%s", v6 ? "[" : "", t->host, v6 ? "]" : "");
	if (t->port != 5060)
		snprintf(t->host_port + n, sizeof t->host_port - (size_t)n, ":%u", t->port);
	t->literal = addr_parse(&a, config->host, config->port) == 0;
	if (t->literal)
		target_set_address(t, &a);
	return -pthread_mutex_init(&t->lock, NULL);
}

void target_destroy(struct target *t) { pthread_mutex_destroy(&t->lock); }

bool target_address(const struct target *t, struct addr *out)
{
	uint64_t copy[4];
	uint32_t before, after;
	do {
		before = atomic_load_explicit(&t->seq, memory_order_acquire);
		for (int i = 0; i < 4; i++)
			copy[i] = atomic_load_explicit(&t->words[i], memory_order_relaxed);
		atomic_thread_fence(memory_order_acquire);
		after = atomic_load_explicit(&t->seq, memory_order_relaxed);
	} while (before != after || before & 1);
	memcpy(out, copy, sizeof *out);
	return addr_family(out) != AF_UNSPEC;
}

void target_set_address(struct target *t, const struct addr *address)
{
	uint64_t copy[4] = {0};
	struct addr before;
	bool had = target_address(t, &before);
	memcpy(copy, address, sizeof *address);
	if (had && !addr_equal(&before, address)) {
		atomic_store_explicit(&t->healthy, false, memory_order_relaxed);
		atomic_store_explicit(&t->probed, false, memory_order_relaxed);
		atomic_store_explicit(&t->takes_tcp, false, memory_order_relaxed);
		atomic_store_explicit(&t->rtt_us, 0, memory_order_relaxed);
		atomic_store_explicit(&t->shun_until_us, 0, memory_order_relaxed);
	}
	uint32_t seq = atomic_load_explicit(&t->seq, memory_order_relaxed);
	atomic_store_explicit(&t->seq, seq + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	for (int i = 0; i < 4; i++)
		atomic_store_explicit(&t->words[i], copy[i], memory_order_relaxed);
	atomic_store_explicit(&t->seq, seq + 2, memory_order_release);
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
	target_address(t, &out->address);
	out->priority = atomic_load_explicit(&t->priority, memory_order_relaxed);
	out->weight = atomic_load_explicit(&t->weight, memory_order_relaxed);
	int64_t left = atomic_load_explicit(&t->expires_us, memory_order_relaxed) - clock_us();
	out->ttl_s = left > 0 ? (uint32_t)(left / CLOCK_SEC) : 0;
	out->healthy = atomic_load_explicit(&t->healthy, memory_order_relaxed);
	out->rtt_us = atomic_load_explicit(&t->rtt_us, memory_order_relaxed);
	out->since_wall_us = atomic_load_explicit(&t->since_wall_us, memory_order_relaxed);
	pthread_mutex_lock(&t->lock);
	snprintf(out->last_error, sizeof out->last_error, "%s", t->last_error);
	pthread_mutex_unlock(&t->lock);
}
