/* Sockets of BFD. See bfd_udp.h; the anycast thread. */
#include "anycast/bfd_udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "anycast/bfd_msg.h"

enum { PORT_FIRST = 49152, PORTS = 65536 - PORT_FIRST, PORT_TRIES = 32, DSCP_CS6 = 0xc0 };

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value) ? -errno : 0;
}

static int socket_of(int family, struct err *err)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_sys(err, errno, "no socket for BFD");
	if (family == AF_INET6)
		set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	return fd;
}

/* Have the kernel tell of each datagram with which TTL it came, and to which address. */
static int tell_more(int fd, int family)
{
	int rc;

	if (family == AF_INET6) {
		rc = set_int(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
		return rc ? rc : set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	}
	rc = set_int(fd, IPPROTO_IP, IP_RECVTTL, 1);
	return rc ? rc : set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
}

int bfd_udp_listen(int family, uint16_t port, struct err *err)
{
	struct addr at = {.sa = {.sa_family = (sa_family_t)family}};
	int fd = socket_of(family, err), rc;

	if (fd < 0)
		return fd;
	addr_set_port(&at, port);
	rc = tell_more(fd, family);
	if (!rc && bind(fd, &at.sa, addr_len(&at)))
		rc = -errno;
	if (!rc)
		return fd;
	close(fd);
	return err_sys(err, -rc, "cannot receive BFD on UDP port %u%s", port,
	               rc == -EADDRINUSE ? " (does another BFD daemon run on this host?)" : "");
}

static uint16_t some_port(void)
{
	uint16_t r = 0;

	if (getrandom(&r, sizeof r, 0) != sizeof r)
		r = (uint16_t)getpid();
	return (uint16_t)(PORT_FIRST + r % PORTS);
}

int bfd_udp_sender(int family, const struct addr *local, struct err *err)
{
	struct addr at = *local;
	char text[ADDR_STR_LEN];
	int fd = socket_of(family, err), rc;

	if (fd < 0)
		return fd;
	at.sa.sa_family = (sa_family_t)family;
	if (family == AF_INET6) {
		rc = set_int(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, BFD_TTL);
		set_int(fd, IPPROTO_IPV6, IPV6_TCLASS, DSCP_CS6);
	} else {
		rc = set_int(fd, IPPROTO_IP, IP_TTL, BFD_TTL);
		set_int(fd, IPPROTO_IP, IP_TOS, DSCP_CS6);
	}
	for (int i = 0; !rc && i < PORT_TRIES; i++) {
		addr_set_port(&at, some_port());
		if (bind(fd, &at.sa, addr_len(&at)) == 0)
			return fd;
		if (errno != EADDRINUSE)
			rc = -errno;
	}
	close(fd);
	return err_sys(err, rc ? -rc : EADDRINUSE, "cannot send BFD from %s", addr_host_str(local, text));
}

static void take_control(const struct cmsghdr *c, struct addr *to, int *ttl)
{
	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
		struct in_pktinfo info;

		memcpy(&info, CMSG_DATA(c), sizeof info);
		to->in.sin_family = AF_INET;
		to->in.sin_addr = info.ipi_addr;
	} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
		struct in6_pktinfo info;

		memcpy(&info, CMSG_DATA(c), sizeof info);
		to->in6.sin6_family = AF_INET6;
		to->in6.sin6_addr = info.ipi6_addr;
	} else if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) ||
	           (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT)) {
		memcpy(ttl, CMSG_DATA(c), sizeof *ttl);
	}
}

int bfd_udp_receive(int fd, void *buf, size_t size, struct addr *from, struct addr *to, int *ttl)
{
	union { struct cmsghdr align; char room[128]; } control;
	struct iovec iov = {.iov_base = buf, .iov_len = size};
	struct addr peer = {0};
	struct msghdr msg = {.msg_name = &peer, .msg_namelen = sizeof peer, .msg_iov = &iov, .msg_iovlen = 1,
	                     .msg_control = control.room, .msg_controllen = sizeof control.room};
	ssize_t n = recvmsg(fd, &msg, 0);

	if (n < 0)
		return -errno;
	*ttl = -1;
	memset(to, 0, sizeof *to);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
		take_control(c, to, ttl);
	*from = peer;
	return (int)n;
}
