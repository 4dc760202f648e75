/* The dead node's calls: see adopt.h. */
#include "proxy/adopt.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/active.h"
#include "proxy/call.h"
#include "proxy/reply.h"
#include "proxy/sip/header.h"

#define FIELD_LEN 1024

/* A header field with its name, as it came. */
static void copy_field(struct writer *w, const struct sip_msg *m, const char *name)
{
	char value[FIELD_LEN];
	if (!sip_header_find(m->data, m->len, name, value, sizeof value) || strlen(value) == sizeof value - 1) {
		w->bad = true;  /* none, or it may have been cut */
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

bool adopt_socket(const struct worker *w, const char *via, const struct addr *peer, uint8_t *socket)
{
	static const char by_udp[] = "SIP/2.0/UDP ";
	char text[ADDR_STR_LEN + 1];
	for (unsigned i = 0; i < w->common->config.n_listen; i++) {
		const struct addr *a = &w->common->config.listen[i].address;
		const char *at = addr_family(a) == addr_family(peer) ? strstr(via, addr_str(a, text)) : NULL;
		if (at && at - via == sizeof by_udp - 1 && !memcmp(via, by_udp, sizeof by_udp - 1) && at[strlen(text)] == ';') {
			*socket = (uint8_t)i;
			return true;
		}
	}
	return false;
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
	/* from where the INVITE came, if that is ours to use now; who is cancelled goes by branch and sent-by */
	if (!adopt_socket(w, sent->via, &to.peer, &to.socket))
		to.socket = w->common->egress_socket[family_index(&to.peer)];
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

/* ---- responses ---- */

/* The token of our topmost Record-Route, as far as the response brings it. */
static bool read_token(struct worker *w, const struct sip_msg *resp, struct token *out)
{
	char value[FIELD_LEN], text[TOKEN_LEN + 1];
	const char *at = sip_header_find(resp->data, resp->len, "Record-Route", value, sizeof value) ? strstr(value, "sip:") : NULL;
	if (!at || strlen(at) < 4 + TOKEN_LEN)
		return false;
	memcpy(text, at + 4, TOKEN_LEN);
	text[TOKEN_LEN] = 0;
	return token_verify(w->signer, text, resp->call_id, out);
}

/* From the anycast address that the carrier knows, of the family that it is reached by. */
static bool way_back(const struct worker *w, const struct sip_msg *resp, struct sip_path *out)
{
	*out = (struct sip_path){.transport = SIP_UDP};
	if (!sip_msg_response_to(resp, &out->peer))
		return false;
	for (unsigned i = 0; i < w->common->config.n_listen; i++) {
		const struct proxy_listen *l = &w->common->config.listen[i];
		if (l->anycast && addr_family(&l->address) == addr_family(&out->peer)) {
			out->socket = (uint8_t)i;
			return true;
		}
	}
	return false;
}

static void via_text(char *out, size_t size, const struct sip_via_view *v)
{
	struct writer w = writer_of(out, size - 1);
	write_str(&w, "SIP/2.0/UDP ");
	write_str(&w, v->host);
	write_str(&w, ":");
	write_dec(&w, v->port);
	write_str(&w, ";branch=");
	write_str(&w, v->branch ? v->branch : "");
	write_end(&w);
}

/* Section 17.1.1.3, to where the response came from. Its Request-URI is not known any more; who gets an ACK goes by
 * the branch. */
static void acknowledge(struct worker *w, const struct sip_msg *resp, const struct sip_path *from)
{
	char text[4096], via[FIELD_LEN], uri[ADDR_STR_LEN + 8] = "sip:";
	via_text(via, sizeof via, &resp->via);
	addr_str(&from->peer, uri + 4);
	size_t n = write_sibling(text, sizeof text, resp, "ACK", uri, via, "");
	if (n)
		worker_send(w, from, text, n);
}

/* A transaction for the INVITE as the carrier knows it, so that its final response is repeated and its ACK taken. */
static struct txn_server *server_of(struct worker *w, const struct sip_msg *resp, const struct sip_path *back, bool *is_new)
{
	char text[4096], via[FIELD_LEN];
	struct sip_via_view below;
	struct sip_msg invite;
	struct txn_server *t = NULL;
	const char *why;
	*is_new = false;
	if (!sip_msg_second_via(resp, &below))
		return NULL;
	via_text(via, sizeof via, &below);
	size_t n = write_sibling(text, sizeof text, resp, "INVITE", "sip:adopted@invalid", via, "");
	if (!n)
		return NULL;
	if (sip_parse(&invite, text, n, &why) == SIP_PARSED && !(t = txn_server_find(&w->txns, &invite))) {
		t = txn_server_new(&w->txns, &invite, back, NULL, NULL);
		*is_new = t != NULL;
	}
	sip_release(&invite);
	return t;
}

static const char *called(const struct sip_msg *resp, char *out, size_t size)
{
	char value[FIELD_LEN], *end, *at = NULL;
	out[0] = 0;
	if (sip_header_find(resp->data, resp->len, "To", value, sizeof value))
		at = strstr(value, "sip:");
	if (at && (end = strpbrk(at + 4, "@;>")) && *end == '@' && (size_t)(end - at - 4) < size) {
		memcpy(out, at + 4, (size_t)(end - at - 4));
		out[end - at - 4] = 0;
	}
	return out;
}

/* Whose call it is: the token says, or, where there is none, where the response goes. */
static int trunk_of(const struct worker *w, const struct sip_path *back, const struct token *token)
{
	return token ? table_trunk_by_hash(w->table, token->trunk) : table_trunk(w->table, &back->peer);
}

/* Once a call. A 2xx brings our Record-Route, whose token says what the call is; a failure need not. */
static void count(struct worker *w, const struct sip_msg *resp, const struct sip_path *back, const struct token *token)
{
	int region = token ? table_region_by_hash(w->table, token->region) : -1;
	int trunk = trunk_of(w, back, token);
	char to[64];
	struct sip_msg named = *resp;
	if (trunk < 0 || (resp->status < 300 && region < 0))
		return;
	stats_inc(&w->stats, STAT_ADOPTED);
	named.ruri.user = called(resp, to, sizeof to);
	if (resp->status < 300)
		call_adopt(w, resp, trunk, region, to);
	else
		call_log_lone(w, &named, trunk, RECORD_AD, call_outcome(resp->status, resp->status == 487), resp->status);
}

static void relay_final(struct worker *w, const struct sip_msg *resp, const struct sip_path *back, const struct token *token,
                        const void *data, size_t len)
{
	bool is_new = false, within_dialog = active_knows(w, resp);
	struct txn_server *t = server_of(w, resp, back, &is_new);
	if (t)
		txn_server_respond(&w->txns, t, resp->status, data, len);
	else
		worker_send(w, back, data, len);
	if (is_new && !within_dialog)
		count(w, resp, back, token);
}

/* Whether it is to a request that some node has sent. */
static bool is_signed(struct worker *w, const struct sip_msg *resp)
{
	struct sip_via_view below;
	uint8_t attempt;
	return resp->via.branch && sip_msg_second_via(resp, &below) &&
	       branch_verify(w->signer, resp->via.branch, resp->call_id, resp->cseq, below.branch ? below.branch : "", below.host,
	                     &attempt);
}

bool adopt_response(struct worker *w, const struct sip_msg *resp, const struct sip_path *from)
{
	uint8_t data[SIP_SERVED_MAX + 1];
	struct sip_path back;
	struct token token;
	if (!is_signed(w, resp))
		return false;
	bool invite = resp->method == SIP_INVITE, has_token = read_token(w, resp, &token);
	struct writer out = writer_of(data, sizeof data);
	const struct sip_edit *edits[2];
	if (invite && resp->status >= 300)
		acknowledge(w, resp, from);
	if (!way_back(w, resp, &back))
		return true;
	int trunk = trunk_of(w, &back, has_token ? &token : NULL);
	trunk_edge_edits((struct trunk_edge){trunk < 0 ? NULL : w->table->trunks[trunk].rules, true}, resp, edits);
	if (!sip_write_response(&out, resp, edits))
		return true;
	if (invite && resp->status >= 200)
		relay_final(w, resp, &back, has_token ? &token : NULL, data, writer_len(&out));
	else
		worker_send(w, &back, data, writer_len(&out));
	return true;
}
