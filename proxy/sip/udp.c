/* UDP in batches: see udp.h. */
#include "proxy/sip/udp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include <event2/event.h>

#include "base/clock.h"
#include "proxy/sip/steer.h"

#define IN_BATCH 32
#define OUT_BATCH 64
#define OUT_BYTES (256 * 1024)
#define ERRORS_BATCH 32              /* ICMP errors read in a turn: the rest waits for the next */
#define SEND_TRIES 3
#define KERNEL_BUFFER (4 * 1024 * 1024)

struct udp_socket {
	struct udp *udp;
	struct event *event;
	int fd;
	unsigned index;
	uint32_t lost;               /* the kernel's count of what it dropped here */
	bool errors;                 /* a send has been told that there are some to be read */
};

/* What the kernel says of a datagram: when it came, and how many it has dropped. */
#define CONTROL_BYTES (CMSG_SPACE(sizeof(struct timespec)) + CMSG_SPACE(sizeof(uint32_t)))
union control {
	struct cmsghdr align;
	char bytes[CONTROL_BYTES];
};

struct out {
	struct sip_path path;
	size_t at, len;
};

struct udp {
	struct udp_socket sockets[PROXY_SOCKETS_MAX];
	unsigned n_sockets;
	struct stats *stats;
	udp_receive_fn *receive;
	udp_failed_fn *failed;
	udp_turn_fn *turn;
	void *arg;

	struct mmsghdr in[IN_BATCH];
	struct iovec in_iov[IN_BATCH];
	struct addr in_addr[IN_BATCH];
	union control in_control[IN_BATCH];
	int64_t wait_us;
	unsigned last_socket;
	bool last_full;
	char *in_data;               /* IN_BATCH buffers of SIP_MESSAGE_MAX + 1 */

	struct out out[OUT_BATCH];
	unsigned n_out;
	size_t out_used;
	char *out_data;
};

static int bind_one(const struct proxy_listen *l, bool shared, struct err *err)
{
	int one = 1, size = KERNEL_BUFFER;
	char text[ADDR_STR_LEN];
	bool v6 = addr_family(&l->address) == AF_INET6;
	int fd = socket(addr_family(&l->address), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(err, errno, "udp %s: no socket", addr_str(&l->address, text));
	if (v6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	if (l->may_be_absent)
		setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_FREEBIND : IP_FREEBIND, &one, sizeof one);
	if (shared)
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
	/* past net.core.rmem_max where that is permitted: a queue too short for a burst drops answers before it makes
	 * anything wait, and overload is not seen */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
	setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof one);
	setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVERR : IP_RECVERR, &one, sizeof one);
	if (bind(fd, &l->address.sa, addr_len(&l->address)) < 0) {
		int e = errno;
		close(fd);
		return err_sys(err, e, "cannot listen on udp %s", addr_str(&l->address, text));
	}
	return fd;
}

int udp_probe(const struct proxy_listen *listen, struct err *err)
{
	int fd = bind_one(listen, false, err);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static void prepare_in(struct udp *u)
{
	for (unsigned i = 0; i < IN_BATCH; i++) {
		u->in_iov[i] = (struct iovec){u->in_data + i * (SIP_MESSAGE_MAX + 1), SIP_MESSAGE_MAX};
		u->in[i].msg_hdr = (struct msghdr){
			.msg_name = &u->in_addr[i], .msg_namelen = sizeof u->in_addr[i],
			.msg_iov = &u->in_iov[i], .msg_iovlen = 1,
			.msg_control = &u->in_control[i], .msg_controllen = sizeof u->in_control[i],
		};
	}
}

struct udp *udp_new(const struct proxy_listen *listen, unsigned n, struct stats *stats, struct err *err)
{
	struct udp *u = calloc(1, sizeof *u);
	if (!u) {
		err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	u->stats = stats;
	u->in_data = malloc((size_t)IN_BATCH * (SIP_MESSAGE_MAX + 1));
	u->out_data = malloc(OUT_BYTES);
	if (!u->in_data || !u->out_data) {
		err_set(err, ENOMEM, "out of memory");
		udp_free(u);
		return NULL;
	}
	prepare_in(u);
	for (unsigned i = 0; i < n; i++) {
		int fd = bind_one(&listen[i], true, err);
		if (fd < 0) {
			udp_free(u);
			return NULL;
		}
		u->sockets[i] = (struct udp_socket){.udp = u, .fd = fd, .index = i};
		u->n_sockets = i + 1;
	}
	return u;
}

/* Its lines in `h`: the kernel's time stamp, and its count of drops on this socket so far (the socket's first
 * datagram after a drop brings it; none yet: none is sent). */
static void read_control(struct udp_socket *s, struct msghdr *h, struct timespec *stamp)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		uint32_t lost;
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SO_TIMESTAMPNS) {
			memcpy(stamp, CMSG_DATA(c), sizeof *stamp);
		} else if (c->cmsg_type == SO_RXQ_OVFL) {
			memcpy(&lost, CMSG_DATA(c), sizeof lost);
			stats_add(s->udp->stats, STAT_DROP_KERNEL, lost - s->lost);  /* it wraps */
			s->lost = lost;
		}
	}
}

