/* A SIP message as tandem sees it (RFC 3261 section 7): its lines as they came, and what a proxy has to know of them in
 * plain fields. Nearly all messages are of plain shape and read in one pass (plain.c); all others, and what is right in
 * them, are Sofia-SIP's to say (grammar.c): the only place that knows it. Both fill in the same. Texts are
 * NUL-terminated, never NULL where not said, and live as long as the message. Each worker parses for itself; a message
 * belongs to one thread, and stays where it is. */
#ifndef PROXY_SIP_MESSAGE_H
#define PROXY_SIP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"

/* The largest datagram taken; one byte more is room for the parser's NUL. */
#define SIP_MESSAGE_MAX 65535
/* The largest message served; a longer request is answered 513. */
#define SIP_SERVED_MAX 16384

enum sip_method { SIP_INVITE, SIP_ACK, SIP_BYE, SIP_CANCEL, SIP_OPTIONS, SIP_OTHER };

struct sip_via_view {
	const char *protocol;        /* "SIP/2.0/UDP" */
	const char *host;            /* sent-by, IPv6 with brackets */
	const char *port_text;       /* "" where not said */
	uint16_t port;               /* 5060 where not said */
	const char *branch;          /* NULL when there is none */
	const char *received;        /* NULL when there is none */
	const char *rport;           /* RFC 3581: NULL when there is none, "" when it is only asked for */
	const char *params;          /* all but received and rport, each with its semicolon before it */
};

struct sip_uri_view {
	const char *scheme, *user, *host;  /* host: IPv6 with brackets; user and host "" when absent */
	uint16_t port;               /* where not said, that of its transport */
	bool port_said;
	const char *params;          /* "" when there are none */
	bool lr;                     /* RFC 3261 section 19.1.1 */
};

/* Bytes as they came; no NUL at their end. */
struct sip_slice {
	const char *at;              /* NULL: it cannot be had */
	uint32_t len;
};

enum sip_line_kind {
	SIP_LINE_FIRST,
	SIP_LINE_VIA_TOP, SIP_LINE_VIA, SIP_LINE_ROUTE, SIP_LINE_FROM, SIP_LINE_TO, SIP_LINE_CALL_ID, SIP_LINE_CSEQ,
	SIP_LINE_MAX_FORWARDS, SIP_LINE_PROXY_REQUIRE,
	SIP_LINE_OTHER,              /* only text here */
	SIP_LINE_REST                /* Content-Length, what is broken; at the end the empty line and the body */
};

/* A header field's line, those that it goes on in and its end among it. */
struct sip_line {
	struct sip_slice text;
	enum sip_line_kind kind;
};

struct sip_route_view {
	struct sip_uri_view uri;
	struct sip_slice uri_text;   /* as a Request-URI has it */
	struct sip_slice value;      /* as a Route has it */
};

#define SIP_PLAIN_LINES 64
#define SIP_PLAIN_VIAS 8
#define SIP_PLAIN_ROUTES 4
#define SIP_PLAIN_TEXT 2048

struct sip_msg {
	const char *data;            /* the whole text as it came */
	size_t len;

	enum sip_method method;      /* of the request; of the CSeq in a response */
	const char *method_name;
	int status;                  /* 0 in a request */
	const char *phrase;
	struct sip_uri_view ruri;    /* a request's */
	struct sip_slice ruri_text;  /* as it came */
	struct sip_via_view via;     /* the topmost */
	const char *call_id, *from_tag, *to_tag;  /* tags "" when absent */
	const char *from_user;       /* "" when absent */
	uint32_t cseq;
	int max_forwards;            /* -1 when absent */
	unsigned routes;             /* Route values */

	/* for the files of this folder */
	const struct sip_line *lines;
	const struct sip_via_view *vias;
	const struct sip_route_view *route;
	const char *const *proxy_require;  /* option tags, then NULL; NULL: none */
	const char *via_mates;       /* whole Via lines of those that shared the topmost's; NULL: too long to be had */
	unsigned n_lines, n_vias;
	struct msg_s *msg;           /* Sofia's; NULL: it is of plain shape, and what it points to is here: */
	struct sip_line plain_lines[SIP_PLAIN_LINES];
	struct sip_via_view plain_vias[SIP_PLAIN_VIAS];
	struct sip_route_view plain_routes[SIP_PLAIN_ROUTES];
	char plain_text[SIP_PLAIN_TEXT];
};

enum sip_parsed {
	SIP_PARSED,
	SIP_UNANSWERABLE,            /* not SIP, or too broken to be answered (no usable Via, From, To, Call-ID, CSeq) */
	SIP_ANSWER_400,              /* a request with a fault; the fields needed for an answer are there */
	SIP_ANSWER_505               /* another version of SIP */
};

/* Once, before any other call, on the main thread. 0 or -ENOMEM. */
int sip_init(void);

/* Parses `len` bytes at `data`, which must stay in place, with one writable byte after them. Whatever
 * is returned, sip_release() follows. `*why` gets a static text for what is not SIP_PARSED. */
