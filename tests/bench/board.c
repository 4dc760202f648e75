/* What the blackboard costs: N nodes' boards in one process over one Redis server, each as large as a node with so many
 * regions makes it, for some seconds: board ADDRESS NODES REGIONS SECONDS. Prints "NAME VALUE" lines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "cluster/board.h"

static unsigned regions;

static void fill(void *arg, struct node_record *own)
{
	(void)arg;
	snprintf(own->version, sizeof own->version, "0.1.0");
	snprintf(own->revision, sizeof own->revision, "0123456789abcdef");
	own->n_regions = regions;
	for (unsigned i = 0; i < regions; i++) {
		struct node_region *r = &own->regions[i];
		snprintf(r->name, sizeof r->name, "us-region-%u", i);
		snprintf(r->state, sizeof r->state, "ready");
		r->calls = 1000 + (uint32_t)(clock_us() / 1000 % 1000), r->setups = 42, r->latency_us = 81234, r->healthy = true;
	}
	own->n_prefixes = 1;
	snprintf(own->prefixes[0].prefix, sizeof own->prefixes[0].prefix, "203.0.113.10/32");
	snprintf(own->prefixes[0].action, sizeof own->prefixes[0].action, "announce");
}

struct sum { uint64_t written, read, bytes_written, bytes_read, rounds, fresh; uint32_t record; };

static struct sum sum_of(struct board **boards, unsigned n)
{
	struct sum s = {.written = 0};
	for (unsigned i = 0; i < n; i++) {
		struct board_counts c;
		board_counts(boards[i], &c);
		s.written += c.written, s.read += c.read, s.bytes_written += c.bytes_written, s.bytes_read += c.bytes_read;
		s.rounds += c.rounds, s.fresh += board_fresh(boards[i]), s.record = c.record_bytes;
	}
	return s;
}

static void run(struct event_base *base, int seconds)
{
	struct timeval tv = {.tv_sec = seconds};
	event_base_loopexit(base, &tv);
	event_base_dispatch(base);
}

static double cpu_s(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static struct board *make(struct event_base *base, const char *server, unsigned i)
{
	static const uint8_t secret[] = "a secret of the whole fleet";
	struct board_config c = {.prefix = "bench", .n_servers = 1, .interval_ms = 250, .ttl_ms = 3000, .fresh_ms = 1500};
	struct err err;
	snprintf(c.node, sizeof c.node, "node-%u", i);
	cluster_keys_add(&c.keys, secret, sizeof secret);
	if (redis_server_parse(server, &c.servers[0], &err)) {
		fprintf(stderr, "board: %s\n", err.text);
		exit(2);
	}
	return board_new(base, &c, &(struct board_hooks){.fill = fill});
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "usage: board redis://ADDRESS:PORT NODES REGIONS SECONDS\n");
		return 2;
	}
	unsigned n = (unsigned)strtoul(argv[2], NULL, 10);
	int seconds = (int)strtol(argv[4], NULL, 10);
	struct event_base *base = event_base_new();
	struct board *boards[BOARD_NODES_MAX];
	regions = (unsigned)strtoul(argv[3], NULL, 10);
	if (!n || n > BOARD_NODES_MAX || regions > RECORD_REGIONS || seconds < 1 || !base)
		return 2;
	log_set_level(LL_ERROR);
	for (unsigned i = 0; i < n; i++)
		if (!(boards[i] = make(base, argv[1], i)))
			return 1;
	run(base, 3);  /* all know all */
	struct sum a = sum_of(boards, n);
	int64_t begin = clock_us();
	double cpu = cpu_s();
	run(base, seconds);
	struct sum b = sum_of(boards, n);
	double s = (double)(clock_us() - begin) / CLOCK_SEC, per_node = s * n;
	printf("nodes %u\nrecord_bytes %u\n", n, b.record);
	printf("fresh_share %.4f\n", n > 1 ? (double)b.fresh / ((double)n * (n - 1)) : 1);
	printf("rounds_per_s %.2f\n", (double)(b.rounds - a.rounds) / per_node);
	printf("written_bytes_per_s %.0f\nread_bytes_per_s %.0f\n", (double)(b.bytes_written - a.bytes_written) / per_node,
	       (double)(b.bytes_read - a.bytes_read) / per_node);
	printf("cpu_ms_per_s %.3f\n", (cpu_s() - cpu) * 1000 / per_node);
	for (unsigned i = 0; i < n; i++)
		board_free(boards[i]);
	event_base_free(base);
	return 0;
}
