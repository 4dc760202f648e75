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

static void take_value(const char *p, const char *end, char *value, size_t size)
{
	size_t n = 0;
	while (p < end && blank(*p))
		p++;
	for (; p < end && n + 1 < size; p++)
		value[n++] = *p == '\r' || *p == '\n' ? ' ' : *p;
	while (n && blank(value[n - 1]))
		n--;
	value[n] = 0;
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
		const char *stop = line_end(p, end, &next), *colon = memchr(p, ':', (size_t)(stop - p));
		const char *last = colon;
		while (last && last > p && blank(last[-1]))
			last--;
		if (!colon || !name_is(p, (size_t)(last - p), name))
			continue;
		take_value(colon + 1, stop, value, size);
		return true;
	}
	return false;
}
