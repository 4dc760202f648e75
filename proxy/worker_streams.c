/* A worker's TCP and TLS connections, as far as they are of SIP: which trunk shows which name, by which connection a
 * response goes, who is expected to connect. See worker.h; the worker's thread. */
#include "proxy/worker_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proxy/trunk_rules.h"

#define NAMES_MAX 1024

static bool shows_name(const struct worker *w, const struct stream_from *from)
{
	int trunk = from->transport == SIP_TLS ? table_trunk(w->table, &from->peer) : -1;
	const char *subject = trunk >= 0 ? trunk_rules_subject(w->table->trunks[trunk].rules) : "";
	return *subject && stream_peer_is(w->streams, from->handle, subject);
}

static void on_stream_message(void *arg, const struct stream_from *from, char *data, size_t len)
{
	struct worker *w = arg;
	worker_begin(w);               /* by the newest table: the call's owner has it, too */
	if (from->certified)
		worker_alias_note(w, from, data, len);
	struct sip_path path = {.peer = from->peer, .stream = from->handle, .transport = (uint8_t)from->transport,
	                        .named = shows_name(w, from)};
	worker_on_message(arg, &path, data, len);
}

static void on_stream_lost(void *arg, const struct stream_to *to, const char *why)
{
	struct worker *w = arg;
	struct sip_path path = {.peer = to->peer, .transport = (uint8_t)to->transport, .name = worker_name(w, to->name)};
	char text[ADDR_STR_LEN];
	worker_begin(w);
	if (txn_client_lost(&w->txns, &path, why))
		log_info("%s %s: %s", sip_transport_word(to->transport), addr_str(&to->peer, text), why);
}

static void on_stream_gone(void *arg, struct stream_handle handle)
{
	worker_begin(arg);
	worker_alias_gone(arg, handle);
}

/* A trunk's, or a region's. */
static bool on_stream_known(void *arg, const struct addr *source)
{
	const struct worker *w = arg;
	return table_trunk(w->table, source) >= 0 || table_target_at(w->table, source);
}

/* A connection is read in pieces, a TLS record or so: there may be more. */
static void on_stream_turn(void *arg)
{
	struct worker *w = arg;
	worker_begin(w);
	worker_end(w);
	loop_hurry(w->loop);
}

static const struct stream_ops stream_ops = {on_stream_known, on_stream_message, on_stream_lost, on_stream_gone, on_stream_turn};

static void send_to(struct worker *w, const struct sip_path *path, const void *data, size_t len)
{
	struct stream_to to = {.peer = path->peer, .transport = path->transport, .name = path->name ? w->names[path->name] : ""};
	for (unsigned i = 0; i < w->common->config.n_egress; i++)
		if (addr_family(&w->common->config.egress[i]) == addr_family(&to.peer))
			to.local = w->common->config.egress[i];
	if (!stream_send_to(w->streams, &to, data, len))
		stats_inc(&w->stats, STAT_STREAM_GONE);
}

/* By a connection that came and stands for that peer (RFC 5923), should there be one; false: there is none. */
static bool send_back(struct worker *w, const struct sip_path *path, const void *data, size_t len)
{
	struct sip_path back = *path;
	struct alias_address at = {.port = addr_port(&path->peer)};
	struct addr peer;
	char host[ADDR_STR_LEN];
	if (path->transport != SIP_TLS || !path->name)
		return false;
	snprintf(at.host, sizeof at.host, "%s", addr_host_str(&path->peer, host));
	if (!alias_find(&w->aliases, &at, (const char *const[]){w->names[path->name], ""}, w->index, &back.stream, &peer))
		return false;
	if (back.stream.worker == w->index)
		return stream_send(w->streams, back.stream, data, len);
	worker_hand_over(w, back.stream.worker, HANDOVER_SEND, &back, data, len);
	return true;
}

/* A request that was to go back on a connection which is gone: it has the name that another has to show, as its call's
 * worker numbers names. That worker may not have heard yet of the end, or never. */
