/* SIP targets: sip:HOST[:PORT][;transport=udp|tcp|tls] and sips:HOST[:PORT]. Control thread. */
#include "daemon/conf_tables.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

static void target_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "a SIP URI such as \"sip:pbx.example.com:5060\", \"sip:198.51.100.21\", "
	         "\"sip:[2001:db8::1]:5061;transport=tls\" or \"sips:pbx.example.com\"");
}

/* A domain name (RFC 1123): labels of letters, digits and hyphens; the last is not all digits. */
static bool host_name_ok(const char *host)
{
	size_t label = 0;
	bool digits = true;
	for (const char *p = host; *p; p++) {
		if (*p == '.') {
			if (!label || p[-1] == '-')
				return false;
			label = 0;
			digits = true;
			continue;
		}
		if (!isalnum((unsigned char)*p) && (*p != '-' || !label))
			return false;
		digits = digits && isdigit((unsigned char)*p);
		if (++label > 63)
			return false;
	}
	return label && !digits && host[strlen(host) - 1] != '-';
}

/* "HOST", "HOST:PORT", "[IPv6]", "[IPv6]:PORT" of `len` bytes. */
static int target_host(struct config_target *t, const char *text, size_t len, struct err *err)
{
	char host[256];
	struct addr a;
	uint64_t port = 0;           /* not said */
	snprintf(host, sizeof(host), "%.*s", (int)len, text);
	char *end = host[0] == '[' ? strchr(host, ']') : strchr(host, ':');
	char *colon = end && host[0] == '[' ? end + 1 : end;
	if (host[0] != '[' && end && strchr(end + 1, ':'))
		return err_set(err, EINVAL, "\"%s\": an IPv6 address goes into brackets: sip:[2001:db8::1]:5060", host);
	if (colon && *colon) {
		if (*colon != ':' || !conf_digits(colon + 1, 65535, &port) || !port)
			return err_set(err, EINVAL, "\"%s\": the port is not a number from 1 to 65535", host);
		*colon = 0;
	}
	if (host[0] == '[') {
		if (!end || addr_parse(&a, host, 0))
			return err_set(err, EINVAL, "\"%s\" is not an IPv6 address in brackets", host);
		addr_host_str(&a, t->host);
	} else {
		if (addr_parse(&a, host, 0) && !host_name_ok(host))
			return err_set(err, EINVAL, "\"%s\" is neither an address nor a host name", host);
		snprintf(t->host, sizeof(t->host), "%s", host);
	}
	t->port = (uint16_t)port;
	return 0;
}

static int target_transport(struct config_target *t, const char *value, struct err *err)
{
	static const char *const words[] = {[CONFIG_UDP] = "udp", [CONFIG_TCP] = "tcp", [CONFIG_TLS] = "tls"};
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(value, words[i]) != 0)
			continue;
		t->transport = (enum config_transport)i;
		return 0;
	}
	return err_set(err, EINVAL, "\"transport=%.20s\" is not right: write transport=udp, tcp or tls", value);
}

/* ";name=value" until the end; each at most once. */
static int target_params(struct config_target *t, const char *text, struct err *err)
{
	bool transport = false;
	while (*text == ';') {
		char param[64];
		size_t len = strcspn(++text, ";");
		snprintf(param, sizeof(param), "%.*s", (int)len, text);
		text += len;
		if (strncasecmp(param, "transport=", 10) != 0)
			return err_set(err, EINVAL, "parameter \"%s\" is unknown: only ;transport= is", param);
		if (transport)
			return err_set(err, EINVAL, "transport is there twice: keep one of them");
		transport = true;
		int ret = target_transport(t, param + 10, err);
		if (ret)
			return ret;
	}
	return 0;
}

/* What no target has; `rest` is what follows the scheme. */
static int target_no_more(const char *scheme, const char *rest, struct err *err)
{
	if (strchr(rest, '@'))
		return err_set(err, EINVAL, "a target has no user part, the called number is put there: write "
		               "%s%.100s", scheme, strrchr(rest, '@') + 1);
	if (strchr(rest, '?'))
		return err_set(err, EINVAL, "a target has no header fields: write %s%.*s", scheme,
		               (int)strcspn(rest, "?") < 100 ? (int)strcspn(rest, "?") : 100, rest);
	return 0;
}

/* sips: is TLS, over the only transport that takes it: transport=tcp says no other thing than transport=tls (RFC 3261
 * section 26.2.2). */
static int target_secure(struct config_target *t, const char *text, struct err *err)
{
	if (strcasestr(text, ";transport=udp"))
		return err_set(err, EINVAL, "sips goes by TLS, never by UDP: remove \";transport=udp\", or write sip:");
	t->secure = true;
	t->transport = CONFIG_TLS;
	return 0;
}

static int target_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	struct config_target t = {.transport = CONFIG_UDP};
	bool secure = !strncasecmp(text, "sips:", 5);
	if (strlen(text) >= sizeof(t.uri) || text[strcspn(text, " <>\"")] || (!secure && strncasecmp(text, "sip:", 4) != 0))
		return -EINVAL;
	const char *host = text + (secure ? 5 : 4);
	size_t len = strcspn(host, ";");
	int ret = target_no_more(secure ? "sips:" : "sip:", host, err);
	if (!ret)
		ret = target_host(&t, host, len, err);
	if (!ret)
		ret = target_params(&t, host + len, err);
	if (!ret && secure)
		ret = target_secure(&t, host + len, err);
	if (ret)
		return ret;
	if (!t.port)
		t.port = t.transport == CONFIG_TLS ? 5061 : 5060;
	snprintf(t.uri, sizeof(t.uri), "%s", text);
	*(struct config_target *)value = t;
	return 0;
}

static bool target_print(const void *root, const struct conf_field *f, const void *value, char *buf, size_t size)
{
	snprintf(buf, size, "%s", ((const struct config_target *)value)->uri);
	return true;
}

const struct conf_type conf_target = {target_expect, target_parse, target_print, true};
