/* Codec of the BGP messages but UPDATE. See bgp_msg.h; pure, any thread.
 *
 * Reading is strict where a slip would misplace the rest (lengths), lenient where the RFCs say so:
 * capabilities that are not known, or come twice, are passed over (RFC 5492 section 4). */
#include "anycast/bgp_msg.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

enum { OPT_PARAM_CAPABILITIES = 2, OPT_PARAM_EXTENDED = 255 };
enum {
	CAP_MULTIPROTOCOL = 1, CAP_REFRESH = 2, CAP_EXTENDED = 6, CAP_RESTART = 64, CAP_AS4 = 65, CAP_ENHANCED_REFRESH = 70
};
enum { AFI_IPV4 = 1, AFI_IPV6 = 2, SAFI_UNICAST = 1 };
enum { SHUTDOWN_TEXT_SENT_MAX = 128 };  /* RFC 8203; RFC 9003 reads up to 255 */

uint8_t bgp_family(uint16_t afi, uint8_t safi)
{
	if (safi != SAFI_UNICAST)
		return 0;
	return afi == AFI_IPV4 ? BGP_IPV4 : afi == AFI_IPV6 ? BGP_IPV6 : 0;
}

/* ---- errors ---- */

const char *bgp_error_str(uint8_t code, uint8_t subcode, char buf[BGP_ERROR_STR_LEN])
{
	static const char *const codes[] = {
		[BGP_ERR_HEADER] = "Message Header Error", [BGP_ERR_OPEN] = "OPEN Message Error",
		[BGP_ERR_UPDATE] = "UPDATE Message Error", [BGP_ERR_HOLD] = "Hold Timer Expired",
		[BGP_ERR_FSM] = "Finite State Machine Error", [BGP_ERR_CEASE] = "Cease",
		[BGP_ERR_REFRESH] = "ROUTE-REFRESH Message Error", [BGP_ERR_SEND_HOLD] = "Send Hold Timer Expired",
	};
	static const char *const subcodes[][12] = {
		[BGP_ERR_HEADER] = {0, "Connection Not Synchronized", "Bad Message Length", "Bad Message Type"},
		[BGP_ERR_OPEN] = {0, "Unsupported Version Number", "Bad Peer AS", "Bad BGP Identifier",
		                  "Unsupported Optional Parameter", "Authentication Failure", "Unacceptable Hold Time",
		                  "Unsupported Capability", [11] = "Role Mismatch"},
		[BGP_ERR_UPDATE] = {0, "Malformed Attribute List", "Unrecognized Well-known Attribute",
		                    "Missing Well-known Attribute", "Attribute Flags Error", "Attribute Length Error",
		                    "Invalid ORIGIN Attribute", "AS Routing Loop", "Invalid NEXT_HOP Attribute",
		                    "Optional Attribute Error", "Invalid Network Field", "Malformed AS_PATH"},
		[BGP_ERR_FSM] = {0, "Unexpected Message in OpenSent", "Unexpected Message in OpenConfirm",
		                 "Unexpected Message in Established"},
		[BGP_ERR_CEASE] = {0, "Maximum Number of Prefixes Reached", "Administrative Shutdown",
		                   "Peer De-configured", "Administrative Reset", "Connection Rejected",
		                   "Other Configuration Change", "Connection Collision Resolution",
		                   "Out of Resources", "Hard Reset", "BFD Down"},
		[BGP_ERR_REFRESH] = {0, "Invalid Message Length"},
		[BGP_ERR_SEND_HOLD] = {0},
	};
	const char *sub = 0;

	if (code == 0 || code > BGP_ERR_SEND_HOLD) {
		snprintf(buf, BGP_ERROR_STR_LEN, "error code %u/%u", code, subcode);
		return buf;
	}
	if (subcode < sizeof subcodes[0] / sizeof subcodes[0][0])
		sub = subcodes[code][subcode];
	if (sub)
		snprintf(buf, BGP_ERROR_STR_LEN, "%s/%s", codes[code], sub);
	else if (subcode)
		snprintf(buf, BGP_ERROR_STR_LEN, "%s/subcode %u", codes[code], subcode);
	else
		snprintf(buf, BGP_ERROR_STR_LEN, "%s", codes[code]);
	return buf;
}

