/* Finding a header field by its name: see header.h. The message was parsed before, so its form is right; what
 * is not is passed over. */
#include "proxy/sip/header.h"

#include <string.h>
#include <strings.h>

/* Compact forms: RFC 3261 section 7.3.3 and the extensions that register one. */
static const struct { char letter; const char *name; } compact[] = {
	{'i', "Call-ID"}, {'m', "Contact"}, {'e', "Content-Encoding"}, {'l', "Content-Length"}, {'c', "Content-Type"},
	{'f', "From"}, {'s', "Subject"}, {'k', "Supported"}, {'t', "To"}, {'v', "Via"}, {'o', "Event"},
	{'r', "Refer-To"}, {'b', "Referred-By"}, {'x', "Session-Expires"}, {'u', "Allow-Events"},
	{'a', "Accept-Contact"}, {'j', "Reject-Contact"}, {'d', "Request-Disposition"}, {'y', "Identity"},
};

static bool name_is(const char *text, size_t len, const char *name)
{
	if (len == strlen(name) && !strncasecmp(text, name, len))
		return true;
	for (size_t i = 0; len == 1 && i < sizeof compact / sizeof compact[0]; i++)
		if ((text[0] | 0x20) == compact[i].letter)
			return !strcasecmp(compact[i].name, name);
	return false;
}

static bool blank(char c) { return c == ' ' || c == '\t'; }

void sip_header_value(const char *line, size_t len, char *value, size_t size)
{
	const char *end = line + len, *p = memchr(line, ':', len);
	size_t n = 0;
	for (p = p ? p + 1 : end; p < end && (blank(*p) || *p == '\r' || *p == '\n');)
		p++;
	for (; p < end && n + 1 < size; p++)
		value[n++] = *p == '\r' || *p == '\n' ? ' ' : *p;
	while (n && blank(value[n - 1]))
		n--;
	value[n] = 0;
}

bool sip_header_is(const char *line, size_t len, const char *name)
{
	const char *colon = memchr(line, ':', len), *last = colon;
	while (last && last > line && blank(last[-1]))
		last--;
	return last && name_is(line, (size_t)(last - line), name);
}

/* The end of the line at `p`, lines that go on behind a blank included; the next begins at *next. */
static const char *line_end(const char *p, const char *end, const char **next)
{
	for (;;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		*next = nl ? nl + 1 : end;
		if (!nl || *next == end || !blank(**next))
			return nl ? nl : end;
		p = *next;
	}
}

bool sip_header_find(const char *message, size_t len, const char *name, char *value, size_t size)
{
	const char *p = message, *end = message + len, *next;
	value[0] = 0;
	line_end(p, end, &next);
	for (p = next; p < end && *p != '\r' && *p != '\n'; p = next) {
		size_t n = (size_t)(line_end(p, end, &next) - p);
		if (!sip_header_is(p, n, name))
			continue;
		sip_header_value(p, n, value, size);
		return true;
	}
	return false;
}
