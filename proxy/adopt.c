/* The dead node's calls: see adopt.h. */
#include "proxy/adopt.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/call.h"
#include "proxy/reply.h"
#include "proxy/sip/header.h"

#define FIELD_LEN 1024

/* A header field with its name, as it came. */
static void copy_field(struct writer *w, const struct sip_msg *m, const char *name)
{
	char value[FIELD_LEN];
	if (!sip_header_find(m->data, m->len, name, value, sizeof value)) {
		w->bad = true;
		return;
	}
	write_str(w, name);
	write_str(w, ": ");
	write_str(w, value);
	write_str(w, "\r\n");
}

/* A request of the transaction of `m`, with another method, Request-URI and Via. */
static size_t write_sibling(char *text, size_t size, const struct sip_msg *m, const char *method, const char *uri,
                            const char *via, const char *more)
{
	struct writer w = writer_of(text, size - 1);
	write_str(&w, method);
	write_str(&w, " ");
	write_str(&w, uri);
	write_str(&w, " SIP/2.0\r\n");
	if (via) {
		write_str(&w, "Via: ");
		write_str(&w, via);
		write_str(&w, "\r\n");
	} else {
		copy_field(&w, m, "Via");
	}
	write_str(&w, "Max-Forwards: 70\r\n");
	copy_field(&w, m, "From");
	copy_field(&w, m, "To");
	copy_field(&w, m, "Call-ID");
	write_str(&w, "CSeq: ");
	write_dec(&w, m->cseq);
	write_str(&w, " ");
	write_str(&w, method);
	write_str(&w, "\r\n");
	write_str(&w, more);
	write_str(&w, "Content-Length: 0\r\n\r\n");
	return w.bad ? 0 : writer_len(&w);
}

/* From the address that the request came from, where it is ours to use now; else from our own: who is cancelled goes
 * by branch and sent-by. */
static uint8_t socket_towards(const struct worker *w, const char *via, const struct addr *peer)
{
	char text[ADDR_STR_LEN + 1];
	for (unsigned i = 0; i < w->common->config.n_listen; i++) {
		const struct addr *a = &w->common->config.listen[i].address;
		const char *at = addr_family(a) == addr_family(peer) ? strstr(via, addr_str(a, text)) : NULL;
		if (at && at > via && at[-1] == ' ' && at[strlen(text)] == ';')
			return (uint8_t)i;
	}
	return w->common->egress_socket[family_index(peer)];
}

static void cancel_downstream(struct worker *w, const struct sip_msg *cancel, const struct proxy_sent *sent)
{
	char text[4096], reason[512];
	struct writer lines = writer_of(reason, sizeof reason - 1);
	struct sip_path to = {.transport = SIP_UDP};
	const char *branch = strstr(sent->via, ";branch=");
	reason[sip_write_reason(&lines, cancel) ? writer_len(&lines) : 0] = 0;
	if (!branch || addr_parse_port(&to.peer, sent->peer))
		return;
	to.socket = socket_towards(w, sent->via, &to.peer);
	size_t n = write_sibling(text, sizeof text, cancel, "CANCEL", sent->uri, sent->via, reason);
	if (n && to.socket != NO_SOCKET)
		txn_client_new(&w->txns, SIP_CANCEL, branch + sizeof ";branch=" - 1, &to, text, n, NULL, NULL);
}

/* The INVITE is not here, but all that its answer needs is in its CANCEL, too. */
static void answer_invite(struct worker *w, const struct sip_msg *cancel, const struct sip_path *path,
                          const struct addr *source, int trunk)
{
	char text[4096];
	struct sip_msg invite;
	const char *why;
	size_t n = write_sibling(text, sizeof text, cancel, "INVITE", "sip:cancelled@invalid", NULL, "");
	if (!n)
		return;
	if (sip_parse(&invite, text, n, &why) == SIP_PARSED) {
		reply_to(w, &invite, path, source, 487, "");
		invite.ruri.user = cancel->ruri.user;
		call_log_lone(w, &invite, trunk, RECORD_AD, OUTCOME_CANCELLED, 487);
	}
	sip_release(&invite);
}

void adopt_cancel(struct worker *w, const struct sip_msg *cancel, const struct sip_path *path, const struct addr *source,
                  int trunk, const struct proxy_sent *sent)
{
	struct txn_server *own = txn_server_new(&w->txns, cancel, path, NULL, NULL);
	if (own)
		reply_in(w, own, cancel, source, 200, "");
	cancel_downstream(w, cancel, sent);
	answer_invite(w, cancel, path, source, trunk);
}
