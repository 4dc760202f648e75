/* libFuzzer on the front of the SIP stack: a datagram is parsed and everything that tandem would write because
 * of it is written: an answer of its own, the request sent on, the response sent on, CANCEL and ACK. The first
 * byte chooses the options of forwarding.
 *
 * Beside what the sanitizers see: what is sent has to parse again, be of the same call, and have our Via on top; and what
 * plain.c takes for plain, the grammar must have read alike. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/alias.h"
#include "proxy/sip/message.h"
#include "tests/unit/sip_same.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(what) do { if (!(what)) { fprintf(stderr, "line %d: %s does not hold\n", __LINE__, #what); abort(); } } while (0)
#define OUR_BRANCH "z9hG4bKours"

static char out[SIP_MESSAGE_MAX + 1], out2[SIP_MESSAGE_MAX + 1];

/* A trunk's header rules and the edge of trust. */
static const struct sip_edit_line lines[] = {{"Subject", NULL}, {"Supported", "new"}, {"P-Asserted-Identity", NULL}};
static const struct sip_edit edit = {lines, 3, "X-Carrier: a\r\n"}, edge = {lines + 2, 1, ""};

static bool yes(const char *branch, uint64_t arg)
{
	return branch[0] == (char)arg;
}

static void look(const struct sip_msg *m)
{
	struct sip_via_view via;
	struct sip_uri_view uri;
	const char *call_id;
	char value[64];
	size_t len;

	for (unsigned i = 0; i < m->routes; i++)
		CHECK(sip_msg_route(m, i, &uri));
	CHECK(!sip_msg_route(m, m->routes, &uri));
	for (unsigned i = 0; i < 64 && sip_msg_proxy_require(m, i); i++)
		;
	sip_msg_second_via(m, &via);
	sip_msg_any_branch(m, yes, 'z');
	sip_msg_private_id(m);
	sip_msg_session_expires(m);
	sip_msg_header(m, "Require", value, sizeof value);
	if (m->status == 0) {
		sip_loop_value(m);
		sip_msg_max_breadth(m);
	}
	sip_scan_call_id(m->data, m->len, &call_id, &len);
}

/* As long as memory allows: what we wrote, as a peer reads it. */
static void read_again(const struct writer *w, const struct sip_msg *m, const char *branch, struct sip_msg *again)
{
	const char *why;

	CHECK(writer_len(w) <= SIP_MESSAGE_MAX);
	/* RFC 2543: no From tag is taken from those who have no magic cookie, which we add */
	CHECK(sip_parse(again, (char *)w->start, writer_len(w), &why) ==
	      (m->from_tag[0] || again->status ? SIP_PARSED : SIP_ANSWER_400));
	CHECK(strcmp(again->call_id, m->call_id) == 0 && again->cseq == m->cseq);
	CHECK(strcmp(again->from_tag, m->from_tag) == 0);
	if (branch)
		CHECK(again->via.branch && strcmp(again->via.branch, branch) == 0);
}

static void write_answer(const struct sip_msg *m, const struct addr *source, bool parsed)
{
	struct writer w = writer_of(out, SIP_MESSAGE_MAX);
	struct sip_msg again = {0};

	if (!sip_write_reply(&w, m, source, 404, "Not Found", "tag", "Retry-After: 5\r\n"))
		return;
	if (parsed) {
		read_again(&w, m, m->via.branch, &again);
		CHECK(again.status == 404 && again.to_tag[0]);
		sip_release(&again);
	}
}

/* Method, URI and version: three words, whatever was taken for the URI. */
static void check_request_line(const struct writer *w)
{
	const char *p = (const char *)w->start, *end = memchr(p, '\r', writer_len(w));
	unsigned blanks = 0;

	CHECK(end);
	for (; p < end; p++) {
		CHECK((unsigned char)*p >= ' ');
		blanks += *p == ' ';
	}
	CHECK(blanks == 2);
}

