/* The socket between nodes: see peer.h. */
#include "cluster/peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"

#define OLD_US (5 * CLOCK_SEC)
enum { A_TURN = 64, REFUSALS_A_MINUTE = 5 };

struct sender {
	char node[RECORD_NAME_LEN];
	struct peer_window window;
};

struct peer {
	struct board *board;
	peer_fn *fn;
	void *arg;
	int fd;
	struct event *readable;
	uint64_t seq;
	struct sender senders[BOARD_NODES_MAX];
	unsigned n_senders;
	struct peer_counts counts;
	struct log_limit limit;
	uint8_t in[PEER_DATAGRAM_MAX], out[PEER_DATAGRAM_MAX];
};

/* ---- receiving ---- */

static struct peer_window *window_of(struct peer *p, const char *node)
{
	for (unsigned i = 0; i < p->n_senders; i++)
		if (!strcmp(p->senders[i].node, node))
			return &p->senders[i].window;
	if (p->n_senders == BOARD_NODES_MAX)
		p->n_senders = 0;  /* nodes come and go under many names: begin anew, OLD_US still bounds what is taken */
	struct sender *s = &p->senders[p->n_senders++];
	memset(s, 0, sizeof *s);
	memcpy(s->node, node, sizeof s->node);
	return &s->window;
}

static bool recent(const struct peer_msg *m, const struct board_node *n)
{
	int64_t age_us = clock_wall_us() - (m->wall_us - n->clock_off_us);
	return age_us < OLD_US && age_us > -OLD_US;
}

static const char *judge(struct peer *p, const struct peer_msg *m)
{
	struct board_node n;
	if (!board_find(p->board, m->from, &n) || !n.arrived_us)
		return "of a node that the blackboard does not know";
	if (m->epoch != n.record->epoch)
		return "of another life of its node";
	if (!recent(m, &n))
		return "old";
	if (!peer_window_take(window_of(p, m->from), m->epoch, m->seq))
		return "replayed";
	return NULL;
}

static void refuse(struct peer *p, const struct addr *from, const char *why)
{
	char text[ADDR_STR_LEN];
	uint64_t more;
	p->counts.refused++;
	if (log_allowed(&p->limit, REFUSALS_A_MINUTE, &more))
		log_warn("cluster: a datagram from %s is dropped: %s (%llu more were)", addr_str(from, text), why,
		         (unsigned long long)more);
}

static void take(struct peer *p, size_t len, const struct addr *from)
{
	struct peer_msg m;
	const char *why;
	if (!peer_msg_read(&board_config(p->board)->keys, p->in, len, &m, &why) || (why = judge(p, &m))) {
		refuse(p, from, why);
		return;
	}
	p->counts.taken++;
	p->fn(p->arg, &m);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct peer *p = arg;
	(void)what;
	for (int i = 0; i < A_TURN; i++) {
		struct addr from = {0};
		socklen_t size = sizeof from;
		ssize_t n = recvfrom(fd, p->in, sizeof p->in, MSG_DONTWAIT, &from.sa, &size);
		if (n < 0)
			return;
		take(p, (size_t)n, &from);
	}
}

/* ---- handing ---- */

static int hand(struct peer *p, const struct board_node *n, const struct addr *source, const struct addr *listener,
                const void *data, size_t len)
{
	struct addr to;
	if (addr_parse_port(&to, n->record->peer))
		return -ENOENT;
	struct peer_msg m = {.epoch = board_own(p->board)->epoch, .seq = ++p->seq, .wall_us = clock_wall_us(),
	                     .source = *source, .listener = *listener, .data = data, .len = len};
	memcpy(m.from, board_config(p->board)->node, sizeof m.from);
	struct writer w = writer_of(p->out, sizeof p->out);
	if (!peer_msg_write(&board_config(p->board)->keys, &m, &w))
		return -EMSGSIZE;
	if (sendto(p->fd, p->out, writer_len(&w), MSG_DONTWAIT | MSG_NOSIGNAL, &to.sa, addr_len(&to)) < 0)
		return -errno;
	p->counts.handed++;
	return 0;
}

int peer_hand(struct peer *p, const char *node, uint64_t epoch, const struct addr *source, const struct addr *listener,
              const void *data, size_t len)
{
	struct board_node n;
	if (!board_find(p->board, node, &n) || !n.fresh || n.record->epoch != epoch)
		return -ENOENT;
	return hand(p, &n, source, listener, data, len);
}

int peer_hand_to_other(struct peer *p, const struct addr *source, const struct addr *listener, const void *data, size_t len)
{
	struct board_node n;
	if (board_nodes(p->board) != 1)
		return -ENOENT;
	board_node(p->board, 0, &n);
	return n.arrived_us ? hand(p, &n, source, listener, data, len) : -ENOENT;
}

/* ---- life ---- */

static int open_socket(struct peer *p, struct event_base *base, const struct addr *at, struct err *err)
{
	char text[ADDR_STR_LEN];
	p->fd = socket(addr_family(at), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fd < 0 || bind(p->fd, &at->sa, addr_len(at)))
		return err_sys(err, errno, "cannot listen for other nodes on udp %s (cluster.port)", addr_str(at, text));
	p->readable = event_new(base, p->fd, EV_READ | EV_PERSIST, on_readable, p);
	return p->readable && !event_add(p->readable, NULL) ? 0 : err_set(err, ENOMEM, "out of memory");
}

struct peer *peer_new(struct event_base *base, struct board *board, const struct addr *at, peer_fn *fn, void *arg,
                      struct err *err)
{
	struct peer *p = calloc(1, sizeof *p);
	if (!p) {
		err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	p->board = board;
	p->fn = fn;
	p->arg = arg;
	p->fd = -1;
	if (!open_socket(p, base, at, err))
		return p;
	peer_free(p);
	return NULL;
}

void peer_free(struct peer *p)
{
	if (!p)
		return;
	if (p->readable)
		event_free(p->readable);
	if (p->fd >= 0)
		close(p->fd);
	free(p);
}

void peer_counts(const struct peer *p, struct peer_counts *out) { *out = p->counts; }