/* The newest of a batch, its last, has waited least. */
static void measure(struct udp_socket *s, int n)
{
	struct timespec stamp = {0}, now;
	for (int i = 0; i < n; i++)
		read_control(s, &s->udp->in[i].msg_hdr, &stamp);
	s->udp->wait_us = -1;
	s->udp->last_socket = s->index;
	if (!stamp.tv_sec)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	int64_t wait = (now.tv_sec - stamp.tv_sec) * CLOCK_SEC + (now.tv_nsec - stamp.tv_nsec) / 1000;
	s->udp->wait_us = wait > 0 ? wait : 0;  /* the wall clock may have been set back */
}

int64_t udp_wait_us(const struct udp *u) { return u->wait_us; }
unsigned udp_last_socket(const struct udp *u) { return u->last_socket; }
bool udp_more(const struct udp *u) { return u->last_full; }

/* RFC 3261 section 18.4: destination unreachable and parameter problem are a failure; what asks for smaller packets, or
 * says that one was too long on its way, is none. */
static bool is_failure(const struct sock_extended_err *e)
{
	if (e->ee_origin == SO_EE_ORIGIN_ICMP)
		return (e->ee_type == ICMP_DEST_UNREACH && e->ee_code != ICMP_FRAG_NEEDED) || e->ee_type == ICMP_PARAMETERPROB;
	return e->ee_origin == SO_EE_ORIGIN_ICMP6 && (e->ee_type == ICMP6_DST_UNREACH || e->ee_type == ICMP6_PARAM_PROB);
}

