/* What the configuration says of the fleet: where Redis is, and what has to be there with it. Control thread. */
#include <string.h>

#include "daemon/conf_tables.h"

static void redis_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "a Redis server as \"redis://ADDRESS:PORT\" or \"unix:/PATH\"");
}

static int redis_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	struct redis_server *s = value;
	memset(s, 0, sizeof *s);
	return redis_server_parse(text, s, err);
}

static bool redis_print(const void *root, const struct conf_field *f, const void *value, char *buf, size_t size)
{
	const struct redis_server *s = value;
	snprintf(buf, size, "%s", s->text);
	return s->text[0];
}

const struct conf_type conf_redis = {redis_expect, redis_parse, redis_print, true};

void conf_check_cluster(struct conf *c, const struct config *config)
{
	const struct config_cluster *k = &config->cluster;
	for (unsigned i = 0; i < k->n_redis; i++)
		for (unsigned j = 0; j < i; j++)
			if (k->redis[i].text[0] && !strcmp(k->redis[i].text, k->redis[j].text))
				conf_error_at(c, &k->redis[i], "redis: %s is there twice: name each server once", k->redis[i].text);
	if (k->redis[0].text[0] && !config->secret_file[0])
		conf_error_at(c, &k->redis[0], "cluster.redis needs cluster.secret_file: what nodes tell one another is signed, "
		              "the same secret on all; make one with: openssl rand -hex 32");
	if (config->old_secret_file[0] && !config->secret_file[0])
		conf_error_at(c, config->old_secret_file, "old_secret_file is beside secret_file, which is missing: add it");
	if (config->old_secret_file[0] && config->secret_len && config->secret_len == config->old_secret_len &&
	    !memcmp(config->secret, config->old_secret, config->secret_len))
		conf_error_at(c, config->old_secret_file, "old_secret_file has the same secret as secret_file: remove it");
	if (k->redis_user[0] && !k->redis_password_file[0])
		conf_error_at(c, k->redis_user, "redis_user needs redis_password_file");
	if (k->ttl_ms < 4 * k->interval_ms)
		conf_error_at(c, &k->ttl_ms, "ttl: a record has to outlive a few writings: it takes at least 4 times interval");
}
