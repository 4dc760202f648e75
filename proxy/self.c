/* The node's questions to itself: see self.h. Each names listener and worker in its Call-ID, which is chosen so
 * that it belongs to that worker, and carries a branch that only who has the secret can make: nobody else is
 * answered by it. Every packet is sent by way of the device lo, so that an anycast address that is not on this
 * host gets none, rather than another node. (The sockets are not bound to lo: to the kernel what comes to an
 * address comes by the device that has it.) */
#include "proxy/self.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>
#include <openssl/rand.h>

#include "base/clock.h"

#define SELF_INTERVAL_US (500 * CLOCK_MS)
#define SELF_FRESH_US (1600 * CLOCK_MS)   /* three questions lost in a row */
enum { ANSWERS_A_TURN = 256, CALL_ID_LEN = 64 };

struct self_listener {
	const struct addr *address;
	char text[ADDR_STR_LEN];
	_Atomic int64_t since_us;         /* asked without a break since; 0: its address is not on this host */
	_Atomic int64_t *answered_us;     /* a worker each */
};

struct self {
	const struct proxy_common *common;
	struct loop *loop;
	struct signer *signer;
	struct event *timer, *readable[2];
	int fd[2];                        /* IPv4, IPv6; -1: no own address of that family */
	struct addr own[2];
	char from[2][ADDR_STR_LEN];           /* the same as text */
	unsigned n;
	struct self_listener listeners[PROXY_SOCKETS_MAX];
};

static void self_branch(struct signer *signer, const char *call_id, char out[BRANCH_LEN])
{
	branch_sign(signer, call_id, 1, "self", "", 0, 0, out);
}

bool self_asked(struct worker *w, const struct sip_msg *m, const struct addr *source)
{
	char branch[BRANCH_LEN];
	bool own = false;
	if (m->method != SIP_OPTIONS || strncmp(m->call_id, "self-", 5) != 0 || !m->via.branch)
		return false;
	for (unsigned i = 0; i < w->common->config.n_egress; i++)
		own |= addr_same_host(&w->common->config.egress[i], source);
	if (!own)
		return false;
	self_branch(w->signer, m->call_id, branch);
	return strcmp(branch, m->via.branch) == 0;
}

/* ---- asking ---- */

static bool choose_call_id(const struct self *s, unsigned listener, unsigned worker, char out[CALL_ID_LEN])
{
	uint64_t random;
	do {
		if (RAND_bytes((unsigned char *)&random, sizeof random) != 1)
			return false;
		snprintf(out, CALL_ID_LEN, "self-%u-%u-%016llx", listener, worker, (unsigned long long)random);
	} while (worker_owner(s->common, out, strlen(out)) != worker);
	return true;
}

/* By way of lo, whatever the routes say; IPv4 has to be told the source again then. 0 or a negative errno. */
static int send_over_lo(int fd, const struct addr *own, const char *text, size_t len, const struct addr *to)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control = {0};
	struct iovec iov = {(void *)(uintptr_t)text, len};
	struct msghdr msg = {.msg_name = (void *)(uintptr_t)&to->sa, .msg_namelen = addr_len(to), .msg_iov = &iov,
	                     .msg_iovlen = 1, .msg_control = control.buf};
	const struct in_pktinfo info = {.ipi_ifindex = (int)if_nametoindex("lo"), .ipi_spec_dst = own->in.sin_addr};
	const struct in6_pktinfo info6 = {.ipi6_ifindex = if_nametoindex("lo")};
	bool six = addr_family(to) == AF_INET6;
	size_t size = six ? sizeof info6 : sizeof info;
	msg.msg_controllen = CMSG_SPACE(size);
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = six ? IPPROTO_IPV6 : IPPROTO_IP;
	c->cmsg_type = six ? IPV6_PKTINFO : IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(c), six ? (const void *)&info6 : &info, size);
	return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int ask(struct self *s, unsigned listener, unsigned worker)
{
	const struct self_listener *l = &s->listeners[listener];
	unsigned f = family_index(l->address);
	char call_id[CALL_ID_LEN], branch[BRANCH_LEN], text[1024];
	if (!choose_call_id(s, listener, worker, call_id))
		return -EIO;
	self_branch(s->signer, call_id, branch);
	int n = snprintf(text, sizeof text,
	                 "OPTIONS sip:%s SIP/2.0\r\n"
	                 "Via: SIP/2.0/UDP %s;branch=%s;rport\r\n"
	                 "Max-Forwards: 0\r\n"
	                 "From: <sip:tandem@%s>;tag=self\r\n"
	                 "To: <sip:%s>\r\n"
	                 "Call-ID: %s\r\n"
	                 "CSeq: 1 OPTIONS\r\n"
	                 "Content-Length: 0\r\n\r\n",
	                 l->text, s->from[f], branch, s->from[f], l->text, call_id);
	return send_over_lo(s->fd[f], &s->own[f], text, (size_t)n, l->address);
}

static bool absent(int rc) { return rc == -ENETUNREACH || rc == -EHOSTUNREACH || rc == -EADDRNOTAVAIL; }

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct self *s = arg;
	(void)fd;
	(void)what;
	for (unsigned i = 0; i < s->n; i++) {
		struct self_listener *l = &s->listeners[i];
		bool here = s->fd[family_index(l->address)] >= 0;
		for (unsigned w = 0; here && w < s->common->n_workers; w++)
			here = !absent(ask(s, i, w));
		if (!here)
			atomic_store(&l->since_us, 0);
		else if (!atomic_load(&l->since_us))
			atomic_store(&l->since_us, clock_us());
	}
}