static void send_instead(struct worker *w, const struct sip_path *path, const void *data, size_t len)
{
	unsigned owner = worker_owner_of(w, data, len);
	struct sip_path fresh = *path;
	fresh.stream = (struct stream_handle){0};
	if (owner == w->index) {
		alias_remove(&w->aliases, path->stream);  /* it is doomed, and said to be gone only when it is freed */
		worker_stream_out(w, &fresh, data, len);
		return;
	}
	worker_hand_over(w, owner, HANDOVER_UNALIAS, path, "", 0);
	worker_hand_over(w, owner, HANDOVER_SEND, &fresh, data, len);
}

/* Section 18.2.2: a response goes the way its request came; should that connection be gone, to where the Via says. */
void worker_stream_out(struct worker *w, const struct sip_path *path, const void *data, size_t len)
{
	loop_hurry(w->loop);  /* it leaves in the next turn, when the connection takes it */
	if (!path->stream.generation) {
		if (!send_back(w, path, data, len))
			send_to(w, path, data, len);
	} else if (path->stream.worker != w->index) {
		worker_hand_over(w, path->stream.worker, HANDOVER_SEND, path, data, len);
	} else if (stream_send(w->streams, path->stream, data, len)) {
		return;
	} else if (path->name) {
		send_instead(w, path, data, len);
	} else if (path->transport == SIP_TLS) {
		stats_inc(&w->stats, STAT_STREAM_GONE);  /* its client has shown no name that could be asked for again */
	} else {
		send_to(w, path, data, len);
	}
}

uint16_t worker_name(struct worker *w, const char *name)
{
	if (!*name)
		return 0;
	for (unsigned i = 1; i < w->n_names; i++)
		if (!strcasecmp(w->names[i], name))
			return (uint16_t)i;
	if (w->n_names == NAMES_MAX || !(w->names[w->n_names] = strdup(name)))
		return 0;
	return (uint16_t)w->n_names++;
}

struct new_tls {
	struct worker *w;
	int listener;
	struct tls_context *context;
};

static void on_new_tls(void *arg)
{
	struct new_tls *n = arg;
	stream_set_tls(n->w->streams, n->listener, n->context);
	tls_context_release(n->context);
	free(n);
}

int worker_set_tls(struct worker *w, int listener, struct tls_context *context)
{
	struct new_tls *n = malloc(sizeof *n);
	if (!n)
		return -ENOMEM;
	*n = (struct new_tls){w, listener, tls_context_hold(context)};
	int rc = loop_post(w->loop, on_new_tls, n);
	if (rc) {
		tls_context_release(context);
		free(n);
	}
	return rc;
}

int worker_make_streams(struct worker *w, struct err *err)
{
	const struct proxy_connections *k = &w->common->config.connections;
	struct stream_limits limits = STREAM_LIMITS;
	const struct proxy_config *c = &w->common->config;
	int rc = 0;
	if (k->most) {
		limits.most = k->most;
		limits.most_of_source = k->most_of_source;
		limits.idle_ms = k->idle_ms;
		limits.whole_ms = k->whole_ms;
		limits.ping_ms = k->ping_ms;
	}
	w->names = calloc(NAMES_MAX, sizeof *w->names);
	w->n_names = 1;
	w->streams = stream_pool_new(loop_base(w->loop), &stream_ops, w, w->index, &limits, &w->stats);
	if (!w->names || !w->streams)
		return err_set(err, ENOMEM, "out of memory for a SIP worker");
	stream_set_tls(w->streams, -1, c->tls);
	for (unsigned i = 0; !rc && i < c->n_streams; i++) {
		const struct proxy_stream_listen *l = &c->streams[i];
		rc = stream_listen(w->streams, l->transport, &l->address, l->may_be_absent, true, err);
		if (!rc)
			stream_set_tls(w->streams, (int)i, l->tls);
	}
	return rc;
}

void worker_free_streams(struct worker *w)
{
	stream_pool_free(w->streams);
	alias_free_all(&w->aliases);
	for (unsigned i = 1; i < w->n_names; i++)
		free(w->names[i]);
	free(w->names);
}
