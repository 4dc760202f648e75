/* What of a configuration only a restart changes. What differs is found in the configurations as printed: one way
 * to compare, whatever keys there are. Control thread. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config.h"

/* Sections that are read at the start only; `but` is a key of it that is not. */
static const struct { const char *key, *but; } fixed[] = {
	{"node", "max_call"}, {"listen", ""}, {"connections", ""}, {"anycast", ""}, {"cluster", ""}, {"admin", ""}, {"log", "level"},
};

/* ---- what differs ---- */

static char *printed(const struct config *c)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	if (!f)
		return NULL;
	config_print(c, f);
	return fclose(f) ? NULL : text;
}

/* From the line "KEY:" at this indent to the next one that is not deeper; *len is 0 where there is none. */
static const char *block(const char *text, size_t size, const char *key, size_t key_len, unsigned indent, size_t *len)
{
	const char *end = text + size, *begin = NULL, *line = text;
	for (const char *next; line < end; line = next) {
		next = memchr(line, '\n', (size_t)(end - line));
		next = next ? next + 1 : end;
		unsigned depth = (unsigned)strspn(line, " ");
		if (begin && depth <= indent)
			break;
		if (depth == indent && !strncmp(line + indent, key, key_len) && line[indent + key_len] == ':')
			begin = line;
	}
	*len = begin ? (size_t)(line - begin) : 0;
	return begin;
}

static bool same_block(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return a_len == b_len && (!a_len || !memcmp(a, b, a_len));
}

/* The keys of section `s` in `a` that are another in `b`, or missing there; with `only_missing` the latter alone. */
static void compare_keys(FILE *out, unsigned s, const char *a, size_t a_len, const char *b, size_t b_len,
                         bool only_missing)
{
	const char *end = a + a_len;
	for (const char *line = a; a_len && (line = memchr(line, '\n', (size_t)(end - line))) && ++line < end;) {
		size_t key = strcspn(line + 2, ":\n"), its, other;
		if (strspn(line, " ") != 2 || line[2] == '-')
			continue;
		const char *mine = block(line, (size_t)(end - line), line + 2, key, 2, &its);
		const char *theirs = block(b, b_len, line + 2, key, 2, &other);
		bool but = strlen(fixed[s].but) == key && !strncmp(line + 2, fixed[s].but, key);
		if (!but && (only_missing ? !theirs : !same_block(mine, its, theirs, other)))
			fprintf(out, "%s.%.*s\n", fixed[s].key, (int)key, line + 2);
	}
}

static void compare_section(FILE *out, unsigned s, const char *before, const char *after)
{
	size_t a_len, b_len, key = strlen(fixed[s].key);
	const char *a = block(before, strlen(before), fixed[s].key, key, 0, &a_len);
	const char *b = block(after, strlen(after), fixed[s].key, key, 0, &b_len);
	if (same_block(a, a_len, b, b_len))
		return;
	if (!a || !b || strstr(a, "\n  - ") == memchr(a, '\n', a_len)) {  /* all of it, or a list */
		fprintf(out, "%s\n", fixed[s].key);
		return;
	}
	compare_keys(out, s, a, a_len, b, b_len, false);
	compare_keys(out, s, b, b_len, a, a_len, true);
}

static void compare_secrets(FILE *out, const struct config *before, const struct config *after)
{
	if (!strcmp(before->secret_file, after->secret_file) &&
	    (before->secret_len != after->secret_len || memcmp(before->secret, after->secret, after->secret_len) != 0))
		fprintf(out, "cluster.secret_file (what is in it)\n");
	if (!strcmp(before->old_secret_file, after->old_secret_file) && (before->old_secret_len != after->old_secret_len ||
	    memcmp(before->old_secret, after->old_secret, after->old_secret_len) != 0))
		fprintf(out, "cluster.old_secret_file (what is in it)\n");
	if (!strcmp(before->cluster.redis_password_file, after->cluster.redis_password_file) &&
	    strcmp(before->cluster.redis[0].password, after->cluster.redis[0].password) != 0 && after->cluster.n_redis)
		fprintf(out, "cluster.redis_password_file (what is in it)\n");
	for (unsigned i = 0; i < before->anycast.n_peers && i < after->anycast.n_peers; i++)
		if (!strcmp(before->peer_password_file[i], after->peer_password_file[i]) &&
		    strcmp(before->anycast.peers[i].password, after->anycast.peers[i].password) != 0)
			fprintf(out, "anycast.peers password_file of %s (what is in it)\n", after->anycast.peers[i].name);
}

char *config_needs_restart(const struct config *before, const struct config *after)
{
	char *a = printed(before), *b = printed(after), *text = NULL;
	size_t len;
	FILE *out = a && b ? open_memstream(&text, &len) : NULL;
	if (out) {
		for (unsigned s = 0; s < sizeof fixed / sizeof fixed[0]; s++)
			compare_section(out, s, a, b);
		compare_secrets(out, before, after);
		if (fclose(out)) {
			free(text);
			text = NULL;
		}
	}
	free(a);
	free(b);
	return text;
}

/* ---- what nodes have alike ---- */

void config_revision(const struct config *config, char out[CONFIG_REVISION_LEN])
{
	static const char *const shared[] = {"trunks", "regions", "probes", "pools", "rules", "tuning"};
	char *text = printed(config);
	uint64_t h = 14695981039346656037u;  /* FNV-1a: against chance, not against malice */
	out[0] = 0;
	for (unsigned s = 0; text && s < sizeof shared / sizeof shared[0]; s++) {
		size_t len;
		const char *b = block(text, strlen(text), shared[s], strlen(shared[s]), 0, &len);
		for (size_t i = 0; i < len; i++)
			h = (h ^ (uint8_t)b[i]) * 1099511628211u;
	}
	if (text)
		snprintf(out, CONFIG_REVISION_LEN, "%016llx", (unsigned long long)h);
	free(text);
}

/* ---- what stays ---- */


void config_keep_fixed(struct config *to, const struct config *from)
{
	uint32_t max_call = to->node.max_call_ms;
	enum log_level level = to->log.level;
	to->node = from->node;
	to->node.max_call_ms = max_call;
	memcpy(to->listen, from->listen, sizeof to->listen);
	to->n_listen = from->n_listen;
	to->connections = from->connections;
	to->anycast = from->anycast;
	to->has_anycast = from->has_anycast;
	memcpy(to->peer_password_file, from->peer_password_file, sizeof to->peer_password_file);
	memcpy(to->secret_file, from->secret_file, sizeof to->secret_file);
	memcpy(to->secret, from->secret, sizeof to->secret);
	to->secret_len = from->secret_len;
	memcpy(to->old_secret_file, from->old_secret_file, sizeof to->old_secret_file);
	memcpy(to->old_secret, from->old_secret, sizeof to->old_secret);
	to->old_secret_len = from->old_secret_len;
	to->cluster = from->cluster;
	to->admin = from->admin;
	to->log = from->log;
	to->log.level = level;
}
