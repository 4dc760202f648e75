/* From the configuration file to struct config and back: reads the text, has the tables fill the
 * struct, fetches the secrets that it names, has the whole checked, and hands out every error in the
 * order of the file. Nothing is started and nothing is changed outside; a reload reads a second
 * configuration beside the one in force. Control thread. */
#include "daemon/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/conf_tables.h"

#define TEXT_MAX ((8U << 20) + 1)
#define SECRET_MIN 16
#define SHELL_HINT "make one with: openssl rand -hex 32"

/* ---- files ---- */

/* Reads at most `size` bytes from fd; their number or a negative errno. */
static ssize_t read_all(int fd, char *buf, size_t size)
{
	size_t len = 0;
	while (len < size) {
		ssize_t n = read(fd, buf + len, size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

/* A name that does not begin at the root is beside the configuration file. */
static void beside(const char *path, const char *name, char *out, size_t size)
{
	const char *slash = strrchr(path, '/');
	if (name[0] == '/' || !slash)
		snprintf(out, size, "%s", name);
	else
		snprintf(out, size, "%.*s/%s", (int)(slash - path), path, name);
}

/* One line or some bytes of secret; the newline that editors add is not part of it. Not a FIFO or a
 * device: that could wait for ever. Its length or a negative errno. */
static ssize_t read_secret(const char *path, const char *name, char *buf, size_t size)
{
	char file[512];
	struct stat st;
	beside(path, name, file, sizeof(file));
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	ssize_t len = -EINVAL;
	if (fstat(fd, &st))
		len = -errno;
	else if (S_ISDIR(st.st_mode))
		len = -EISDIR;
	else if (S_ISREG(st.st_mode))
		len = read_all(fd, buf, size);
	close(fd);
	if (len > 0 && buf[len - 1] == '\n')
		len--;
	if (len > 0 && buf[len - 1] == '\r')
		len--;
	return len;
}

/* ---- secrets ---- */

/* Reports that the file `name`, written at `at`, cannot be read; another exit code goes with that. */
static void unreadable_file(struct conf *c, const void *at, const char *key, const char *name, ssize_t why,
                            size_t *unreadable)
{
	conf_error_at(c, at, "%s: %s cannot be read: %s; it has to be a file that this user may read", key, name,
	              strerror((int)-why));
	++*unreadable;
}

/* One of the cluster's secrets from the file `name`, written under `key`. */
static void load_key(struct conf *c, const char *key, const char *name, uint8_t secret[64], unsigned *secret_len,
                     size_t *unreadable)
{
	char buf[64 + 3];
	if (!name[0])
		return;
	ssize_t len = read_secret(c->path, name, buf, sizeof(buf));
	if (len < 0)
		unreadable_file(c, name, key, name, len, unreadable);
	else if (len < SECRET_MIN)
		conf_error_at(c, name, "%s: the secret in %s has %zd bytes: it takes at least %d; " SHELL_HINT, key, name,
		              len, SECRET_MIN);
	else if (len > 64)
		conf_error_at(c, name, "%s: the secret in %s is longer than %d bytes; " SHELL_HINT, key, name, 64);
	else
		memcpy(secret, buf, *secret_len = (unsigned)len);
	explicit_bzero(buf, sizeof(buf));
}

static void load_redis_password(struct conf *c, struct config *config, size_t *unreadable)
{
	struct config_cluster *k = &config->cluster;
	const char *name = k->redis_password_file;
	char buf[sizeof(k->redis[0].password) + 2];
	if (!name[0])
		return;
	ssize_t len = read_secret(c->path, name, buf, sizeof(buf));
	if (len < 0)
		unreadable_file(c, name, "redis_password_file", name, len, unreadable);
	else if (!len || (size_t)len >= sizeof(k->redis[0].password) || memchr(buf, 0, (size_t)len) ||
	         memchr(buf, '\n', (size_t)len))
		conf_error_at(c, name, "redis_password_file: %s takes one line, the password, of at most %zu bytes", name,
		              sizeof(k->redis[0].password) - 1);
	else
		for (unsigned i = 0; i < k->n_redis; i++) {
			memcpy(k->redis[i].password, buf, (size_t)len);
			memcpy(k->redis[i].user, k->redis_user, sizeof(k->redis[i].user));
		}
	explicit_bzero(buf, sizeof(buf));
}

static void load_password(struct conf *c, struct config *config, unsigned i, size_t *unreadable)
{
	struct anycast_peer_config *peer = &config->anycast.peers[i];
	const char *name = config->peer_password_file[i];
	char buf[sizeof(peer->password) + 2];
	if (!name[0])
		return;
	ssize_t len = read_secret(c->path, name, buf, sizeof(buf));
	if (len < 0)
		unreadable_file(c, peer->password, "password_file", name, len, unreadable);
	else if (!len)
		conf_error_at(c, peer->password, "password_file: %s is empty: it takes one line, the password", name);
	else if ((size_t)len >= sizeof(peer->password))
		conf_error_at(c, peer->password, "password_file: the password in %s is longer than %zu bytes, which "
		              "TCP MD5 does not take", name, sizeof(peer->password) - 1);
	else if (memchr(buf, 0, (size_t)len) || memchr(buf, '\n', (size_t)len))
		conf_error_at(c, peer->password, "password_file: %s has more than one line: it takes one, the "
		              "password", name);
	else
		memcpy(peer->password, buf, (size_t)len);
	explicit_bzero(buf, sizeof(buf));
}

/* ---- parse, load, free ---- */

static void config_read(struct conf *c, struct config *config, bool *unreadable)
{
	size_t missing = 0;
	config->tuning = policy_tuning_default();
	conf_read(c, &conf_root);
	if (c->full)  /* half a configuration: what a check would say of it is noise */
		return;
	load_key(c, "secret_file", config->secret_file, config->secret, &config->secret_len, &missing);
	load_key(c, "old_secret_file", config->old_secret_file, config->old_secret, &config->old_secret_len, &missing);
	load_redis_password(c, config, &missing);
	for (unsigned i = 0; i < config->anycast.n_peers; i++)
		load_password(c, config, i, &missing);
	memcpy(config->anycast.egress, config->node.egress, sizeof config->anycast.egress);
	config->anycast.n_egress = config->node.n_egress;
	conf_check(c, config);
	*unreadable = missing && missing == c->n_lines + c->lines_lost;
}

struct config *config_parse(const char *path, const char *text, size_t len, config_report_fn *report, void *arg,
                            bool *unreadable)
{
	bool missing = false;
	struct config *config = calloc(1, sizeof(*config));
	struct conf c = {.path = path, .root = config, .unserved = conf_unserved, .no_memory = !config};
	if (config && strlen(path) >= sizeof(config->path)) {
		conf_error(&c, 1, 1, "the name of this file is longer than %zu bytes: use a shorter one",
		           sizeof(config->path) - 1);
	} else if (config) {
		snprintf(config->path, sizeof(config->path), "%s", path);
		if (conf_yaml_load(&c, text, len))
			config_read(&c, config, &missing);
	}
	bool failed = conf_failed(&c);
	conf_report(&c, report, arg);
	conf_free(&c);
	if (unreadable)
		*unreadable = missing;
	if (failed) {
		config_free(config);
		return NULL;
	}
	return config;
}

struct config *config_load(const char *path, config_report_fn *report, void *arg, bool *unreadable)
{
	return config_load_over(path, NULL, report, arg, unreadable);
}

/* `text` with `over` laid over it in its place; its length or -ENOMEM. */
static ssize_t lay_over(char **text, ssize_t len, const char *over)
{
	size_t n;
	char *whole = config_over(*text, (size_t)len, over, &n);
	if (!whole)
		return -ENOMEM;
	free(*text);
	*text = whole;
	return (ssize_t)n;
}

struct config *config_load_over(const char *path, const char *over, config_report_fn *report, void *arg, bool *unreadable)
{
	struct config *config = NULL;
	struct conf c = {.path = path};
	ssize_t len = -ENOMEM;
	char *text = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		len = -errno;
	} else {
		text = malloc(TEXT_MAX);
		if (text)
			len = read_all(fd, text, TEXT_MAX);
		close(fd);
	}
	if (len >= 0 && over && over[0])
		len = lay_over(&text, len, over);
	if (len >= 0) {
		config = config_parse(path, text, (size_t)len, report, arg, unreadable);
	} else {
		conf_error(&c, 1, 1, "the configuration cannot be read: %s; name a file that this user may read",
		           strerror((int)-len));
		conf_report(&c, report, arg);
		conf_free(&c);
		if (unreadable)
			*unreadable = false;
	}
	free(text);
	return config;
}

static void config_trunk_free(struct config_trunk *trunk)
{
	free(trunk->sources);
	free(trunk->options.allowed);
	free(trunk->options.headers);
	free(trunk->options.headers_back);
}

void config_free(struct config *config)
{
	if (!config)
		return;
	for (unsigned i = 0; i < config->n_trunks; i++)
		config_trunk_free(&config->trunks[i]);
	free(config->trunks);
	free(config->regions);
	free(config->pools);
	for (unsigned i = 0; i < config->n_rules; i++) {
		free(config->rules[i].to);
		free(config->rules[i].from);
	}
	free(config->rules);
	explicit_bzero(config, sizeof(*config));
	free(config);
}

void config_print(const struct config *config, FILE *out)
{
	conf_print(&conf_root, config, out);
}