enum sip_parsed sip_parse(struct sip_msg *m, char *data, size_t len, const char **why);
void sip_release(struct sip_msg *m);

/* The i-th Route's URI; false past the end. */
bool sip_msg_route(const struct sip_msg *m, unsigned i, struct sip_uri_view *out);
/* The i-th option tag that a proxy must support; NULL past the end. */
const char *sip_msg_proxy_require(const struct sip_msg *m, unsigned i);
/* The second Via's branch and sent-by, as another node's answer would find them; false if none. */
bool sip_msg_second_via(const struct sip_msg *m, struct sip_via_view *out);
/* Where a response goes once its topmost Via is off: what the one below says (section 18.2.2, RFC 3581). False: there is
 * none, it is a name, or it asks for another transport than UDP. */
bool sip_msg_response_to(const struct sip_msg *m, struct addr *out);
/* Whether any Via's branch is one that `is` says yes to. */
bool sip_msg_any_branch(const struct sip_msg *m, bool (*is)(const char *branch, uint64_t arg), uint64_t arg);
/* One number from all that decides where a proxy sends a request, the Vias not among it: a request that
 * comes again with the same number is in a loop, with another it is in a spiral (RFC 5393 section 4.2.2). */
uint64_t sip_loop_value(const struct sip_msg *m);
/* Whether Privacy asks that the asserted identity be kept within the trust domain (RFC 3325 section 9.3). */
bool sip_msg_private_id(const struct sip_msg *m);
/* sip_header_find() for headers that are only text here, by the lines that are known already. */
bool sip_msg_header(const struct sip_msg *m, const char *name, char *value, size_t size);
/* Seconds of Session-Expires (RFC 4028); 0 where absent or not a number. */
uint32_t sip_msg_session_expires(const struct sip_msg *m);
/* Max-Breadth (RFC 5393 section 5.3): -1 where absent or not a number. */
int sip_msg_max_breadth(const struct sip_msg *m);

/* Finds Call-ID in unparsed text, as far as is needed to choose a worker; false if there is none. */
bool sip_scan_call_id(const char *data, size_t len, const char **value, size_t *value_len);

/* ---- writing; each returns false when it did not fit or memory ran out ---- */

/* A response of our own to `req`, which came from `source` (RFC 3261 section 8.2.6, RFC 3581).
 * `to_tag` is added where the request's To has none and the status is above 100. `extra` is whole
 * header lines or "". */
bool sip_write_reply(struct writer *w, const struct sip_msg *req, const struct addr *source, int status,
                     const char *phrase, const char *to_tag, const char *extra);

/* Changes to headers that are only text here; the name matches the compact form too. */
struct sip_edit_line {
	const char *name;
	const char *value;           /* of the first; others of the name are left out; NULL: all are */
};
struct sip_edit {
	const struct sip_edit_line *lines;
	unsigned n;                  /* at most SIP_EDIT_MAX */
	const char *add;             /* whole header lines or "" */
};
#define SIP_EDIT_MAX 32

/* The response without its topmost Via (RFC 3261 section 16.7). Each of `edits` may be NULL, and so may they; the first that
 * names a header has it; what they add is not. */
bool sip_write_response(struct writer *w, const struct sip_msg *resp, const struct sip_edit *const edits[2]);

struct sip_forward {
	const char *ruri;            /* the new Request-URI; NULL: as it came */
	const char *via;             /* the value of our Via */
	const char *record_route[2]; /* values, topmost first; NULL: none */
	unsigned skip_routes;        /* Route values removed from the top */
	bool strict;                 /* next hop is a strict router: the first Route left becomes the
	                              * Request-URI, `ruri` or the old one the last Route (section 16.6, 6) */
	bool from_strict;            /* a strict router came before: the last Route is the Request-URI meant
	                              * (section 16.4) */
	int max_breadth;             /* 0: as it came */
	const struct sip_edit *edit[2];  /* NULL: none */
};
/* The request as it is sent on (section 16.6): our Via on top, Max-Forwards less one, received and
 * rport in the Via below. Everything else stays as the carrier wrote it. */
bool sip_write_request(struct writer *w, const struct sip_msg *req, const struct addr *source,
                       const struct sip_forward *forward);

/* 100 upstream for `sent`, a request as we sent it on. */
bool sip_write_trying(struct writer *w, const struct sip_msg *sent);

/* CANCEL (section 9.1) or the ACK of a non-2xx (section 17.1.1.3, with `final`) for `sent`, which is
 * a request as we sent it. `reason` is what sip_write_reason() gave of the CANCEL that came, or "". */
bool sip_write_cancel(struct writer *w, const struct sip_msg *sent, const char *reason);
/* The Reason header lines (RFC 3326) as they came; none: nothing. */
bool sip_write_reason(struct writer *w, const struct sip_msg *cancel);
bool sip_write_ack(struct writer *w, const struct sip_msg *sent, const struct sip_msg *final);

#endif
