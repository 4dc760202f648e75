/* From the configuration (config.h) to what each room wants. Control thread. */
#ifndef DAEMON_BUILD_H
#define DAEMON_BUILD_H

#include <errno.h>

#include "daemon/config.h"
#include "proxy/proxy.h"

/* Sockets, key and the rest of struct proxy_config. 0 or a negative errno with `err`. */
int build_proxy_config(const struct config *config, struct loop *control, struct proxy_config *out, struct err *err);
/* Its TCP and TLS part (build_streams.c): reads the certificates. What it holds is released by build_streams_release(),
 * once the proxy is made, which holds its own. */
int build_streams(const struct config *config, struct proxy_config *out, struct err *err);
void build_streams_release(struct proxy_config *out);
/* The transports that the node is made for, a bit each (1 << SIP_TCP): UDP, and what is listened on by, or spoken to a
 * target. Others are not for a target's DNS to choose. */
unsigned build_transports(const struct config *config);
/* Whether the address is one that is put on the host by anycast.manage_address. */
bool build_managed(const struct config *config, const struct addr *address);

/* The compiled policy (build_policy.c, in libconfig.a); NULL and `err` on failure. The caller's. */
struct policy_table *build_policy(const struct config *config, struct err *err);

/* The proxy with everything it routes by; NULL and `err` on failure. The caller's. */
struct proxy *build_proxy(const struct config *config, const struct proxy_config *proxy_config, struct err *err);
/* The proxy routes by this configuration from now on; 0, or a negative errno and `err`, and nothing has changed. */
int build_reload(const struct config *config, struct proxy *proxy, struct err *err);

#endif
