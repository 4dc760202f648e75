/* Answers of our own: see reply.h. */
#include "proxy/reply.h"

#include <string.h>

struct sip_path reply_path(const struct sip_path *from, const struct sip_msg *req)
{
	struct sip_path path = *from;
	if ((!req->via.rport || from->transport != SIP_UDP) && req->via.port)
		addr_set_port(&path.peer, req->via.port);
	return path;
}

const char *reply_phrase(int status)
{
	switch (status) {
	case 100: return "Trying";
	case 200: return "OK";
	case 400: return "Bad Request";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 408: return "Request Timeout";
	case 416: return "Unsupported URI Scheme";
	case 420: return "Bad Extension";
	case 429: return "Too Many Requests";
	case 440: return "Max-Breadth Exceeded";
	case 480: return "Temporarily Unavailable";
	case 481: return "Call/Transaction Does Not Exist";
	case 482: return "Loop Detected";
	case 483: return "Too Many Hops";
	case 486: return "Busy Here";
	case 487: return "Request Terminated";
	case 500: return "Server Internal Error";
	case 503: return "Service Unavailable";
	case 505: return "Version Not Supported";
	case 513: return "Message Too Large";
	case 600: return "Busy Everywhere";
	case 603: return "Decline";
	case 604: return "Does Not Exist Anywhere";
	case 606: return "Not Acceptable";
	default: return "Failure";
	}
}

static void count(struct worker *w, int status)
{
	enum stat_counter s = STAT_REJ_OTHER;
	if (status < 300)
		return;
	switch (status) {
	case 400: s = STAT_REJ_MALFORMED; break;
	case 404: s = STAT_REJ_NOT_FOUND; break;
	case 405: s = STAT_REJ_METHOD; break;
	case 420: s = STAT_REJ_EXTENSION; break;
	case 481: s = STAT_REJ_NO_TRANSACTION; break;
	case 482: s = STAT_REJ_LOOP; break;
	case 483: s = STAT_REJ_HOPS; break;
	}
	stats_inc(&w->stats, s);
}

/* `before`: what the tag begins with. */
static size_t write_reply(struct worker *w, const struct sip_msg *req, const struct addr *source, int status,
                          const char *extra, const char *before)
{
	char tag[sizeof REPLY_STATELESS_TAG - 1 + TAG_LEN] = "";
	size_t n = strlen(before);
	struct writer out = writer_of(w->txns.scratch, sizeof w->txns.scratch);
	memcpy(tag, before, n);
	if (status > 100 && !*req->to_tag)  /* else it is not written */
		tag_sign(w->signer, req->call_id, req->from_tag, tag + n);
	return sip_write_reply(&out, req, source, status, reply_phrase(status), tag, extra) ? writer_len(&out) : 0;
}

void reply_stateless(struct worker *w, const struct sip_msg *req, const struct sip_path *path,
                     const struct addr *source, int status, const char *extra)
{
	size_t n = write_reply(w, req, source, status, extra, req->method == SIP_INVITE ? REPLY_STATELESS_TAG : "");
	count(w, status);
	if (n)
		worker_send(w, path, w->txns.scratch, n);
}

void reply_to(struct worker *w, const struct sip_msg *req, const struct sip_path *path, const struct addr *source,
              int status, const char *extra)
{
	if (req->method == SIP_ACK)
		return;  /* an ACK is never answered */
	if (req->method == SIP_INVITE) {
		struct txn_server *t = txn_server_new(&w->txns, req, path, NULL, NULL);
		if (t) {
			reply_in(w, t, req, source, status, extra);
			return;
		}
	}
	reply_stateless(w, req, path, source, status, extra);
}

void reply_in(struct worker *w, struct txn_server *t, const struct sip_msg *req, const struct addr *source, int status,
              const char *extra)
{
	size_t n = write_reply(w, req, source, status, extra, "");
	count(w, status);
	if (n)
		txn_server_respond(&w->txns, t, status, w->txns.scratch, n);
}
