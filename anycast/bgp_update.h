/* The UPDATE message: writing our few routes, and reading a peer's closely enough to validate, count
 * and bound what it sends (nothing of it is ever installed).
 * RFC 4271 section 4.3, 4760 (IPv6, also over an IPv4 session), 6793 (AS_TRANS and AS4_PATH), 1997,
 * 8092, 8326, 4724 section 2 (End-of-RIB), 7606 (a malformed attribute withdraws its routes, not the session).
 *
 * Codecs: they never change state. Any thread. */
#ifndef ANYCAST_BGP_UPDATE_H
#define ANYCAST_BGP_UPDATE_H

#include <stdbool.h>
#include <stdint.h>

#include "anycast/anycast.h"
#include "anycast/bgp_msg.h"
#include "base/addr.h"
#include "base/buf.h"

enum { BGP_LOCAL_PREF = 100, BGP_LOCAL_PREF_DEGRADED = 50, BGP_LOCAL_PREF_DRAINING = 0 };  /* the last by RFC 8326 */
#define BGP_COMMUNITY_GRACEFUL_SHUTDOWN 0xffff0000U  /* RFC 8326 */

struct bgp_attrs {
	uint32_t local_as;
	bool internal;           /* an IBGP peer: AS_PATH empty, and a LOCAL_PREF */
	uint32_t local_pref;     /* for it; BGP_LOCAL_PREF where nothing is amiss */
	bool as4;                /* the peer understands four-octet AS numbers */
	uint8_t prepend;         /* times our AS is added beyond the first */
	bool has_med;
	uint32_t med;
	const uint32_t *communities;
	uint8_t n_communities;
	const struct anycast_large_community *large;  /* RFC 8092 */
	uint8_t n_large;
	struct addr next_hop;    /* of the family of the prefixes */
};

/* One UPDATE that announces, or withdraws, `n` prefixes of one family. Check w->bad once; 64 prefixes
 * with all attributes fit into BGP_MSG_MAX. */
void bgp_update_write_announce(struct writer *w, const struct bgp_attrs *attrs, const struct prefix *prefixes,
                               unsigned n);
void bgp_update_write_withdraw(struct writer *w, const struct prefix *prefixes, unsigned n);
/* The marker that all routes of one family (BGP_IPV4 or BGP_IPV6) have been sent. */
void bgp_update_write_end_of_rib(struct writer *w, uint8_t family);

/* What an UPDATE says. The readers point into the message; their prefixes have been checked. */
struct bgp_update {
	struct reader withdrawn, reachable;          /* IPv4, of the body itself */
	struct reader mp_withdrawn, mp_reachable;    /* of MP_UNREACH_NLRI and MP_REACH_NLRI */
	uint8_t mp_withdrawn_family, mp_reachable_family;
	bool treat_as_withdraw;                      /* the reachable ones are to be withdrawn */
	uint8_t end_of_rib;                          /* the family it ends, or 0 */
	char why[96];                                /* of treat_as_withdraw */
	/* of what is reachable, where the attribute is well-formed */
	struct addr next_hop, mp_next_hop;           /* family 0: none */
	bool has_med, graceful_shutdown;             /* the latter: the community of RFC 8326 */
	uint32_t med, origin_as, path_len;
};

/* Reads the body of an UPDATE. `as4`: both sides offered capability 65. `internal`: an IBGP peer.
 * 0, or -EBADMSG with `error` where RFC 7606 leaves nothing but a reset of the session. */
int bgp_update_read(const uint8_t *body, size_t len, bool as4, bool internal, struct bgp_update *out,
                    struct bgp_error *error);

/* The next prefix of one of the readers above; false at its end, or at a malformed one (then r->bad). */
bool bgp_update_next_prefix(struct reader *r, uint8_t family, struct prefix *out);

#endif
