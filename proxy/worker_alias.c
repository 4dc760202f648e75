/* Connections that stand for an address, told from worker to worker (alias.h): each worker has them all, so that no request
 * waits for another thread to say where it goes. See worker_internal.h; the worker's thread. */
#include "proxy/worker_internal.h"

#include <string.h>

#include "proxy/proxy.h"

#define CERTIFICATE_MAX 8192      /* DER; larger ones stand for nothing */

static void tell(struct worker *w, enum handover_kind kind, const struct sip_path *path, const void *data, size_t len)
{
	for (unsigned i = 0; i < w->common->n_workers; i++)
		if (i != w->index)
			worker_hand_over(w, i, kind, path, data, len);
}

/* The address, and then the certificate: a copy for each worker, since what is in a mailbox at the end is of nobody. */
static void tell_new(struct worker *w, const struct stream_from *from, const struct alias_address *at, X509 *certificate)
{
	struct sip_path path = {.peer = from->peer, .stream = from->handle};
	unsigned char data[sizeof *at + CERTIFICATE_MAX], *der = data + sizeof *at;
	int n = i2d_X509(certificate, NULL);
	if (n <= 0 || n > CERTIFICATE_MAX)
		return;
	memcpy(data, at, sizeof *at);
	tell(w, HANDOVER_ALIAS, &path, data, sizeof *at + (size_t)i2d_X509(certificate, &der));
}

void worker_alias_note(struct worker *w, const struct stream_from *from, const char *data, size_t len)
{
	struct alias_address at = {.port = 0};
	X509 *certificate = alias_asked(data, len, &at) ? stream_alias(w->streams, from->handle) : NULL;
	if (!certificate || !alias_add(&w->aliases, from->handle, &from->peer, &at, certificate))
		return;
	tell_new(w, from, &at, certificate);
}

void worker_alias_told(struct worker *w, const struct sip_path *path, const char *data, size_t len)
{
	struct alias_address at;
	const unsigned char *der = (const unsigned char *)data + sizeof at;
	memcpy(&at, data, sizeof at);
	X509 *certificate = d2i_X509(NULL, &der, (long)(len - sizeof at));
	if (certificate)
		alias_add(&w->aliases, path->stream, &path->peer, &at, certificate);
	X509_free(certificate);
}

void worker_alias_told_gone(struct worker *w, struct stream_handle handle)
{
	alias_remove(&w->aliases, handle);
	txn_client_moves(&w->txns, handle);
}

void worker_alias_gone(struct worker *w, struct stream_handle handle)
{
	struct sip_path path = {.stream = handle};
	worker_alias_told_gone(w, handle);
	tell(w, HANDOVER_UNALIAS, &path, "", 0);
}
