/* BFD with all peers. See bfd.h; the anycast thread.
 *
 * What it means for BGP (RFC 5882): when a session that was up fails, BGP ends at once and stays down
 * until BFD is up again, or until hold_down has passed: a peer whose BFD was taken away for good would
 * otherwise never be told of the route again. A strict peer has BGP only while BFD is up. AdminDown is
 * somebody's decision and no failure of the path: BGP goes on without BFD, unless it is strict.
 *
 * A packet is somebody's only if it came from the address of that peer, to the port of its kind of
 * session, and, for a direct peer, with the TTL it was sent with: nobody farther away can have made it
 * (RFC 5881 section 5). */
#include "anycast/bfd.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "anycast/bfd_session.h"
#include "anycast/bfd_udp.h"
#include "base/clock.h"
#include "base/log.h"

enum { LISTENERS = 4, PACKETS_A_TURN = 64, DISCARDS_LOGGED_A_MINUTE = 6, DATAGRAM_MAX = 512 };

struct bfd_peer {
	struct bfd *bfd;
	unsigned index;
	const struct anycast_peer_config *config;
	struct bfd_session *session;    /* NULL: no BFD with it */
	uint32_t discr;
	int sender;                     /* -1: not open yet */
	bool send_failed;               /* and a line said so */
	bool holds;                     /* BGP is forbidden */
	struct timer hold;
	uint64_t discarded, down_count;
};

struct bfd_listener {
	struct bfd *bfd;
	int fd;
	bool multihop;
	struct event *event;
};

struct bfd {
	const struct anycast_config *config;
	struct bfd_env env;
	bool running;
	struct bfd_peer peers[ANYCAST_PEERS_MAX];
	struct bfd_listener listeners[LISTENERS];
	unsigned n_listeners;
	struct log_limit discards;
};

/* ---- what it means for BGP ---- */

static void allow(struct bfd_peer *p)
{
	if (!p->holds)
		return;
	p->holds = false;
	p->bfd->env.allow(p->bfd->env.arg, p->index);
}

static void on_hold_over(struct timer *t)
{
	struct bfd_peer *p = (struct bfd_peer *)((char *)t - offsetof(struct bfd_peer, hold));

	log_info("bfd %s: still down after hold_down: BGP may try without it", p->config->name);
	allow(p);
	p->bfd->env.changed(p->bfd->env.arg);
}

static void forbid(struct bfd_peer *p, const char *why)
{
	if (!p->holds)
		p->bfd->env.forbid(p->bfd->env.arg, p->index, why);
	p->holds = true;
	if (!p->config->bfd.strict)
		sched_start(p->bfd->env.sched, &p->hold, on_hold_over, p->config->bfd.hold_down_ms * CLOCK_MS);
}

static void on_changed(void *arg, enum bfd_state old, enum bfd_state now, bool neighbor_admin, const char *why)
{
	struct bfd_peer *p = arg;
	bool was_up = old == BFD_UP;

	if (!p->bfd->running)
		return;
	p->down_count += was_up;
	if (now == BFD_UP) {
		log_info("bfd %s: up", p->config->name);
		sched_stop(p->bfd->env.sched, &p->hold);
		allow(p);
	} else if (was_up && neighbor_admin && !p->config->bfd.strict) {
		log_warn("bfd %s: down: %s: BGP goes on without it", p->config->name, why);
	} else if (was_up) {
		log_warn("bfd %s: down: %s", p->config->name, why);
		forbid(p, why);
	}
	p->bfd->env.changed(p->bfd->env.arg);
}

/* ---- packets out ---- */

static void send_trouble(struct bfd_peer *p, const char *text)
{
	if (!p->send_failed)
		log_warn("bfd %s: %s", p->config->name, text);
	p->send_failed = true;
}

