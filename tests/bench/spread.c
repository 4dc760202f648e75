/* What it costs to get a datagram to the worker that owns its call, in microseconds of CPU: the socket of each worker read
 * in batches, and then
 *
 *   hand-over  the kernel chooses a socket by addresses and ports; who has read it gives what is not his to its owner
 *   chance     a classic BPF program chooses any of them; handed over all the same
 *   call-id    the program of proxy/sip/steer.c chooses; nothing is left to hand over
 *
 * with all datagrams from one address and port, and from 64. It is the floor: nothing is done with a datagram.
 *
 *     spread [ROUNDS]
 *
 * Prints a line for each, medians of interleaved rounds: sources, workers, way; us a datagram of the workers, and of the
 * whole process (on loopback the program runs in the sender's system call); what share was handed over, and what share of
 * the workers' time is the busiest one's. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/filter.h>

#include "base/addr.h"
#include "base/bell.h"
#include "base/ring.h"
#include "proxy/sip/message.h"
#include "proxy/sip/steer.h"

enum { WORKERS_MAX = 4, SOURCES_MAX = 64, MESSAGES = 4096, SIZE = 1500, BATCH = 32, INBOX = 4 << 20, PAUSE_MS = 1,
       A_PAUSE = 16, DATAGRAMS = 12000, PATIENCE_MS = 3000, ROUNDS_MAX = 99, BUFFER = 4 << 20 };
enum way { HAND_OVER, CHANCE, CALL_ID, WAYS };
static const char *const way_names[WAYS] = {"hand-over", "chance", "call-id"};

struct worker {
	unsigned index;
	int fd;
	struct bell bell;
	struct ring *inbox[WORKERS_MAX];     /* from each of the others */
	unsigned served, handed;
	double cpu_us;
	pthread_t thread;
};

struct result {
	double workers_us, all_us, handed, busiest;
};

static char messages[MESSAGES][SIZE];
static size_t lengths[MESSAGES];
static struct worker workers[WORKERS_MAX];
static unsigned n_workers;
static struct addr address;
static atomic_uint served;
static atomic_bool over;
static volatile char sink;

static void die(const char *what)
{
	fprintf(stderr, "spread: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double cpu_us(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* A carrier's INVITEs, as tests/sipp/scenario writes them: about 860 bytes, Call-ID after some 250. */
static void write_messages(void)
{
	for (unsigned i = 0; i < MESSAGES; i++)
		lengths[i] = (size_t)snprintf(messages[i], SIZE,
			"INVITE sip:+14155550123@203.0.113.10:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2:5070;branch=z9hG4bK-%u-1-0\r\n"
			"Max-Forwards: 70\r\nFrom: \"Carrier Caller\" <sip:+12125550199@192.0.2.2:5070>;tag=1SIPpTag00%u\r\n"
			"To: <sip:+14155550123@203.0.113.10:5060>\r\nCall-ID: %u-%u@192.0.2.2\r\nCSeq: 1 INVITE\r\n%0450u\r\n\r\n",
			i, i, i, i * 2654435761u, i);
}

static int choose_by_chance(int fd)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM)),
		BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, n_workers),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_fprog p = {sizeof f / sizeof f[0], f};
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &p, sizeof p);
}

static int choose_by_call_id(int fd)
{
	int program = steer_load(n_workers), rc = program < 0 ? program : steer_attach(program, fd);
	if (program >= 0)
		close(program);
	errno = -rc;
	return rc;
}

