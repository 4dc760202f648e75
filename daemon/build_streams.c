/* Where TCP and TLS connections are taken, and with which certificates: from the configuration to proxy_config. */
#include "daemon/build.h"

#include <errno.h>
#include <string.h>

#include "proxy/stream/tls.h"

static const char *or_none(const char *file) { return *file ? file : NULL; }

static struct proxy_stream_listen *at(struct proxy_config *p, const struct addr *a)
{
	for (unsigned i = 0; i < p->n_streams; i++)
		if (addr_equal(&p->streams[i].address, a))
			return &p->streams[i];
	return NULL;
}

static int add(struct proxy_config *p, const struct proxy_stream_listen *l, struct err *err)
{
	struct proxy_stream_listen *same = at(p, &l->address);
	if (same) {
		same->anycast |= l->anycast;
		return 0;
	}
	if (p->n_streams == PROXY_SOCKETS_MAX)
		return err_set(err, EINVAL, "more than %d addresses to listen on by TCP and TLS", PROXY_SOCKETS_MAX);
	p->streams[p->n_streams++] = *l;
	tls_context_hold(l->tls);
	return 0;
}

/* The first that is listened on by it, or else that a target speaks, or may. */
static bool spoken(const struct config *c, enum config_transport t)
{
	for (unsigned i = 0; i < c->n_listen; i++)
		if (c->listen[i].transport == t)
			return true;
	for (unsigned i = 0; i < c->n_regions; i++) {
		if (c->regions[i].large == t && t == CONFIG_TCP)
			return true;
		for (unsigned j = 0; j < c->regions[i].n_targets; j++)
			if (c->regions[i].targets[j].transport == t)
				return true;
	}
	return false;
}

unsigned build_transports(const struct config *c)
{
	return 1u << SIP_UDP | (unsigned)spoken(c, CONFIG_TCP) << SIP_TCP | (unsigned)spoken(c, CONFIG_TLS) << SIP_TLS;
}

static int add_configured(const struct config *c, struct proxy_config *p, struct err *err)
{
	int rc = 0;
	for (unsigned i = 0; !rc && i < c->n_listen; i++) {
		const struct config_listen *l = &c->listen[i];
		struct proxy_stream_listen s = {.address = l->address, .transport = (enum sip_transport)l->transport,
		                                .anycast = l->anycast, .may_be_absent = build_managed(c, &l->address)};
		if (l->transport == CONFIG_UDP)
			continue;
		if (l->transport == CONFIG_TLS && !(s.tls = tls_context_new(&(struct tls_files){l->certificate, l->key, or_none(l->ca)}, err)))
			return -EINVAL;
		rc = add(p, &s, err);
		tls_context_release(s.tls);
	}
	return rc;
}

/* The node's own addresses, to which a region comes back with a new connection: by TLS, with the first certificate. */
static int add_own(const struct config *c, struct proxy_config *p, const struct addr *own, struct tls_context *tls,
                   struct err *err)
{
	struct proxy_stream_listen s = {.address = *own, .transport = SIP_TCP};
	int rc = 0;
	addr_set_port(&s.address, c->node.port);
	if (spoken(c, CONFIG_TCP))
		rc = add(p, &s, err);
	s.transport = SIP_TLS;
	s.tls = tls;
	addr_set_port(&s.address, sip_transport_port(SIP_TLS));
	return rc || !tls ? rc : add(p, &s, err);
}

static const struct config_listen *first_certificate(const struct config *c)
{
	for (unsigned i = 0; i < c->n_listen; i++)
		if (c->listen[i].certificate[0])
			return &c->listen[i];
	return NULL;
}

int build_streams(const struct config *c, struct proxy_config *p, struct err *err)
{
	const struct config_listen *first = first_certificate(c);
	struct tls_files files = {first ? first->certificate : NULL, first ? first->key : NULL, or_none(c->node.ca)};
	struct tls_context *own = NULL;
	int rc = add_configured(c, p, err);
	if (!rc && spoken(c, CONFIG_TLS) && !(p->tls = tls_context_new(&files, err)))
		rc = -EINVAL;
	files.ca = first ? or_none(first->ca) : NULL;
	if (!rc && first && !(own = tls_context_new(&files, err)))
		rc = -EINVAL;
	for (unsigned i = 0; !rc && i < c->node.n_egress; i++)
		rc = add_own(c, p, &c->node.egress[i], own, err);
	for (unsigned i = 0; !rc && i < c->node.n_address; i++)
		rc = add_own(c, p, &c->node.address[i], own, err);
	tls_context_release(own);
	if (rc)
		build_streams_release(p);
	return rc;
}

void build_streams_release(struct proxy_config *p)
{
	for (unsigned i = 0; i < p->n_streams; i++)
		tls_context_release(p->streams[i].tls);
	tls_context_release(p->tls);
	p->tls = NULL;
	p->n_streams = 0;
}
