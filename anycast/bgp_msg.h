/* BGP-4 messages on the wire, but UPDATE (bgp_update.h): header and framing, OPEN with its
 * capabilities, NOTIFICATION, KEEPALIVE, ROUTE-REFRESH.
 * RFC 4271 section 4, 5492, 4760, 6793, 2918, 7313, 8654, 4724 (understood, never offered), 9072, 9003.
 *
 * A codec never changes state: it returns a value, or fills a struct bgp_error with what to tell the
 * peer and what to tell a person. Any thread. */
#ifndef ANYCAST_BGP_MSG_H
#define ANYCAST_BGP_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define BGP_HEADER_LEN 19
#define BGP_MSG_MAX 4096            /* RFC 4271 */
#define BGP_MSG_MAX_EXTENDED 65535  /* RFC 8654, all but OPEN and KEEPALIVE */
#define BGP_VERSION 4
#define BGP_AS_TRANS 23456          /* RFC 6793 */

enum bgp_msg_type {
	BGP_MSG_OPEN = 1,
	BGP_MSG_UPDATE,
	BGP_MSG_NOTIFICATION,
	BGP_MSG_KEEPALIVE,
	BGP_MSG_ROUTE_REFRESH
};

/* NOTIFICATION codes (RFC 4271 section 4.5, RFC 9687) and those subcodes that are sent. */
enum bgp_error_code {
	BGP_ERR_NONE,
	BGP_ERR_HEADER,
	BGP_ERR_OPEN,
	BGP_ERR_UPDATE,
	BGP_ERR_HOLD,
	BGP_ERR_FSM,
	BGP_ERR_CEASE,
	BGP_ERR_REFRESH,
	BGP_ERR_SEND_HOLD
};
enum { BGP_HEADER_NOT_SYNCED = 1, BGP_HEADER_BAD_LENGTH, BGP_HEADER_BAD_TYPE };
enum {
	BGP_OPEN_VERSION = 1,
	BGP_OPEN_PEER_AS,
	BGP_OPEN_ID,
	BGP_OPEN_OPT_PARAM,
	BGP_OPEN_HOLD_TIME = 6,
	BGP_OPEN_CAPABILITY
};
enum { BGP_UPDATE_ATTR_LIST = 1, BGP_UPDATE_OPT_ATTR = 9, BGP_UPDATE_NETWORK = 10 };
enum {  /* RFC 4486, 8538, 9384 */
	BGP_CEASE_MAX_PREFIXES = 1,
	BGP_CEASE_ADMIN_SHUTDOWN,
	BGP_CEASE_DECONFIGURED,
	BGP_CEASE_ADMIN_RESET,
	BGP_CEASE_REJECTED,
	BGP_CEASE_CONFIGURATION,
	BGP_CEASE_COLLISION,
	BGP_CEASE_RESOURCES,
	BGP_CEASE_HARD_RESET,
	BGP_CEASE_BFD_DOWN
};
enum bgp_refresh { BGP_REFRESH_REQUEST, BGP_REFRESH_BEGIN, BGP_REFRESH_END };  /* RFC 7313 */

/* In words, with all 255 bytes that a peer may say (RFC 9003). */
#define BGP_TEXT_LEN 384

/* A fault: what the NOTIFICATION says, and the same in words for the log. */
struct bgp_error {
	uint8_t code, subcode;
	uint8_t data_len;
	uint8_t data[129];
	char text[BGP_TEXT_LEN];
};

/* Address families, both unicast, as bits of a set. */
enum { BGP_IPV4 = 1, BGP_IPV6 = 2 };

/* Address family and SAFI numbers to a family bit; 0 for any other. */
uint8_t bgp_family(uint16_t afi, uint8_t safi);

struct bgp_open {
	uint32_t as;             /* of capability 65, or else of the header field */
	uint32_t router_id;      /* host order */
	uint16_t hold_s;
	uint8_t families;        /* of capability 1; BGP_IPV4 when it offers none (RFC 4760 section 8) */
	bool as4;                /* capability 65 */
	bool refresh;            /* 2 */
	bool enhanced_refresh;   /* 70 */
	bool extended;           /* 6 */
	bool graceful_restart;   /* 64 */
	uint16_t restart_s;
};

/* The writers append one whole message. Check w->bad once. */
void bgp_msg_write_open(struct writer *w, const struct bgp_open *open);
void bgp_msg_write_keepalive(struct writer *w);
void bgp_msg_write_refresh(struct writer *w, uint8_t family, enum bgp_refresh subtype);
void bgp_msg_write_notification(struct writer *w, const struct bgp_error *error);
/* For UPDATE: a header whose length is set by bgp_msg_end() with the offset that this returned. */
size_t bgp_msg_begin(struct writer *w, enum bgp_msg_type type);
void bgp_msg_end(struct writer *w, size_t at);

/* A CEASE that says which limit of a family was passed (RFC 4486 section 4). */
void bgp_msg_cease_prefixes(struct bgp_error *out, uint8_t family, uint32_t limit);
/* A CEASE with the shutdown communication of RFC 9003 (cut to 128 bytes at a character). */
void bgp_msg_cease(struct bgp_error *out, uint8_t subcode, const char *text);

/* Looks at the first `len` bytes of the stream. Returns the length of the message and its type,
 * -EAGAIN when more bytes are needed, or -EBADMSG with `error`. `max` is BGP_MSG_MAX, or
 * BGP_MSG_MAX_EXTENDED where both sides offered that. */
int bgp_msg_frame(const uint8_t *p, size_t len, size_t max, enum bgp_msg_type *type, struct bgp_error *error);

/* The readers get the body of one message, without its header. 0, or -EBADMSG with `error`. */
int bgp_msg_read_open(const uint8_t *body, size_t len, struct bgp_open *out, struct bgp_error *error);
/* The family, 0 for one that is not ours, and what is said of it; an unknown subtype is passed over as one of
 * no family (RFC 7313 section 5). */
int bgp_msg_read_refresh(const uint8_t *body, size_t len, uint8_t *family, enum bgp_refresh *subtype,
                         struct bgp_error *error);
/* What the peer said, in out->text too: "Cease/Administrative Shutdown: \"maintenance\"". The
 * peer's own words are cleaned of control bytes. Never fails: an odd one is described as it is. */
void bgp_msg_read_notification(const uint8_t *body, size_t len, struct bgp_error *out);

/* "OPEN Message Error/Bad Peer AS", in the words of the RFCs. Returns buf. */
#define BGP_ERROR_STR_LEN 80
const char *bgp_error_str(uint8_t code, uint8_t subcode, char buf[BGP_ERROR_STR_LEN]);
/* Fills `error` and its text (printf format); returns -EBADMSG. */
int bgp_error_set(struct bgp_error *error, uint8_t code, uint8_t subcode, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