static void open_worker(unsigned i)
{
	struct worker *w = &workers[i];
	int one = 1, size = BUFFER;
	socklen_t len = sizeof address;
	*w = (struct worker){.index = i, .fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)};
	setsockopt(w->fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
	setsockopt(w->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
	if (w->fd < 0 || bind(w->fd, &address.sa, addr_len(&address)) || getsockname(w->fd, &address.sa, &len) ||
	    bell_init(&w->bell))
		die("no socket");
	for (unsigned from = 0; from < n_workers; from++)
		if (!(w->inbox[from] = ring_new(INBOX)))
			die("no ring");
}

static void close_worker(struct worker *w)
{
	for (unsigned from = 0; from < n_workers; from++)
		ring_free(w->inbox[from]);
	bell_free(&w->bell);
	close(w->fd);
}

static void serve(struct worker *w, const char *data, size_t len)
{
	sink = data[len - 1];
	w->served++;
	atomic_fetch_add_explicit(&served, 1, memory_order_relaxed);
}

static void take(struct worker *w, const char *data, size_t len)
{
	const char *id;
	size_t id_len;
	unsigned owner = sip_scan_call_id(data, len, &id, &id_len) ? steer_owner(id, id_len, n_workers) : w->index;
	if (owner == w->index) {
		serve(w, data, len);
		return;
	}
	char *room = ring_reserve(workers[owner].inbox[w->index], len);
	if (!room)
		return;
	memcpy(room, data, len);
	ring_commit(workers[owner].inbox[w->index], len);
	bell_ring(&workers[owner].bell);
	w->handed++;
}

static void read_socket(struct worker *w, struct mmsghdr *in)
{
	int n = recvmmsg(w->fd, in, BATCH, 0, NULL);
	for (int i = 0; i < n; i++)
		take(w, in[i].msg_hdr.msg_iov->iov_base, in[i].msg_len);
}

static void read_inboxes(struct worker *w)
{
	size_t len;
	bell_answer(&w->bell);
	for (unsigned from = 0; from < n_workers; from++)
		for (const char *data; (data = ring_peek(w->inbox[from], &len)); ring_release(w->inbox[from]))
			serve(w, data, len);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	char data[BATCH][SIZE];
	struct iovec iov[BATCH];
	struct mmsghdr in[BATCH] = {0};
	for (unsigned i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){data[i], SIZE};
		in[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
	}
	struct pollfd p[2] = {{.fd = w->fd, .events = POLLIN}, {.fd = w->bell.fd, .events = POLLIN}};
	while (!atomic_load_explicit(&over, memory_order_relaxed)) {
		poll(p, 2, PAUSE_MS * 20);
		if (p[0].revents)
			read_socket(w, in);
		if (p[1].revents)
			read_inboxes(w);
	}
	w->cpu_us = cpu_us(CLOCK_THREAD_CPUTIME_ID);
	return NULL;
}

/* A few at a time, as calls come: what comes alone costs most. */
static void send_all(unsigned n_sources)
{
	int from[SOURCES_MAX];
	struct timespec pause = {0, PAUSE_MS * 1000000};
	for (unsigned i = 0; i < n_sources; i++)
		if ((from[i] = socket(AF_INET, SOCK_DGRAM, 0)) < 0 || connect(from[i], &address.sa, addr_len(&address)))
			die("no socket");
	for (unsigned i = 0; i < DATAGRAMS; i++) {
		unsigned m = i % MESSAGES;
		if (send(from[i % n_sources], messages[m], lengths[m], 0) < 0)
			die("cannot send");
		if (i % A_PAUSE == 0)
			nanosleep(&pause, NULL);
	}
	for (unsigned i = 0; i < n_sources; i++)
		close(from[i]);
}

static struct result run(enum way way, unsigned n_sources)
{
	addr_parse(&address, "127.0.0.1", 0);
	atomic_store(&served, 0);
	atomic_store(&over, false);
	for (unsigned i = 0; i < n_workers; i++)
		open_worker(i);
	if ((way == CHANCE && choose_by_chance(workers[0].fd)) || (way == CALL_ID && choose_by_call_id(workers[0].fd)))
		die(way_names[way]);
	double before = cpu_us(CLOCK_PROCESS_CPUTIME_ID);
	for (unsigned i = 0; i < n_workers; i++)
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			die("no thread");
	send_all(n_sources);
	for (int ms = 0; atomic_load(&served) < DATAGRAMS && ms < PATIENCE_MS; ms++)
		usleep(1000);
	atomic_store(&over, true);
	struct result r = {0};
	for (unsigned i = 0; i < n_workers; i++) {
		pthread_join(workers[i].thread, NULL);
		r.workers_us += workers[i].cpu_us / DATAGRAMS;
		r.handed += (double)workers[i].handed / DATAGRAMS;
		r.busiest = workers[i].cpu_us > r.busiest ? workers[i].cpu_us : r.busiest;
	}
	r.busiest /= r.workers_us * DATAGRAMS;
	r.all_us = (cpu_us(CLOCK_PROCESS_CPUTIME_ID) - before) / DATAGRAMS;
	for (unsigned i = 0; i < n_workers; i++)
		close_worker(&workers[i]);
	if (atomic_load(&served) != DATAGRAMS)
		fprintf(stderr, "spread: %u of %d datagrams were served\n", atomic_load(&served), DATAGRAMS);
	return r;
}

static int order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

/* Of a field of each round's result. */
static double median(const struct result *r, int rounds, size_t field)
{
	double v[ROUNDS_MAX];
	for (int i = 0; i < rounds; i++)
		memcpy(&v[i], (const char *)&r[i] + field, sizeof v[i]);
	qsort(v, (size_t)rounds, sizeof v[0], order);
	return v[rounds / 2];
}

static void report(const struct result *r, int rounds)
{
	static const size_t fields[] = {offsetof(struct result, workers_us), offsetof(struct result, all_us),
	                                offsetof(struct result, handed), offsetof(struct result, busiest)};
	for (unsigned i = 0; i < sizeof fields / sizeof fields[0]; i++)
		printf(" %.2f", median(r, rounds, fields[i]));
	puts("");
}

int main(int argc, char **argv)
{
	static struct result results[WAYS][ROUNDS_MAX];
	int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 7;
	if (rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: spread [ROUNDS], 1 to %d\n", ROUNDS_MAX);
		return 1;
	}
	write_messages();
	for (unsigned sources = 1; sources <= SOURCES_MAX; sources *= SOURCES_MAX)
		for (n_workers = 2; n_workers <= WORKERS_MAX; n_workers *= 2) {
			for (int i = 0; i < rounds; i++)
				for (enum way way = 0; way < WAYS; way++)
					results[way][i] = run(way, sources);
			for (enum way way = 0; way < WAYS; way++) {
				printf("%u %u %s", sources, n_workers, way_names[way]);
				report(results[way], rounds);
			}
		}
	return 0;
}
