/* Socket options of BGP sessions. See bgp_tcp.h; the anycast thread.
 *
 * Every socket is close-on-exec and plain: when the process dies, however it dies, the kernel closes
 * them, and the peer sees the session end at once. */
#include "anycast/bgp_tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IPV6_MINHOPCOUNT
#define IPV6_MINHOPCOUNT 73  /* linux/in6.h, which cannot be included beside netinet/in.h */
#endif

enum { TTL_MAX = 255, DSCP_CS6 = 0xc0, BACKLOG = 16 };

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value) ? -errno : 0;
}

static int set_ttl(int fd, int family, int ttl)
{
	if (family == AF_INET6)
		return set_int(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, ttl);
	return set_int(fd, IPPROTO_IP, IP_TTL, ttl);
}

/* RFC 5082: send with 255, take nothing that has crossed more routers than allowed. */
static int set_gtsm(int fd, int family, int hops)
{
	int least = TTL_MAX + 1 - hops, rc = set_ttl(fd, family, TTL_MAX);

	if (rc)
		return rc;
	if (family == AF_INET6)
		return set_int(fd, IPPROTO_IPV6, IPV6_MINHOPCOUNT, least);
	return set_int(fd, IPPROTO_IP, IP_MINTTL, least);
}

/* Control traffic is marked CS6 so that a full link does not take the route down; best effort. */
static void set_class(int fd, int family)
{
	if (family == AF_INET6)
		set_int(fd, IPPROTO_IPV6, IPV6_TCLASS, DSCP_CS6);
	else
		set_int(fd, IPPROTO_IP, IP_TOS, DSCP_CS6);
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

static int set_password(int fd, const struct anycast_peer_config *peer, struct err *err)
{
	struct tcp_md5sig md5 = {.tcpm_keylen = (uint16_t)strlen(peer->password)};
	int rc;

	memcpy(&md5.tcpm_addr, &peer->address, addr_len(&peer->address));
	memcpy(md5.tcpm_key, peer->password, md5.tcpm_keylen);
	rc = setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &md5, sizeof md5) ? -errno : 0;
	explicit_bzero(&md5, sizeof md5);
	if (rc)
		return err_sys(err, -rc, "the kernel does not take the MD5 password of peer %s (TCP_MD5SIG)",
		               peer->name);
	return 0;
}

static int set_hops(int fd, const struct anycast_peer_config *peer, struct err *err)
{
	int family = addr_family(&peer->address);
	int rc = peer->ttl_security ? set_gtsm(fd, family, peer->ttl_security) : set_ttl(fd, family, peer->ttl);

	return rc ? err_sys(err, -rc, "TTL of the session with peer %s", peer->name) : 0;
}

static int bind_local(int fd, const struct addr *local, struct err *err)
{
	char text[ADDR_STR_LEN];

	if (addr_family(local) == 0 || bind(fd, &local->sa, addr_len(local)) == 0)
		return 0;
	return err_sys(err, errno, "cannot connect from local_address %s", addr_host_str(local, text));
}

int bgp_tcp_connect(const struct anycast_peer_config *peer, struct err *err)
{
	struct addr to = peer->address;
	int family = addr_family(&to), rc;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_sys(err, errno, "no socket");
	if (addr_port(&to) == 0)
		addr_set_port(&to, BGP_PORT);
	set_class(fd, family);
	rc = set_hops(fd, peer, err);
	if (!rc && peer->password[0])
		rc = set_password(fd, peer, err);
	if (!rc)
		rc = bind_local(fd, &peer->local_address, err);
	if (!rc && connect(fd, &to.sa, addr_len(&to)) && errno != EINPROGRESS)
		rc = err_sys(err, errno, "cannot connect");
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

/* The listener itself can refuse what comes from too far only by the least that its peers ask for; the rest is refused
 * when it is known whose the connection is. */
static int listen_hops(int fd, int family, const struct anycast_peer_config *peers, unsigned n_peers)
{
	int most = 0;

	for (unsigned i = 0; i < n_peers; i++) {
		if (addr_family(&peers[i].address) != family)
			continue;
		if (!peers[i].ttl_security)
			return 0;
		most = peers[i].ttl_security > most ? peers[i].ttl_security : most;
	}
	return most ? set_gtsm(fd, family, most) : 0;
}

static int listen_options(int fd, const struct addr *address, const struct anycast_peer_config *peers,
                          unsigned n_peers, struct err *err)
{
	int family = addr_family(address), rc;

	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (family == AF_INET6)
		set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	set_class(fd, family);
	set_ttl(fd, family, TTL_MAX);  /* the SYN-ACK has to pass a peer's GTSM */
	rc = listen_hops(fd, family, peers, n_peers);
	if (rc)
		return err_sys(err, -rc, "TTL of BGP sessions that come");
	for (unsigned i = 0; i < n_peers; i++) {
		if (!peers[i].password[0] || addr_family(&peers[i].address) != family)
			continue;
		rc = set_password(fd, &peers[i], err);
		if (rc)
			return rc;
	}
	return 0;
}

int bgp_tcp_listen(const struct addr *address, const struct anycast_peer_config *peers, unsigned n_peers,
                   struct err *err)
{
	struct addr at = *address;
	char text[ADDR_STR_LEN];
	int fd = socket(addr_family(&at), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return err_sys(err, errno, "no socket to listen for BGP peers");
	if (addr_port(&at) == 0)
		addr_set_port(&at, BGP_PORT);
	rc = listen_options(fd, &at, peers, n_peers, err);
	if (!rc && (bind(fd, &at.sa, addr_len(&at)) || listen(fd, BACKLOG)))
		rc = err_sys(err, errno, "cannot listen for BGP peers on %s", addr_str(&at, text));
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

int bgp_tcp_accept(int listener, struct addr *from)
{
	struct addr peer = {0};
	socklen_t len = sizeof peer;
	int fd = accept4(listener, &peer.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return -errno;
	addr_unmap(&peer);
	*from = peer;
	return fd;
}

int bgp_tcp_adopt(int fd, const struct anycast_peer_config *peer, struct err *err)
{
	set_class(fd, addr_family(&peer->address));
	return set_hops(fd, peer, err);
}