static bool failed_for_good(struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		struct sock_extended_err e;
		if (!(c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) &&
		    !(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
			continue;
		memcpy(&e, CMSG_DATA(c), sizeof e);
		return is_failure(&e);
	}
	return false;
}

/* What the kernel has queued of ICMP errors: each quotes what was sent. */
static void read_errors(struct udp_socket *s)
{
	char quote[1024], control[256];
	s->errors = false;
	for (int i = 0; i < ERRORS_BATCH; i++) {
		struct iovec iov = {quote, sizeof quote};
		struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
		ssize_t n = recvmsg(s->fd, &h, MSG_ERRQUEUE | MSG_DONTWAIT);
		if (n < 0)
			return;
		if (failed_for_good(&h))
			s->udp->failed(s->udp->arg, quote, (size_t)n);
	}
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct udp_socket *s = arg;
	struct udp *u = s->udp;
	(void)what;
	int n = recvmmsg(fd, u->in, IN_BATCH, 0, NULL);
	measure(s, n);
	u->last_full = n == IN_BATCH;
	if (n < 0 || s->errors)
		read_errors(s);
	for (int i = 0; i < n; i++) {
		u->receive(u->arg, s->index, &u->in_addr[i], u->in_iov[i].iov_base, u->in[i].msg_len);
		u->in[i].msg_hdr.msg_namelen = sizeof u->in_addr[i];
		u->in[i].msg_hdr.msg_controllen = sizeof u->in_control[i];
	}
	if (n > 0)
		stats_add(u->stats, STAT_RX_DATAGRAMS, (uint64_t)n);
	u->turn(u->arg);
}

int udp_start(struct udp *u, struct event_base *base, udp_receive_fn *receive, udp_failed_fn *failed, udp_turn_fn *turn,
              void *arg)
{
	u->receive = receive;
	u->failed = failed;
	u->turn = turn;
	u->arg = arg;
	for (unsigned i = 0; i < u->n_sockets; i++) {
		struct udp_socket *s = &u->sockets[i];
		s->event = event_new(base, s->fd, EV_READ | EV_PERSIST, on_readable, s);
		if (!s->event || event_add(s->event, NULL))
			return -ENOMEM;
	}
	return 0;
}

int udp_steer(const struct udp *u, int program)
{
	int rc = 0;
	for (unsigned i = 0; i < u->n_sockets && !rc; i++)
		rc = steer_attach(program, u->sockets[i].fd);
	return rc;
}

void udp_free(struct udp *u)
{
	if (!u)
		return;
	for (unsigned i = 0; i < u->n_sockets; i++) {
		if (u->sockets[i].event)
			event_free(u->sockets[i].event);
		close(u->sockets[i].fd);
	}
	free(u->out_data);
	free(u->in_data);
	free(u);
}

void udp_send(struct udp *u, const struct sip_path *path, const void *data, size_t len)
{
	if (len > SIP_MESSAGE_MAX)
		return;
	if (u->n_out == OUT_BATCH || OUT_BYTES - u->out_used < len)
		udp_flush(u);
	u->out[u->n_out++] = (struct out){.path = *path, .at = u->out_used, .len = len};
	memcpy(u->out_data + u->out_used, data, len);
	u->out_used += len;
}

/* What an ICMP error for an earlier datagram makes of a send, which then has sent nothing. */
static bool of_another(int error)
{
	return error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH || error == ENOPROTOOPT ||
	       error == EPROTO || error == EMSGSIZE || error == EHOSTDOWN || error == EACCES;
}

/* How many went, as sendmmsg() says; most often it is but one, which costs less alone. */
static int send_some(int fd, struct mmsghdr *m, unsigned n)
{
	const struct msghdr *h = &m->msg_hdr;
	if (n > 1)
		return sendmmsg(fd, m, n, 0);
	return sendto(fd, h->msg_iov->iov_base, h->msg_iov->iov_len, 0, h->msg_name, h->msg_namelen) < 0 ? -1 : 1;
}

/* Sends m[0..n) on one socket. A datagram that the kernel refuses is lost, as on any network, and
 * those behind it still go. */
static void send_run(struct udp_socket *s, struct mmsghdr *m, unsigned n)
{
	struct udp *u = s->udp;
	for (unsigned tries = 1; n; tries++) {
		int sent = send_some(s->fd, m, n);
		if (sent > 0) {
			stats_add(u->stats, STAT_TX_DATAGRAMS, (uint64_t)sent);
			tries = 0;
		} else if (errno == EINTR) {
			continue;
		} else if (of_another(errno) && tries < SEND_TRIES) {
			s->errors = true;
			continue;
		} else {
			tries = 0;
			stats_inc(u->stats, STAT_TX_ERRORS);
			sent = 1;
		}
		m += sent;
		n -= (unsigned)sent;
	}
}

void udp_flush(struct udp *u)
{
	struct mmsghdr m[OUT_BATCH];
	struct iovec iov[OUT_BATCH];
	bool gone[OUT_BATCH] = {false};
	for (unsigned i = 0; i < u->n_out; i++) {
		if (gone[i])
			continue;
		unsigned n = 0, socket = u->out[i].path.socket;
		for (unsigned j = i; j < u->n_out; j++) {
			struct out *o = &u->out[j];
			if (o->path.socket != socket)
				continue;
			gone[j] = true;
			iov[n] = (struct iovec){u->out_data + o->at, o->len};
			m[n].msg_hdr = (struct msghdr){
				.msg_name = &o->path.peer, .msg_namelen = addr_len(&o->path.peer),
				.msg_iov = &iov[n], .msg_iovlen = 1,
			};
			n++;
		}
		send_run(&u->sockets[socket], m, n);
	}
	u->n_out = 0;
	u->out_used = 0;
}