static void on_send(void *arg, const void *packet, size_t len)
{
	struct bfd_peer *p = arg;
	struct addr to = p->config->address;
	struct err err;

	if (p->sender < 0)  /* our address may be put there later than we start */
		p->sender = bfd_udp_sender(addr_family(&to), &p->config->local_address, &err);
	if (p->sender < 0) {
		send_trouble(p, err.text);
		return;
	}
	addr_set_port(&to, p->config->bfd.multihop ? BFD_PORT_MULTIHOP : BFD_PORT);
	if (sendto(p->sender, packet, len, 0, &to.sa, addr_len(&to)) >= 0) {
		p->send_failed = false;
		return;
	}
	err_sys(&err, errno, "cannot send");
	send_trouble(p, err.text);
}

/* ---- packets in ---- */

static struct bfd_peer *find(struct bfd *b, const struct addr *from, bool multihop)
{
	for (unsigned i = 0; i < b->config->n_peers; i++) {
		struct bfd_peer *p = &b->peers[i];

		if (p->session && p->config->bfd.multihop == multihop && addr_same_host(&p->config->address, from))
			return p;
	}
	return NULL;
}

static void discard(struct bfd *b, struct bfd_peer *p, const struct addr *from, const char *why)
{
	char text[ADDR_STR_LEN];
	uint64_t suppressed;

	if (p)
		p->discarded++;
	if (log_allowed(&b->discards, DISCARDS_LOGGED_A_MINUTE, &suppressed))
		log_warn("bfd: a packet from %s is dropped: %s (%llu more were)", addr_host_str(from, text), why,
		         (unsigned long long)suppressed);
}

/* RFC 5881 section 4, 5883 section 5: a session is between two addresses. An anycast address of ours is none of
 * them: what comes to it may be meant for another node. */
static bool to_us(const struct bfd_peer *p, const struct addr *to)
{
	const struct addr *local = &p->config->local_address;

	return addr_family(local) == 0 || addr_family(to) == 0 || addr_same_host(local, to);
}

void bfd_take(struct bfd *b, const void *data, size_t len, const struct addr *from, const struct addr *to, bool multihop,
              int ttl)
{
	struct bfd_peer *p = find(b, from, multihop);
	struct bfd_packet packet;
	const char *why;

	if (!p)
		discard(b, p, from, "no peer with BFD of this kind has that address");
	else if (!to_us(p, to))
		discard(b, p, from, "it was sent to another address of ours than `local_address` of this peer");
	else if (!multihop && ttl != BFD_TTL)
		discard(b, p, from, "its TTL is not 255: it comes from farther than the next hop (is `multihop` missing?)");
	else if (bfd_msg_read(data, len, &packet, &why))
		discard(b, p, from, why);
	else if (packet.your_discr != 0 && packet.your_discr != p->discr)
		discard(b, p, from, "it is of another session, maybe one before our start");
	else
		bfd_session_receive(p->session, &packet);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct bfd_listener *l = arg;
	uint8_t buf[DATAGRAM_MAX];
	struct addr from, to;
	int ttl;

	for (int i = 0; i < PACKETS_A_TURN; i++) {
		int n = bfd_udp_receive(fd, buf, sizeof buf, &from, &to, &ttl);

		if (n < 0)
			return;
		bfd_take(l->bfd, buf, (size_t)n, &from, &to, l->multihop, ttl);
	}
}

static void on_poll(void *arg)
{
	struct bfd *b = ((struct bfd_peer *)arg)->bfd;

	for (unsigned i = 0; i < b->n_listeners; i++)
		on_readable(b->listeners[i].fd, EV_READ, &b->listeners[i]);
}

/* ---- life ---- */

static int need_listener(struct bfd *b, const struct anycast_peer_config *peer, struct err *err)
{
	int family = addr_family(&peer->address), fd;
	struct bfd_listener *l;

	for (const struct anycast_peer_config *q = b->config->peers; q < peer; q++) {
		if (q->bfd.enabled && q->bfd.multihop == peer->bfd.multihop && addr_family(&q->address) == family)
			return 0;
	}
	fd = b->env.listen(family, peer->bfd.multihop ? BFD_PORT_MULTIHOP : BFD_PORT, err);
	if (fd < 0)
		return fd;
	l = &b->listeners[b->n_listeners++];
	*l = (struct bfd_listener){.bfd = b, .fd = fd, .multihop = peer->bfd.multihop};
	l->event = event_new(b->env.base, fd, EV_READ | EV_PERSIST, on_readable, l);
	return l->event ? 0 : err_set(err, ENOMEM, "out of memory");
}