int bgp_error_set(struct bgp_error *error, uint8_t code, uint8_t subcode, const char *fmt, ...)
{
	va_list ap;

	error->code = code;
	error->subcode = subcode;
	error->data_len = 0;
	va_start(ap, fmt);
	vsnprintf(error->text, sizeof error->text, fmt, ap);
	va_end(ap);
	return -EBADMSG;
}

static void error_data_u16(struct bgp_error *error, uint16_t v)
{
	error->data[0] = (uint8_t)(v >> 8);
	error->data[1] = (uint8_t)v;
	error->data_len = 2;
}

/* ---- writing ---- */

size_t bgp_msg_begin(struct writer *w, enum bgp_msg_type type)
{
	static const uint8_t marker[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	                                   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	size_t at = writer_len(w);

	write_bytes(w, marker, sizeof marker);
	write_u16(w, 0);
	write_u8(w, (uint8_t)type);
	return at;
}

void bgp_msg_end(struct writer *w, size_t at)
{
	if (!w->bad)
		write_u16_at(w, at + 16, (uint16_t)(writer_len(w) - at));
}

static void write_cap_family(struct writer *w, uint16_t afi)
{
	write_u8(w, CAP_MULTIPROTOCOL);
	write_u8(w, 4);
	write_u16(w, afi);
	write_u8(w, 0);
	write_u8(w, SAFI_UNICAST);
}

static void write_capabilities(struct writer *w, const struct bgp_open *open)
{
	if (open->families & BGP_IPV4)
		write_cap_family(w, AFI_IPV4);
	if (open->families & BGP_IPV6)
		write_cap_family(w, AFI_IPV6);
	if (open->refresh)
		write_u16(w, CAP_REFRESH << 8);
	if (open->enhanced_refresh)
		write_u16(w, CAP_ENHANCED_REFRESH << 8);
	if (open->extended)
		write_u16(w, CAP_EXTENDED << 8);
	if (open->as4) {
		write_u8(w, CAP_AS4);
		write_u8(w, 4);
		write_u32(w, open->as);
	}
}

/* open->graceful_restart is for reading only: a route must not outlive the process that serves it. */
void bgp_msg_write_open(struct writer *w, const struct bgp_open *open)
{
	uint8_t caps[64];
	struct writer c = writer_of(caps, sizeof caps);
	size_t at = bgp_msg_begin(w, BGP_MSG_OPEN);

	write_capabilities(&c, open);
	write_u8(w, BGP_VERSION);
	write_u16(w, open->as > UINT16_MAX ? BGP_AS_TRANS : (uint16_t)open->as);
	write_u16(w, open->hold_s);
	write_u32(w, open->router_id);
	if (writer_len(&c) == 0) {
		write_u8(w, 0);
	} else {
		write_u8(w, (uint8_t)(writer_len(&c) + 2));
		write_u8(w, OPT_PARAM_CAPABILITIES);
		write_u8(w, (uint8_t)writer_len(&c));
		write_bytes(w, caps, writer_len(&c));
	}
	bgp_msg_end(w, at);
}

void bgp_msg_write_keepalive(struct writer *w)
{
	bgp_msg_end(w, bgp_msg_begin(w, BGP_MSG_KEEPALIVE));
}

void bgp_msg_write_refresh(struct writer *w, uint8_t family, enum bgp_refresh subtype)
{
	size_t at = bgp_msg_begin(w, BGP_MSG_ROUTE_REFRESH);

	write_u16(w, family == BGP_IPV6 ? AFI_IPV6 : AFI_IPV4);
	write_u8(w, (uint8_t)subtype);
	write_u8(w, SAFI_UNICAST);
	bgp_msg_end(w, at);
}

void bgp_msg_write_notification(struct writer *w, const struct bgp_error *error)
{
	size_t at = bgp_msg_begin(w, BGP_MSG_NOTIFICATION);

	write_u8(w, error->code);
	write_u8(w, error->subcode);
	write_bytes(w, error->data, error->data_len);
	bgp_msg_end(w, at);
}

void bgp_msg_cease(struct bgp_error *out, uint8_t subcode, const char *text)
{
	size_t len = strlen(text);

	if (len > SHUTDOWN_TEXT_SENT_MAX) {
		len = SHUTDOWN_TEXT_SENT_MAX;
		while (len > 0 && ((uint8_t)text[len] & 0xc0) == 0x80)  /* not inside a UTF-8 character */
			len--;
	}
	bgp_error_set(out, BGP_ERR_CEASE, subcode, "%s", text);
	if (len > 0 && (subcode == BGP_CEASE_ADMIN_SHUTDOWN || subcode == BGP_CEASE_ADMIN_RESET)) {
		out->data[0] = (uint8_t)len;
		memcpy(out->data + 1, text, len);
		out->data_len = (uint8_t)(len + 1);
	}
}

void bgp_msg_cease_prefixes(struct bgp_error *out, uint8_t family, uint32_t limit)
{
	struct writer w = writer_of(out->data, sizeof out->data);

	bgp_error_set(out, BGP_ERR_CEASE, BGP_CEASE_MAX_PREFIXES, "more than %u prefixes", limit);
	write_u16(&w, family == BGP_IPV6 ? AFI_IPV6 : AFI_IPV4);
	write_u8(&w, SAFI_UNICAST);
	write_u32(&w, limit);
	out->data_len = (uint8_t)writer_len(&w);
}

/* ---- framing, RFC 4271 section 4.1 and 6.1 ---- */

static size_t min_len(uint8_t type)
{
	static const uint8_t min[] = {[BGP_MSG_OPEN] = 29, [BGP_MSG_UPDATE] = 23, [BGP_MSG_NOTIFICATION] = 21,
	                              [BGP_MSG_KEEPALIVE] = 19, [BGP_MSG_ROUTE_REFRESH] = 19};

	return type >= BGP_MSG_OPEN && type <= BGP_MSG_ROUTE_REFRESH ? min[type] : BGP_HEADER_LEN;
}

static int frame_bad_length(struct bgp_error *error, uint16_t length)
{
	bgp_error_set(error, BGP_ERR_HEADER, BGP_HEADER_BAD_LENGTH, "it sent a message of %u bytes, which its type "
	              "does not allow", length);
	error_data_u16(error, length);
	return -EBADMSG;
}

int bgp_msg_frame(const uint8_t *p, size_t len, size_t max, enum bgp_msg_type *type, struct bgp_error *error)
{
	struct reader r = reader_of(p, len);
	uint16_t length;
	uint8_t t;

	for (size_t i = 0; i < 16 && i < len; i++) {
		if (p[i] != 0xff)
			return bgp_error_set(error, BGP_ERR_HEADER, BGP_HEADER_NOT_SYNCED,
			                     "it sent bytes that are not BGP (the marker is wrong)");
	}
	if (len < BGP_HEADER_LEN)
		return -EAGAIN;
	read_bytes(&r, 16);
	length = read_u16(&r);
	t = read_u8(&r);
	if (t < BGP_MSG_OPEN || t > BGP_MSG_ROUTE_REFRESH) {
		bgp_error_set(error, BGP_ERR_HEADER, BGP_HEADER_BAD_TYPE,
		              "it sent a message of the unknown type %u", t);
		error->data[0] = t;
		error->data_len = 1;
		return -EBADMSG;
	}
	if (t == BGP_MSG_OPEN || t == BGP_MSG_KEEPALIVE)
		max = BGP_MSG_MAX;
	if (length < min_len(t) || length > max || (t == BGP_MSG_KEEPALIVE && length != BGP_HEADER_LEN))
		return frame_bad_length(error, length);
	*type = (enum bgp_msg_type)t;
	return len < length ? -EAGAIN : length;
}

/* ---- OPEN ---- */

static int open_malformed(struct bgp_error *error, const char *what)
{
	return bgp_error_set(error, BGP_ERR_OPEN, 0, "its OPEN is malformed: %s", what);
}

/* A capability with a length that is not its own is passed over, as one that is not known. */
static void read_capability(uint8_t code, struct reader *v, struct bgp_open *out)
{
	size_t len = reader_left(v);
	uint16_t afi;

	switch (code) {
	case CAP_MULTIPROTOCOL:
		if (len != 4)
			return;
		afi = read_u16(v);
		read_u8(v);
		out->families |= bgp_family(afi, read_u8(v));
		return;
	case CAP_REFRESH:
		out->refresh = true;
		return;
	case CAP_ENHANCED_REFRESH:
		out->enhanced_refresh = true;
		return;
	case CAP_EXTENDED:
		out->extended = true;
		return;
	case CAP_RESTART:
		if (len < 2)
			return;
		out->graceful_restart = true;
		out->restart_s = read_u16(v) & 0x0fff;
		return;
	case CAP_AS4:
		if (len != 4)
			return;
		out->as4 = true;
		out->as = read_u32(v);
		return;
	}
}

static int read_capabilities(struct reader *r, struct bgp_open *out, bool *multiprotocol, struct bgp_error *error)
{
	while (reader_left(r) > 0) {
		uint8_t code = read_u8(r);
		struct reader v = read_sub(r, read_u8(r));

		if (r->bad)
			return open_malformed(error, "a capability is longer than its parameter");
		*multiprotocol |= code == CAP_MULTIPROTOCOL;
		read_capability(code, &v, out);
	}
	return 0;
}

/* Optional parameters, in the form of RFC 4271 or, after type 255, of RFC 9072. */
static int read_opt_params(struct reader *r, struct bgp_open *out, bool *multiprotocol, struct bgp_error *error)
{
	uint8_t len = read_u8(r);
	bool extended = len != 0 && reader_left(r) > 0 && r->p[0] == OPT_PARAM_EXTENDED;
	struct reader params;
	int rc;

	if (extended)
		read_u8(r);
	params = read_sub(r, extended ? read_u16(r) : len);
	if (r->bad || reader_left(r) != 0)
		return open_malformed(error, "the length of its optional parameters is wrong");
	while (reader_left(&params) > 0) {
		uint8_t type = read_u8(&params);
		struct reader v = read_sub(&params, extended ? read_u16(&params) : read_u8(&params));

		if (params.bad)
			return open_malformed(error, "an optional parameter is longer than the message");
		if (type != OPT_PARAM_CAPABILITIES)
			return bgp_error_set(error, BGP_ERR_OPEN, BGP_OPEN_OPT_PARAM,
			                     "its OPEN has the optional parameter %u, which is not known", type);
		rc = read_capabilities(&v, out, multiprotocol, error);
		if (rc)
			return rc;
	}
	return 0;
}

int bgp_msg_read_open(const uint8_t *body, size_t len, struct bgp_open *out, struct bgp_error *error)
{
	struct reader r = reader_of(body, len);
	uint8_t version = read_u8(&r);
	struct bgp_open open = {.as = read_u16(&r)};
	bool multiprotocol = false;
	int rc;

	open.hold_s = read_u16(&r);
	open.router_id = read_u32(&r);
	if (r.bad)
		return open_malformed(error, "it is cut short");
	if (version != BGP_VERSION) {
		bgp_error_set(error, BGP_ERR_OPEN, BGP_OPEN_VERSION,
		              "it speaks BGP version %u, this is version 4", version);
		error_data_u16(error, BGP_VERSION);
		return -EBADMSG;
	}
	rc = read_opt_params(&r, &open, &multiprotocol, error);
	if (rc)
		return rc;
	if (!multiprotocol)
		open.families = BGP_IPV4;
	if (open.as == 0)
		return bgp_error_set(error, BGP_ERR_OPEN, BGP_OPEN_PEER_AS, "it says that its AS is 0 (RFC 7607)");
	if (open.router_id == 0)
		return bgp_error_set(error, BGP_ERR_OPEN, BGP_OPEN_ID, "it says that its BGP Identifier is 0.0.0.0");
	if (open.hold_s == 1 || open.hold_s == 2)
		return bgp_error_set(error, BGP_ERR_OPEN, BGP_OPEN_HOLD_TIME,
		                     "it offers a hold time of %u s; 0, or at least 3, is right", open.hold_s);
	*out = open;
	return 0;
}

/* ---- ROUTE-REFRESH and NOTIFICATION ---- */

/* RFC 7313 section 5: the data is the whole message, here as far as there is room. */
static int refresh_bad_length(struct bgp_error *error, const uint8_t *body, size_t len)
{
	struct writer w = writer_of(error->data, sizeof error->data);
	size_t at, room = sizeof error->data - BGP_HEADER_LEN;

	bgp_error_set(error, BGP_ERR_REFRESH, 1, "it sent a ROUTE-REFRESH of %zu bytes", len);
	at = bgp_msg_begin(&w, BGP_MSG_ROUTE_REFRESH);
	write_u16_at(&w, at + 16, (uint16_t)(BGP_HEADER_LEN + len));
	write_bytes(&w, body, len < room ? len : room);
	error->data_len = (uint8_t)writer_len(&w);
	return -EBADMSG;
}

int bgp_msg_read_refresh(const uint8_t *body, size_t len, uint8_t *family, enum bgp_refresh *subtype,
                         struct bgp_error *error)
{
	struct reader r = reader_of(body, len);
	uint16_t afi = read_u16(&r);
	uint8_t type = read_u8(&r), safi = read_u8(&r);

	if (r.bad || ((type == BGP_REFRESH_BEGIN || type == BGP_REFRESH_END) && reader_left(&r) > 0))
		return refresh_bad_length(error, body, len);
	*family = type <= BGP_REFRESH_END ? bgp_family(afi, safi) : 0;
	*subtype = (enum bgp_refresh)(type <= BGP_REFRESH_END ? type : BGP_REFRESH_REQUEST);
	return 0;
}

/* The peer's words for the log: printable ASCII and UTF-8 stay, what could fool a terminal goes. */
static void clean_text(char *out, size_t size, const uint8_t *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + 1 < size; i++)
		out[n++] = text[i] < 0x20 || text[i] == 0x7f || text[i] == '"' ? '?' : (char)text[i];
	if (n < len) {  /* cut: not inside a character */
		while (n > 0 && (text[n] & 0xc0) == 0x80)
			n--;
	}
	out[n] = 0;
}

void bgp_msg_read_notification(const uint8_t *body, size_t len, struct bgp_error *out)
{
	struct reader r = reader_of(body, len);
	char name[BGP_ERROR_STR_LEN], words[sizeof out->text - BGP_ERROR_STR_LEN - 4];
	size_t left;

	memset(out, 0, sizeof *out);
	out->code = read_u8(&r);
	out->subcode = read_u8(&r);
	left = reader_left(&r);
	out->data_len = (uint8_t)(left < sizeof out->data ? left : sizeof out->data);
	if (out->data_len > 0)
		memcpy(out->data, r.p, out->data_len);
	bgp_error_str(out->code, out->subcode, name);
	/* RFC 9003: Administrative Shutdown and Administrative Reset may say why */
	if (out->code == BGP_ERR_CEASE && (out->subcode == 2 || out->subcode == 4) && left > 1 && r.p[0] > 0 &&
	    r.p[0] <= left - 1) {
		clean_text(words, sizeof words, r.p + 1, r.p[0]);
		snprintf(out->text, sizeof out->text, "%s: \"%s\"", name, words);
	} else {
		snprintf(out->text, sizeof out->text, "%s", name);
	}
}
