/* Connection reuse (RFC 5923): requests go back on a connection that came, where its client has said `alias` in his Via
 * and has shown a certificate. The connection stands then for the address that this Via names, for those alone whom the
 * certificate is of: what a new connection to that address would have to show. So nobody draws another's requests to
 * himself. By TCP without TLS nobody can show who he is, and there are no aliases.
 *
 * Each worker has a table of the connections of all of them. One thread each. */
#ifndef PROXY_ALIAS_H
#define PROXY_ALIAS_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "base/addr.h"
#include "proxy/stream/stream.h"

#define ALIAS_HOST_LEN 256

/* What a client says to be reached at. */
struct alias_address {
	char host[ALIAS_HOST_LEN];   /* an address, IPv6 in brackets or not, or a name */
	uint16_t port;
};

struct aliases {
	struct alias *by_handle;     /* uthash tables */
	struct alias_key *by_address;
};

/* Whether the message is a request whose topmost Via says `alias`, and the address there. Pure; a look at the text. */
bool alias_asked(const char *data, size_t len, struct alias_address *out);

/* The connection `handle` from `source` stands for `at`, and for `source` with the port of `at` (section 8.2 goes by
 * where the packets came from). The certificate is held. False without memory. */
bool alias_add(struct aliases *aliases, struct stream_handle handle, const struct addr *source,
               const struct alias_address *at, X509 *certificate);
void alias_remove(struct aliases *aliases, struct stream_handle handle);
void alias_free_all(struct aliases *aliases);

/* The connection that stands for host and port and whose certificate is that of one of the names, of which "" counts
 * for nothing. One of `worker` is preferred, then the newest. False: there is none. `peer` is where it comes from, with the
 * port. */
bool alias_find(const struct aliases *aliases, const struct alias_address *at, const char *const names[2], unsigned worker,
                struct stream_handle *out, struct addr *peer);

#endif
