/* The configuration read again while the node runs: checked whole, then taken; on any error the one in force
 * stays. Control thread. */
#ifndef DAEMON_RELOAD_H
#define DAEMON_RELOAD_H

#include "admin/admin.h"
#include "daemon/config.h"

struct proxy;

/* Reads `file`, with the fleet's part `over` (NULL: none) laid over it, and has the proxy route by it; `*config` is what is in force. On success `*config` is another one,
 * the caller's, and the one before is still the caller's too: what the file says, but for what only a restart
 * changes, which stays as it is and is named in out->needs_restart. Returns 0, or -EINVAL with every error in out->lines. Logs both, with
 * `who` asked for it. What `out` holds is the caller's: admin_reload_free(). */
int reload_run(struct config **config, const char *file, const char *over, struct proxy *proxy, const char *who,
               struct admin_reload *out);

#endif