/* ---- answers ---- */

static void take_answer(struct self *s, const char *text, const struct addr *from)
{
	unsigned listener, worker;
	const char *id = strstr(text, "self-");
	if (strncmp(text, "SIP/2.0 ", 8) != 0 || !id || sscanf(id, "self-%u-%u-", &listener, &worker) != 2)
		return;
	if (listener < s->n && worker < s->common->n_workers && addr_equal(from, s->listeners[listener].address))
		atomic_store(&s->listeners[listener].answered_us[worker], clock_us());
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	char text[2048];
	(void)what;
	for (int i = 0; i < ANSWERS_A_TURN; i++) {
		struct addr from = {0};
		socklen_t len = sizeof from;
		ssize_t n = recvfrom(fd, text, sizeof text - 1, MSG_DONTWAIT, &from.sa, &len);
		if (n < 0)
			return;
		text[n] = 0;
		take_answer(arg, text, &from);
	}
}

static bool concerns(const struct self_listener *l, const struct prefix *of) { return !of || prefix_contains(of, l->address); }

static bool answers(const struct self *s, unsigned worker, const struct prefix *of, int64_t now)
{
	for (unsigned i = 0; i < s->n; i++) {
		const struct self_listener *l = &s->listeners[i];
		if (concerns(l, of) && atomic_load(&l->since_us) && now - atomic_load(&l->answered_us[worker]) > SELF_FRESH_US)
			return false;
	}
	return true;
}

unsigned self_answering(const struct self *s, const struct prefix *of, bool *known)
{
	int64_t now = clock_us(), first = 0;
	unsigned n = 0;
	for (unsigned i = 0; i < s->n; i++) {
		int64_t since = atomic_load(&s->listeners[i].since_us);
		if (since && concerns(&s->listeners[i], of) && (!first || since < first))
			first = since;
	}
	for (unsigned w = 0; w < s->common->n_workers; w++)
		n += answers(s, w, of, now);
	*known = first && (n > 0 || now - first > SELF_FRESH_US);
	return n;
}

/* ---- life ---- */

static int open_socket(struct self *s, const struct addr *own, struct err *err)
{
	unsigned f = family_index(own);
	struct addr bound = *own;
	socklen_t len = sizeof bound;
	char text[ADDR_STR_LEN];
	int fd = socket(addr_family(own), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(err, errno, "no socket for the node's own questions");
	s->fd[f] = fd;
	addr_set_port(&bound, 0);
	/* an egress address that is announced is put on the host later */
	setsockopt(fd, f ? IPPROTO_IPV6 : IPPROTO_IP, f ? IPV6_FREEBIND : IP_FREEBIND, &(int){1}, sizeof(int));
	if (bind(fd, &bound.sa, addr_len(&bound)) || getsockname(fd, &bound.sa, &len))
		return err_sys(err, errno, "cannot ask this node itself from %s", addr_host_str(own, text));
	s->own[f] = bound;
	addr_str(&bound, s->from[f]);
	s->readable[f] = event_new(loop_base(s->loop), fd, EV_READ | EV_PERSIST, on_readable, s);
	return s->readable[f] && event_add(s->readable[f], NULL) == 0 ? 0 : err_set(err, ENOMEM, "out of memory");
}

static int add_listeners(struct self *s, struct err *err)
{
	const struct proxy_config *c = &s->common->config;
	for (unsigned i = 0; i < c->n_listen; i++) {
		struct self_listener *l = &s->listeners[s->n];
		if (!c->listen[i].anycast)
			continue;
		l->address = &c->listen[i].address;
		addr_str(l->address, l->text);
		l->answered_us = calloc(c->workers, sizeof *l->answered_us);
		if (!l->answered_us)
			return err_set(err, ENOMEM, "out of memory");
		s->n++;
	}
	return 0;
}

static int build(struct self *s, struct err *err)
{
	const struct proxy_config *c = &s->common->config;
	int rc;
	s->loop = loop_new("self");
	s->signer = signer_new(c->secret, c->secret_len);
	s->timer = s->loop ? event_new(loop_base(s->loop), -1, EV_PERSIST, on_timer, s) : NULL;
	if (!s->timer || !s->signer)
		return err_set(err, ENOMEM, "out of memory");
	if ((rc = add_listeners(s, err)))
		return rc;
	for (unsigned i = 0; s->n && i < c->n_egress; i++)
		if ((rc = open_socket(s, &c->egress[i], err)))
			return rc;
	return 0;
}

struct self *self_new(const struct proxy_common *common, struct err *err)
{
	struct self *s = calloc(1, sizeof *s);
	if (!s) {
		err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	s->common = common;
	s->fd[0] = s->fd[1] = -1;
	if (build(s, err) == 0)
		return s;
	self_free(s);
	return NULL;
}

int self_start(struct self *s)
{
	struct timeval every = {0, SELF_INTERVAL_US};
	if (!s->n)
		return 0;
	event_add(s->timer, &every);
	event_active(s->timer, EV_TIMEOUT, 0);
	return loop_start(s->loop);
}

void self_stop(struct self *s)
{
	if (s->n)
		loop_stop(s->loop);
}

void self_free(struct self *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->n; i++)
		free(s->listeners[i].answered_us);
	for (unsigned f = 0; f < 2; f++) {
		if (s->readable[f])
			event_free(s->readable[f]);
		if (s->fd[f] >= 0)
			close(s->fd[f]);
	}
	if (s->timer)
		event_free(s->timer);
	signer_free(s->signer);
	if (s->loop)
		loop_free(s->loop);
	free(s);
}
