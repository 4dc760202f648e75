/* Reload: see reload.h. */
#include "daemon/reload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/build.h"
#include "proxy/proxy.h"

static void collect(void *arg, const char *line)
{
	FILE *lines = arg;
	fprintf(lines, "%s\n", line);
}

static void log_lines(enum log_level level, const char *text, const char *after)
{
	for (const char *line = text; line && *line;) {
		size_t n = strcspn(line, "\n");
		log_printf(level, "reload: %.*s%s", (int)n, line, after);
		line += n + (line[n] != 0);
	}
}

/* The new configuration, in force as far as the proxy goes; NULL with the reasons in `lines`. */
static struct config *take(const struct config *before, const char *file, const char *over, struct proxy *proxy, FILE *lines,
                           char **needs_restart)
{
	struct err err = {{0}};
	static struct proxy_config certificates;  /* control thread; too large for a stack */
	struct config *c = config_load_over(file, over, collect, lines, NULL);
	if (!c)
		return NULL;
	memset(&certificates, 0, sizeof certificates);
	*needs_restart = config_needs_restart(before, c);
	if (*needs_restart && build_streams(c, &certificates, &err) == 0 && build_reload(c, proxy, &err) == 0) {
		proxy_set_tls(proxy, &certificates);
		build_streams_release(&certificates);
		config_keep_fixed(c, before);
		return c;
	}
	build_streams_release(&certificates);
	fprintf(lines, "%s: %s\n", file, *needs_restart ? err.text : "out of memory");
	config_free(c);
	return NULL;
}

int reload_run(struct config **config, const char *file, const char *over, struct proxy *proxy, const char *who,
               struct admin_reload *out)
{
	size_t len;
	*out = (struct admin_reload){0};
	FILE *lines = open_memstream(&out->lines, &len);
	struct config *c = lines ? take(*config, file, over, proxy, lines, &out->needs_restart) : NULL;
	if (lines)
		fclose(lines);
	log_lines(c ? LL_WARN : LL_ERROR, out->lines, "");
	if (!c) {
		log_error("reload asked for by %s refused: the configuration in force stays", who);
		return -EINVAL;
	}
	log_lines(LL_WARN, out->needs_restart, " is another in the file: it needs a restart");
	log_set_level(c->log.level);
	log_info("reload asked for by %s: %s is in force: %u regions, %u trunks, %u rules", who, file, c->n_regions,
	         c->n_trunks, c->n_rules);
	*config = c;
	return 0;
}