static void write_on(const struct sip_msg *m, const struct addr *source, uint8_t options)
{
	struct sip_forward f = {
		.via = "SIP/2.0/UDP 198.51.100.11:5060;branch=" OUR_BRANCH,
		.ruri = options & 1 ? "sip:+14155550100@region.example" : NULL,
		.record_route = {options & 2 ? "<sip:token@203.0.113.10;lr>" : NULL, options & 4 ? "<sip:198.51.100.11;lr>" : NULL},
		.from_strict = options & 8 && m->routes > 0,
		.max_breadth = options & 16 ? 60 : 0,
		.edit = {options & 128 ? &edit : NULL, options & 128 ? &edge : NULL},
	};
	struct writer w = writer_of(out, SIP_MESSAGE_MAX), w2 = writer_of(out2, SIP_MESSAGE_MAX);
	struct sip_msg sent = {0}, second = {0};
	unsigned left = m->routes - (f.from_strict ? 1 : 0);

	f.skip_routes = options & 32 && left > 0 ? 1 : 0;
	f.strict = options & 64 && f.skip_routes < left;
	if (m->max_forwards == 0 || !sip_write_request(&w, m, source, &f))
		return;
	check_request_line(&w);
	if (f.from_strict || f.strict)  /* a Route's URI is on top now: its host may be no host, and has no address then */
		return;
	read_again(&w, m, OUR_BRANCH, &sent);
	CHECK(sent.max_forwards >= 0 && (m->max_forwards < 0 || sent.max_forwards == m->max_forwards - 1));
	CHECK(sent.method == m->method);
	CHECK(sip_write_trying(&w2, &sent));
	w2 = writer_of(out2, SIP_MESSAGE_MAX);
	if (m->method == SIP_INVITE && sip_write_cancel(&w2, &sent, "")) {
		read_again(&w2, m, OUR_BRANCH, &second);
		CHECK(second.method == SIP_CANCEL);
		sip_release(&second);
	}
	sip_release(&sent);
}

static void write_back(const struct sip_msg *m, uint8_t options)
{
	struct writer w = writer_of(out, SIP_MESSAGE_MAX);
	struct sip_via_view below;
	struct sip_msg again = {0};
	const struct sip_edit *edits[2] = {NULL, options & 128 ? &edge : NULL};

	if (!sip_msg_second_via(m, &below) || !sip_write_response(&w, m, edits))
		return;
	read_again(&w, m, below.branch, &again);
	CHECK(again.status == m->status);
	sip_release(&again);
}

static void check_alike(const struct sip_msg *m, const char *text, size_t len)
{
	char *copy = malloc(len + 1);
	struct sip_msg full = {.max_forwards = 0};
	const char *why;

	memcpy(copy, text, len);
	full.data = copy;
	full.len = len;
	full.method_name = full.phrase = full.via_mates = "";
	CHECK(sip_grammar(&full, copy, &why) == SIP_PARSED);
	const char *differs = sip_difference(m, &full);
	if (differs)
		fprintf(stderr, "plain and grammar differ: %s\n", differs);
	CHECK(!differs);
	sip_release(&full);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool started;
	struct sip_msg m = {0};
	struct addr source;
	enum sip_parsed parsed;
	const char *why = NULL, *call_id;
	size_t len;
	char *text;

	if (!started)
		started = sip_init() == 0;
	if (size < 1 || size > SIP_SERVED_MAX)
		return 0;
	text = malloc(size);  /* the text, and the one writable byte that the parser wants */
	memcpy(text, data + 1, size - 1);
	text[size - 1] = 'X';
	addr_parse(&source, "192.0.2.2", 5070);
	sip_scan_call_id(text, size - 1, &call_id, &len);
	struct alias_address at = {.port = 0};
	if (alias_asked(text, size - 1, &at))
		CHECK(at.port && at.host[0] && memchr(at.host, 0, sizeof at.host));
	parsed = sip_parse(&m, text, size - 1, &why);
	CHECK(parsed == SIP_PARSED || why);
	if (!m.msg && parsed == SIP_PARSED)
		check_alike(&m, m.data, m.len);
	if (parsed != SIP_UNANSWERABLE) {
		if (m.status == 0)
			write_answer(&m, &source, parsed == SIP_PARSED);
		if (parsed == SIP_PARSED) {
			look(&m);
			if (m.status == 0)
				write_on(&m, &source, data[0]);
			else
				write_back(&m, data[0]);
		}
	}
	sip_release(&m);
	free(text);
	return 0;
}
