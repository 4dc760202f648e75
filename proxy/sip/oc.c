/* The oc parameters of a Via: see oc.h. The text is one that was written here, so its form is right. */
#include "proxy/sip/oc.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The topmost Via: from behind the colon to its end, which is the line's or the comma before the next one. */
static const char *first_via(const char *text, size_t len, const char **stop)
{
	const char *end = text + len, *line = memchr(text, '\n', len);
	while (line && ++line < end && *line != '\r') {
		const char *next = memchr(line, '\n', (size_t)(end - line)), *colon = memchr(line, ':', (size_t)(end - line));
		size_t name = colon ? (size_t)(colon - line) : 0;
		while (name && line[name - 1] == ' ')
			name--;
		if ((name == 3 && !strncasecmp(line, "Via", 3)) || (name == 1 && (*line | 0x20) == 'v')) {
			*stop = next ? next - (next[-1] == '\r') : end;
			return colon + 1;
		}
		line = next;
	}
	return NULL;
}

/* The end of the parameter at `p`, a quoted string in it passed over: at the next ';', at a comma, or at `stop`. */
static const char *param_end(const char *p, const char *stop)
{
	for (bool quoted = false; p < stop; p++) {
		if (*p == '"')
			quoted = !quoted;
		else if (!quoted && (*p == ';' || *p == ','))
			break;
	}
	return p;
}

static bool is_oc(const char *p, const char *end)
{
	return end - p >= 2 && !strncasecmp(p, "oc", 2) && (end - p == 2 || p[2] == '=' || p[2] == '-');
}

static bool append(char *out, size_t size, size_t *n, const char *from, size_t len)
{
	if (*n + len > size)
		return false;
	memcpy(out + *n, from, len);
	*n += len;
	return true;
}

size_t oc_answer(const char *text, size_t len, const struct oc *oc, char *out, size_t size)
{
	const char *stop, *via = first_via(text, len, &stop), *p = via ? param_end(via, stop) : NULL;
	char said[120];
	size_t n = 0;
	bool asks = false, room = p && append(out, size, &n, text, (size_t)(p - text));
	while (room && p < stop && *p == ';') {
		const char *end = param_end(p + 1, stop);
		asks = asks || (end - p == 3 && !strncasecmp(p, ";oc", 3));
		if (!is_oc(p + 1, end))
			room = append(out, size, &n, p, (size_t)(end - p));
		p = end;
	}
	if (!asks || !room)
		return 0;
	int m = snprintf(said, sizeof said, ";oc=%u;oc-algo=\"loss\";oc-validity=%u;oc-seq=%lld.%03lld", oc->percent,
	                 oc->percent ? oc->validity_ms : 0, (long long)(oc->seq_us / 1000000), (long long)(oc->seq_us / 1000 % 1000));
	room = append(out, size, &n, said, (size_t)m) && append(out, size, &n, p, (size_t)(text + len - p));
	return room ? n : 0;
}
