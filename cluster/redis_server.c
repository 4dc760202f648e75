/* Where a Redis server is, as an operator writes it. Names are refused: hiredis would resolve them with the loop
 * standing still. Pure. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "cluster/redis.h"

#define RIGHT "write redis://ADDRESS:PORT or unix:/PATH"
#define PORT_DEFAULT 6379

/* A whole number up to `max`, to the end of `text`; negative: it is none. */
static long number(const char *text, long max)
{
	char *end;
	if (!*text || strspn(text, "0123456789") != strlen(text) || strlen(text) > 5)
		return -1;
	long n = strtol(text, &end, 10);
	return *end || n > max ? -1 : n;
}

static int parse_unix(const char *path, struct redis_server *out, struct err *err)
{
	while (path[0] == '/' && path[1] == '/')
		path++;
	if (path[0] != '/' || !path[1])
		return err_set(err, EINVAL, "the path of a Unix socket begins at the root: write unix:/run/redis/redis.sock");
	if (strlen(path) >= sizeof out->path)
		return err_set(err, EINVAL, "the path of a Unix socket has at most %zu bytes", sizeof out->path - 1);
	snprintf(out->path, sizeof out->path, "%s", path);
	return 0;
}

static int parse_host(char *rest, struct redis_server *out, struct err *err)
{
	struct addr a;
	char host[ADDR_STR_LEN], *db = strchr(rest, '/');
	long n = 0;
	if (strchr(rest, '@'))
		return err_set(err, EINVAL, "user and password do not belong here: write cluster.redis_user and "
		               "cluster.redis_password_file");
	if (db) {
		*db++ = 0;
		if (*db && (n = number(db, 1023)) < 0)
			return err_set(err, EINVAL, "the database after the address is a number from 0 to 1023");
	}
	if (addr_parse(&a, rest, PORT_DEFAULT) && addr_parse_port(&a, rest))
		return err_set(err, EINVAL, "\"%.60s\" is no address: " RIGHT ", with an address as 192.0.2.1 or [2001:db8::1]; "
		               "names are not looked up", rest);
	if (!addr_port(&a))
		return err_set(err, EINVAL, "port 0 is no port: " RIGHT);
	snprintf(out->host, sizeof out->host, "%s", addr_host_str(&a, host));
	out->port = addr_port(&a);
	out->db = (uint16_t)n;
	return 0;
}

int redis_server_parse(const char *text, struct redis_server *out, struct err *err)
{
	struct redis_server s = *out;
	char rest[REDIS_TEXT_MAX];
	int rc;
	s.path[0] = s.host[0] = 0;
	s.port = s.db = 0;
	if (strlen(text) >= sizeof s.text)
		return err_set(err, EINVAL, "longer than %zu bytes: " RIGHT, sizeof s.text - 1);
	snprintf(s.text, sizeof s.text, "%s", text);
	if (strncmp(text, "rediss://", 9) == 0)
		return err_set(err, EINVAL, "TLS to Redis goes by stunnel on this host: write unix:/PATH of its socket");
	if (strncmp(text, "unix:", 5) == 0) {
		rc = parse_unix(text + 5, &s, err);
	} else if (strncmp(text, "redis://", 8) == 0) {
		snprintf(rest, sizeof rest, "%s", text + 8);
		rc = parse_host(rest, &s, err);
	} else {
		return err_set(err, EINVAL, "\"%.60s\" is no Redis server: " RIGHT, text);
	}
	if (rc == 0)
		*out = s;
	return rc;
}
