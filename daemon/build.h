/* From the configuration (config.h) to what each room wants. Control thread. */
#ifndef DAEMON_BUILD_H
#define DAEMON_BUILD_H

#include <errno.h>

#include "daemon/config.h"
#include "proxy/proxy.h"

/* Sockets, key and the rest of struct proxy_config. 0 or a negative errno with `err`. */
int build_proxy_config(const struct config *config, struct loop *control, struct proxy_config *out, struct err *err);

/* The compiled policy (build_policy.c, in libconfig.a); NULL and `err` on failure. The caller's. */
struct policy_table *build_policy(const struct config *config, struct err *err);

/* The proxy with everything it routes by; NULL and `err` on failure. The caller's. */
struct proxy *build_proxy(const struct config *config, const struct proxy_config *proxy_config, struct err *err);
/* The proxy routes by this configuration from now on; 0, or a negative errno and `err`, and nothing has changed. */
int build_reload(const struct config *config, struct proxy *proxy, struct err *err);

#endif