/* Not 0, not taken, and not to be guessed: a packet that names it was told it by us. */
static uint32_t new_discr(const struct bfd *b)
{
	uint32_t discr = 0;
	bool taken = true;

	while (discr == 0 || taken) {
		if (getrandom(&discr, sizeof discr, 0) != sizeof discr)
			discr = (uint32_t)clock_ns();
		taken = false;
		for (unsigned i = 0; i < b->config->n_peers; i++)
			taken |= b->peers[i].discr == discr;
	}
	return discr;
}

static int add_peer(struct bfd *b, unsigned i, struct err *err)
{
	struct bfd_peer *p = &b->peers[i];
	struct bfd_session_env env = {.sched = b->env.sched, .send = on_send, .poll = on_poll, .changed = on_changed,
	                              .arg = p};

	*p = (struct bfd_peer){.bfd = b, .index = i, .config = &b->config->peers[i], .sender = -1};
	if (!p->config->bfd.enabled)
		return 0;
	p->holds = p->config->bfd.strict;
	p->discr = env.discr = new_discr(b);
	p->session = bfd_session_new(p->config->name, &p->config->bfd, &env);
	if (!p->session)
		return err_set(err, ENOMEM, "out of memory");
	return need_listener(b, p->config, err);
}

struct bfd *bfd_new(const struct anycast_config *config, const struct bfd_env *env, struct err *err)
{
	struct bfd *b = calloc(1, sizeof *b);
	int rc = b ? 0 : err_set(err, ENOMEM, "out of memory");

	if (rc)
		return NULL;
	b->config = config;
	b->env = *env;
	for (unsigned i = 0; !rc && i < config->n_peers; i++)
		rc = add_peer(b, i, err);
	if (!rc)
		return b;
	bfd_free(b);
	return NULL;
}

void bfd_free(struct bfd *b)
{
	if (!b)
		return;
	for (unsigned i = 0; i < b->config->n_peers; i++) {
		struct bfd_peer *p = &b->peers[i];

		if (!p->session)
			continue;
		sched_stop(b->env.sched, &p->hold);
		bfd_session_free(p->session);
		if (p->sender >= 0)
			close(p->sender);
	}
	for (unsigned i = 0; i < b->n_listeners; i++) {
		if (b->listeners[i].event)
			event_free(b->listeners[i].event);
		close(b->listeners[i].fd);
	}
	free(b);
}

void bfd_start(struct bfd *b)
{
	b->running = true;
	for (unsigned i = 0; i < b->n_listeners; i++)
		event_add(b->listeners[i].event, NULL);
	for (unsigned i = 0; i < b->config->n_peers; i++) {
		if (b->peers[i].session)
			bfd_session_start(b->peers[i].session);
	}
}

void bfd_stop(struct bfd *b)
{
	b->running = false;
	for (unsigned i = 0; i < b->n_listeners; i++)
		event_del(b->listeners[i].event);
	for (unsigned i = 0; i < b->config->n_peers; i++) {
		struct bfd_peer *p = &b->peers[i];

		if (!p->session)
			continue;
		sched_stop(b->env.sched, &p->hold);
		bfd_session_stop(p->session);
	}
}

void bfd_status(const struct bfd *b, struct anycast_status *out)
{
	for (unsigned i = 0; i < b->config->n_peers; i++) {
		const struct bfd_peer *p = &b->peers[i];

		out->peers[i].bfd = (struct anycast_bfd_status){0};
		if (!p->session)
			continue;
		bfd_session_status(p->session, &out->peers[i].bfd);
		out->peers[i].bfd.holds_bgp = p->holds;
		out->peers[i].bfd.packets_discarded = p->discarded;
		out->peers[i].bfd.down_count = p->down_count;
	}
}
