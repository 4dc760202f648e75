/* See scan.h. */
#include "proxy/sip/scan.h"

#include <string.h>
#include <strings.h>

uint8_t scan_classes[256];

static void add(const char *chars, unsigned in)
{
	for (; *chars; chars++)
		scan_classes[(unsigned char)*chars] |= (uint8_t)in;
}

void scan_init(void)
{
	for (int c = 0x20; c < 0x7f; c++)
		scan_classes[c] = TEXT;
	for (int c = '0'; c <= 'z'; c++)
		if (c <= '9' || (c >= 'A' && c <= 'Z') || c >= 'a')
			scan_classes[c] |= TOKEN | HOST | USER | VALUE | URI_PARAM | WORD | (c <= '9' ? DIGIT : 0);
	add("-.!%*_+`'~", TOKEN | VALUE | WORD);
	add("-.", HOST);
	add("-_.!~*'()&=+$,", USER);
	add("[]:", VALUE);
	add("-_.!~*'()[]/:&+$=;", URI_PARAM);
	add("@:", WORD);
}

bool scan_text(struct scan *r, const char *text)
{
	size_t n = strlen(text);
	if ((size_t)(r->end - r->p) < n || memcmp(r->p, text, n) != 0)
		return odd(r);
	r->p += n;
	return true;
}

const char *scan_keep(struct scan *r, struct sip_slice s)
{
	char *out = r->room;
	if ((size_t)(r->room_end - r->room) <= s.len) {
		odd(r);
		return "";
	}
	memcpy(out, s.at, s.len);
	out[s.len] = 0;
	r->room += s.len + 1;
	return out;
}

uint32_t scan_number(struct scan *r, unsigned most_digits)
{
	struct sip_slice s = run(r, DIGIT);
	uint32_t v = 0;
	if (s.len > most_digits)
		odd(r);
	else
		for (unsigned i = 0; i < s.len; i++)
			v = v * 10 + (uint32_t)(s.at[i] - '0');
	return v;
}

bool scan_is(struct sip_slice s, const char *word) { return s.len == strlen(word) && !memcmp(s.at, word, s.len); }

struct sip_slice scan_host(struct scan *r)
{
	const char *start = r->p;
	if (!at(r, '['))
		return run(r, HOST);
	r->p++;
	while (r->p < r->end && strchr("0123456789abcdefABCDEF:.", *r->p))
		r->p++;
	take(r, ']');
	return (struct sip_slice){start, (uint32_t)(r->p - start)};
}

uint16_t scan_port(struct scan *r, struct sip_slice *text)
{
	*text = (struct sip_slice){"", 0};
	if (!at(r, ':'))
		return 0;
	text->at = ++r->p;
	uint32_t v = scan_number(r, 5);
	text->len = (uint32_t)(r->p - text->at);
	if (!v || v > UINT16_MAX)
		odd(r);
	return (uint16_t)v;
}

static bool names_lr(struct sip_slice params)
{
	for (const char *p = params.at, *end = p + params.len; p < end; p++) {
		const char *stop = memchr(p, ';', (size_t)(end - p));
		size_t n = (size_t)((stop ? stop : end) - p);
		if (n >= 2 && !strncasecmp(p, "lr", 2) && (n == 2 || p[2] == '='))
			return true;
		p += n;
	}
	return false;
}

struct uri scan_uri(struct scan *r)
{
	struct uri u = {.scheme = "sip"};
	struct sip_slice port, before;
	scan_text(r, "sip");
	if (at(r, 's')) {
		r->p++;
		u.scheme = "sips";
	}
	take(r, ':');
	const char *start = r->p;
	before = at(r, '[') ? (struct sip_slice){start, 0} : run(r, USER);
	if (at(r, '@') && before.len) {
		u.user = before;
		r->p++;
	} else {
		r->p = start;
	}
	u.host = scan_host(r);
	u.port = scan_port(r, &port);
	if (at(r, ';')) {
		r->p++;
		u.params = run(r, URI_PARAM);
		u.lr = names_lr(u.params);
	}
	return u;
}
