/* libFuzzer on the BGP codec: the bytes of a peer. The first byte says how the rest is read: as a stream of
 * messages, or as the body of one kind, so that a fuzzer need not find sixteen bytes of 0xff first.
 *
 * Beside what the sanitizers see: a frame is never longer than there are bytes, a reader of prefixes ends and
 * gives only whole prefixes, and what was read, written and read again is the same. */
#include <stdlib.h>
#include <string.h>

#include "anycast/bgp_msg.h"
#include "anycast/bgp_update.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(what) do { if (!(what)) abort(); } while (0)
enum { PREFIXES_MAX = 64 };

static void check_text(const struct bgp_error *e)
{
	CHECK(memchr(e->text, 0, sizeof e->text));
	CHECK(e->data_len <= sizeof e->data);
}

static void fuzz_open(const uint8_t *body, size_t len)
{
	struct bgp_open open, again;
	struct bgp_error error = {0};
	uint8_t buf[256];
	struct writer w = writer_of(buf, sizeof buf);

	if (bgp_msg_read_open(body, len, &open, &error)) {
		check_text(&error);
		return;
	}
	bgp_msg_write_open(&w, &open);
	CHECK(!w.bad);
	/* a two-octet peer whose AS is written back as such */
	if (!open.as4)
		return;
	CHECK(bgp_msg_read_open(buf + BGP_HEADER_LEN, writer_len(&w) - BGP_HEADER_LEN, &again, &error) == 0);
	CHECK(again.as == open.as && again.router_id == open.router_id && again.hold_s == open.hold_s);
}

static unsigned prefixes_of(struct reader r, uint8_t family, struct prefix *out)
{
	struct prefix p;
	unsigned n = 0;

	while (bgp_update_next_prefix(&r, family, &p)) {
		CHECK(p.len <= (p.family == AF_INET6 ? 128 : 32));
		if (n < PREFIXES_MAX)
			out[n] = p;
		n++;
	}
	CHECK(!r.bad);  /* bgp_update_read() has checked them */
	return n < PREFIXES_MAX ? n : PREFIXES_MAX;
}

static void write_again(const struct prefix *prefixes, unsigned n, bool as4)
{
	struct bgp_attrs attrs = {.local_as = 65010, .as4 = as4, .has_med = true, .med = 7};
	bool v6 = prefixes[0].family == AF_INET6;
	struct prefix read[PREFIXES_MAX];
	struct bgp_update u;
	struct bgp_error error;
	uint8_t buf[BGP_MSG_MAX];
	struct writer w = writer_of(buf, sizeof buf);

	addr_parse(&attrs.next_hop, v6 ? "2001:db8::1" : "192.0.2.1", 0);
	bgp_update_write_announce(&w, &attrs, prefixes, n);
	CHECK(!w.bad);
	CHECK(bgp_update_read(buf + BGP_HEADER_LEN, writer_len(&w) - BGP_HEADER_LEN, as4, false, &u, &error) == 0);
	CHECK(!u.treat_as_withdraw);
	CHECK(prefixes_of(v6 ? u.mp_reachable : u.reachable, v6 ? BGP_IPV6 : BGP_IPV4, read) == n);
	for (unsigned i = 0; i < n; i++)
		CHECK(prefix_equal(&prefixes[i], &read[i]));
}

static void fuzz_update(const uint8_t *body, size_t len, bool as4, bool internal)
{
	struct prefix prefixes[PREFIXES_MAX];
	struct bgp_update u;
	struct bgp_error error = {0};
	unsigned n;

	if (bgp_update_read(body, len, as4, internal, &u, &error)) {
		check_text(&error);
		CHECK(error.code == BGP_ERR_UPDATE);
		return;
	}
	CHECK(memchr(u.why, 0, sizeof u.why));
	prefixes_of(u.withdrawn, BGP_IPV4, prefixes);
	if (u.mp_withdrawn_family)
		prefixes_of(u.mp_withdrawn, u.mp_withdrawn_family, prefixes);
	n = prefixes_of(u.reachable, BGP_IPV4, prefixes);
	if (n > 0)
		write_again(prefixes, n, as4);
	n = u.mp_reachable_family ? prefixes_of(u.mp_reachable, u.mp_reachable_family, prefixes) : 0;
	if (n > 0)
		write_again(prefixes, n, as4);
}

static void fuzz_body(enum bgp_msg_type type, const uint8_t *body, size_t len, bool as4, bool internal)
{
	struct bgp_error error = {0};
	enum bgp_refresh subtype;
	uint8_t family;

	switch (type) {
	case BGP_MSG_OPEN:
		fuzz_open(body, len);
		return;
	case BGP_MSG_UPDATE:
		fuzz_update(body, len, as4, internal);
		return;
	case BGP_MSG_NOTIFICATION:
		bgp_msg_read_notification(body, len, &error);
		check_text(&error);
		return;
	case BGP_MSG_ROUTE_REFRESH:
		if (bgp_msg_read_refresh(body, len, &family, &subtype, &error))
			check_text(&error);
		return;
	case BGP_MSG_KEEPALIVE:
		return;
	}
}

static void fuzz_stream(const uint8_t *p, size_t len, bool extended, bool as4, bool internal)
{
	while (len > 0) {
		enum bgp_msg_type type;
		struct bgp_error error = {0};
		int n = bgp_msg_frame(p, len, extended ? BGP_MSG_MAX_EXTENDED : BGP_MSG_MAX, &type, &error);

		if (n < 0)
			return;
		CHECK(n >= BGP_HEADER_LEN && (size_t)n <= len);
		fuzz_body(type, p + BGP_HEADER_LEN, (size_t)n - BGP_HEADER_LEN, as4, internal);
		p += n;
		len -= (size_t)n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool as4, internal, extended;

	if (size == 0)
		return 0;
	as4 = data[0] & 0x10;
	internal = data[0] & 0x20;
	extended = data[0] & 0x40;
	if ((data[0] & 0x0f) >= BGP_MSG_OPEN && (data[0] & 0x0f) <= BGP_MSG_ROUTE_REFRESH)
		fuzz_body((enum bgp_msg_type)(data[0] & 0x0f), data + 1, size - 1, as4, internal);
	else
		fuzz_stream(data + 1, size - 1, extended, as4, internal);
	return 0;
}
