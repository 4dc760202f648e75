/* Checks of struct anycast_config: the limits of the fields and what only makes sense together. See
 * check.h; any thread. */
#include "anycast/check.h"

#include <errno.h>
#include <string.h>

enum { HOLD_MIN_MS = 3000, HOLD_MAX_MS = 65535 * 1000, BFD_INTERVAL_MIN_MS = 10, BFD_INTERVAL_MAX_MS = 60000 };

static int check_prefixes(const struct anycast_config *c, struct err *err)
{
	char text[ADDR_STR_LEN];

	unsigned n = c->n_prefixes + (c->announce_egress ? c->n_egress : 0) + c->n_egress_backup;

	if (n > ANYCAST_PREFIXES_MAX)
		return err_set(err, EINVAL, "%u anycast prefixes, egress addresses included: at most %d", n, ANYCAST_PREFIXES_MAX);
	for (unsigned i = 0; i < c->n_prefixes; i++) {
		const struct prefix *p = &c->prefixes[i].prefix;

		if ((p->family != AF_INET && p->family != AF_INET6) || p->len > (p->family == AF_INET6 ? 128 : 32))
			return err_set(err, EINVAL, "anycast prefix %u is neither IPv4 nor IPv6", i + 1);
		for (unsigned k = 0; k < i; k++) {
			if (prefix_equal(p, &c->prefixes[k].prefix))
				return err_set(err, EINVAL, "anycast prefix %s is there twice: once is right",
					       prefix_str(p, text));
		}
	}
	return 0;
}

static int check_peer_address(const struct anycast_config *c, const struct anycast_peer_config *p, struct err *err)
{
	int family = addr_family(&p->address), local = addr_family(&p->local_address);

	if (family != AF_INET && family != AF_INET6)
		return err_set(err, EINVAL, "BGP peer %s has no address", p->name);
	if (local != 0 && local != family)
		return err_set(err, EINVAL, "BGP peer %s: address and local_address have to be of the same family",
			       p->name);
	if (p->passive && addr_family(&c->listen) != family)
		return err_set(err, EINVAL, "BGP peer %s is passive, but there is no %s address to listen on for it",
			       p->name, family == AF_INET6 ? "IPv6" : "IPv4");
	for (const struct anycast_peer_config *q = c->peers; q < p; q++) {
		if (addr_same_host(&p->address, &q->address))
			return err_set(err, EINVAL,
				       "BGP peers %s and %s have the same address: one session a peer is right",
				       q->name, p->name);
	}
	return 0;
}

static int check_peer_prefixes(const struct anycast_config *c, const struct anycast_peer_config *p, struct err *err)
{
	char text[ADDR_STR_LEN];

	for (unsigned i = 0; i < p->n_prefixes; i++) {
		bool known = false;

		for (unsigned k = 0; k < c->n_prefixes; k++)
			known |= prefix_equal(&p->prefixes[i], &c->prefixes[k].prefix);
		if (!known)
			return err_set(err, EINVAL, "BGP peer %s: prefix %s is not one of anycast's", p->name,
			               prefix_str(&p->prefixes[i], text));
	}
	return 0;
}

static int check_bfd(const struct anycast_peer_config *p, struct err *err)
{
	const struct anycast_bfd_config *b = &p->bfd;

	if (b->enabled && (b->interval_ms < BFD_INTERVAL_MIN_MS || b->interval_ms > BFD_INTERVAL_MAX_MS))
		return err_set(err, EINVAL, "BGP peer %s: the BFD interval is %u ms; 10 ms to 60 s is right", p->name,
		               b->interval_ms);
	if (b->enabled && b->multiplier == 0)
		return err_set(err, EINVAL, "BGP peer %s: the BFD multiplier is 0; 3 is usual", p->name);
	return 0;
}

static int check_peer(const struct anycast_config *c, unsigned i, struct err *err)
{
	const struct anycast_peer_config *p = &c->peers[i];

	if (!memchr(p->name, 0, sizeof p->name) || !p->name[0])
		return err_set(err, EINVAL, "BGP peer %u needs a name of 1 to %d characters", i + 1,
			       ANYCAST_NAME_LEN - 1);
	if (!memchr(p->password, 0, sizeof p->password))
		return err_set(err, EINVAL, "BGP peer %s: the password is longer than 80 characters", p->name);
	if (p->as == 0 || (p->local_as == 0 && c->as == 0))
		return err_set(err, EINVAL, "BGP peer %s: an AS number is 0, 1 to 4294967295 is right", p->name);
	if (p->hold_ms != 0 && (p->hold_ms < HOLD_MIN_MS || p->hold_ms > HOLD_MAX_MS))
		return err_set(err, EINVAL, "BGP peer %s: hold is %u ms; 0, or 3 s to 65535 s is right", p->name,
			       p->hold_ms);
	if (p->ttl == 0 && p->ttl_security == 0)
		return err_set(err, EINVAL, "BGP peer %s: ttl is 0; 1 is right for a direct peer, more for multihop",
			       p->name);
	if (p->n_communities > ANYCAST_COMMUNITIES_MAX)
		return err_set(err, EINVAL, "BGP peer %s: %u communities, at most %d", p->name, p->n_communities,
		               ANYCAST_COMMUNITIES_MAX);
	if (p->prepend > ANYCAST_PREPEND_MAX || p->degrade.prepend > ANYCAST_PREPEND_MAX)
		return err_set(err, EINVAL, "BGP peer %s: prepend is more than %d", p->name, ANYCAST_PREPEND_MAX);
	if (p->max_prefixes > ANYCAST_MAX_PREFIXES_MAX)
		return err_set(err, EINVAL, "BGP peer %s: max_prefixes is %u; at most %d is right, or 0 for no limit",
			       p->name, p->max_prefixes, ANYCAST_MAX_PREFIXES_MAX);
	if (check_peer_prefixes(c, p, err) || check_bfd(p, err))
		return -EINVAL;
	return check_peer_address(c, p, err);
}

int anycast_check_config(const struct anycast_config *c, struct err *err)
{
	int rc = check_prefixes(c, err);

	if (rc)
		return rc;
	if (c->n_peers > ANYCAST_PEERS_MAX)
		return err_set(err, EINVAL, "%u BGP peers: at most %d", c->n_peers, ANYCAST_PEERS_MAX);
	if (c->n_peers > 0 && c->router_id == 0)
		return err_set(err, EINVAL,
			       "anycast needs a router_id other than 0.0.0.0: the node's own IPv4 address is usual");
	if (c->gate_interval_ms == 0)
		return err_set(err, EINVAL, "the gate's interval is 0: 1000 ms is usual");
	for (unsigned i = 0; i < c->n_peers; i++) {
		rc = check_peer(c, i, err);
		if (rc)
			return rc;
	}
	return 0;
}

int anycast_check_privilege(const struct anycast_config *c, struct address_table *addresses, struct err *err)
{
	if ((c->announce_egress && c->n_egress) || c->n_egress_backup)
		return address_may_change(addresses, err);
	for (unsigned i = 0; i < c->n_prefixes; i++) {
		if (c->prefixes[i].manage_address)
			return address_may_change(addresses, err);
	}
	return 0;
}
