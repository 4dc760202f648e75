/* The resolver: see resolver.h. A lookup is a walk of at most these steps, each only where the one before gave nothing:
 * the SRV records of each service that NAPTR names, or that a URI and its host make (locate.h), one after the other; then
 * the host's addresses alone. */
#include "proxy/resolver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "base/addr_prefer.h"
#include "base/log.h"
#include "base/loop.h"
#include "proxy/dns.h"
#include "proxy/locate.h"
#include "proxy/places.h"

#define TTL_MIN_S 1
#define TTL_MAX_S 300
#define RETRY_S 5
#define SLOTS_MAX 8

/* A name and the lookup of it that runs. */
struct name {
	struct name *next;
	struct resolver *r;
	struct target *slots[SLOTS_MAX];   /* each has one address, or none */
	unsigned n_slots;
	struct event *again;
	bool wanted, failing, gone;  /* gone: freed when the last answer is here; its slots are not there any more */
	bool lone;                   /* no target's (hosts.h): a table does not say whether it is wanted */
	bool lacking, crowded;       /* said already: a host that SRV names has no address; there are more than slots */
	bool by_naptr, by_srv;       /* so the last good answer came */
	unsigned denials;            /* in a row */

	unsigned asking;             /* queries that are out */
	struct locate_service services[LOCATE_SERVICES_MAX];
	unsigned n_services, service;      /* to be asked for; the next one */
	bool stale;                  /* the transports it began with, or its slots, are others now */
	bool naptr;                  /* they are by NAPTR */
	bool last_step;              /* the host's own addresses were asked for */
	unsigned declined;           /* transports by which the service is decidedly not there, a bit each */
	bool refused;                /* and the host's own addresses were not asked for because of that */
	unsigned hosts;              /* that SRV named so far */
	bool lacks;                  /* and one of them has no address */
	struct places found;
	int ttl_s;
	unsigned failed;             /* families of which some host's addresses could not be had (places.h) */
	int error;                   /* of a query; ARES_SUCCESS: none failed but for want of such a record */
	int denial;                  /* that of the last one that did so */
};

/* Queries for a host's addresses, one a family. */
struct ask {
	struct of_family { struct ask *ask; int family; } of[2];
	struct name *n;
	struct target_place place;   /* of each, but for the address */
	uint16_t port;
	unsigned out;                /* queries */
	bool any;
	char host[LOCATE_NAME_LEN];
};

struct resolver {
	struct loop *loop;
	struct dns *dns;
	struct addr egress[2];
	unsigned n_egress;
	unsigned transports;         /* of the table */
	struct name *names;
	uint64_t failures;
};

static const struct target *target_of(const struct name *n) { return n->slots[0]; }

/* What calls name is their ends' business, and may be anything. */
#define tell(n, level, ...) do { if ((n)->lone) log_debug(__VA_ARGS__); else log_printf(level, __VA_ARGS__); } while (0)

static void again_in(struct name *n, int seconds)
{
	struct timeval tv = {n->stale ? 0 : seconds, 0};
	event_add(n->again, &tv);
}

/* ---- the end of a lookup ---- */

static void put_first(struct name *n)
{
	unsigned most = n->n_slots, all = places_order(&n->found, most);
	if (all > most && !n->crowded)
		tell(n, LL_WARN, "target %s has %u addresses: the first %u by priority and weight are used", target_of(n)->uri, all, most);
	n->crowded = all > most;
}

static void succeed(struct name *n)
{
	put_first(n);
	places_take(&n->found, n->slots, n->n_slots, n->ttl_s, PLACES_BOTH & ~n->failed);
	if (n->failing)
		tell(n, LL_INFO, "target %s resolves again", target_of(n)->uri);
	n->failing = false;
	n->denials = 0;
	atomic_store(&n->slots[0]->looked_up, true);
	n->by_naptr = n->naptr && !n->stale;
	n->by_srv = n->hosts > 0 && !n->stale;
	n->lacking = n->lacks;
	again_in(n, n->error == ARES_SUCCESS ? n->ttl_s : RETRY_S);
}

/* There is nothing, and DNS says so: often for want of care in a zone, which is to cost no calls at once. */
static void fail_denied(struct name *n)
{
	const struct target *t = target_of(n);
	if (n->refused) {
		if (!n->failing)
			tell(n, LL_WARN, "target %s: the SRV record of %s says that the service is decidedly not there (target \".\")", t->uri,
			     t->host);
		n->denials = RESOLVER_DENIALS;
	} else {
		n->denials++;
		if (!n->failing)
			tell(n, LL_WARN, "target %s: %s does not resolve: %s; the last addresses stay until that is said %d times", t->uri, t->host,
			     ares_strerror(n->denial), RESOLVER_DENIALS);
	}
	if (n->denials == RESOLVER_DENIALS)
		places_take(&n->found, n->slots, n->n_slots, 0, PLACES_BOTH);
}

static void fail(struct name *n)
{
	const struct target *t = target_of(n);
	n->r->failures++;
	if (n->error == ARES_SUCCESS)
		fail_denied(n);
	else if (!n->failing)
		tell(n, LL_WARN, "target %s: %s does not resolve: %s; the last addresses stay", t->uri, t->host, ares_strerror(n->error));
	if (n->error != ARES_SUCCESS)
		n->denials = 0;
	n->failing = true;
	atomic_store(&n->slots[0]->looked_up, true);
	again_in(n, RETRY_S);
}

static void name_free(struct name *n)
{
	if (n->again)
		event_free(n->again);
	free(n);
}

/* ---- answers ---- */

/* A query is over; true: its answer counts, and over() follows. */
static bool counts(struct name *n, int status)
{
	if (!n->gone && status != ARES_EDESTRUCTION && status != ARES_ECANCELLED)
		return true;
	if (--n->asking == 0 && n->gone)
		name_free(n);
	return false;
}

static bool next_step(struct name *n);

/* The last answer of a step ends it, and the first step that has found something the lookup. */
static void over(struct name *n)
{
	if (--n->asking)
		return;
	if (n->found.n)
		succeed(n);
	else if (n->error != ARES_SUCCESS || !next_step(n))
		fail(n);
}

/* That records are gone by which it was found has to be said as often as that it has none at all. */
static bool believes(const struct name *n) { return n->denials + 1 >= RESOLVER_DENIALS; }

/* Whether there is no such record; else, and unless it is there, it is not known. */
static bool denies(struct name *n, int status)
{
	if (status != ARES_ENODATA && status != ARES_ENOTFOUND)
		return false;
	n->denial = status;
	return true;
}

static void note_ttl(struct name *n, int ttl)
{
	if (ttl < n->ttl_s)
		n->ttl_s = ttl < TTL_MIN_S ? TTL_MIN_S : ttl;
}

static const struct addr *egress_of(const struct resolver *r, int family)
{
	for (unsigned i = 0; i < r->n_egress; i++)
		if (addr_family(&r->egress[i]) == family)
			return &r->egress[i];
	return NULL;
}

static void add_found(struct ask *ask, const struct ares_addrinfo_node *i)
{
	struct name *n = ask->n;
	struct target_place p = ask->place;
	const struct addr *from = i->ai_addr && i->ai_addrlen <= sizeof p.address ? egress_of(n->r, i->ai_family) : NULL;
	if (!from)
		return;
	memcpy(&p.address, i->ai_addr, i->ai_addrlen);
	addr_set_port(&p.address, ask->port);
	p.rank = addr_prefer(&p.address, from);
	note_ttl(n, i->ai_ttl);
	places_add(&n->found, &p);
	ask->any = true;
}

/* A host that SRV names, and that has no address: the others serve, and somebody is told once. */
static void note_lacking(const struct ask *ask)
{
	struct name *n = ask->n;
	if (!n->hosts || n->error != ARES_SUCCESS)
		return;
	n->lacks = true;
	if (n->lacking)
		return;
	n->lacking = true;
	tell(n, LL_WARN, "target %s: its SRV record names %s, which has no address%s", target_of(n)->uri, ask->host,
	         n->r->n_egress < 2 ? " of the family that this node sends from" : "");
}

static void on_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
	const struct of_family *of = arg;
	struct ask *ask = of->ask;
	struct name *n = ask->n;
	bool last = --ask->out == 0;
	(void)timeouts;
	if (counts(n, status)) {
		if (status != ARES_SUCCESS && !denies(n, status)) {
			n->error = status;
			n->failed |= of->family == AF_INET6 ? PLACES_IPV6 : PLACES_IPV4;
		}
		for (const struct ares_addrinfo_node *i = info ? info->nodes : NULL; i; i = i->ai_next)
			add_found(ask, i);
		for (const struct ares_addrinfo_cname *c = info && info->nodes ? info->cnames : NULL; c; c = c->next)
			note_ttl(n, c->ttl);
		if (last && !ask->any)
			note_lacking(ask);
		over(n);
	}
	if (info)
		ares_freeaddrinfo(info);
	if (last)
		free(ask);
}

static void ask_host(struct name *n, const char *host, uint16_t port, const struct target_place *place)
{
	struct ask *ask = calloc(1, sizeof *ask);
	if (!ask) {
		n->error = ARES_ENOMEM;
		n->failed = PLACES_BOTH;
		return;
	}
	*ask = (struct ask){.of = {{ask, AF_INET6}, {ask, AF_INET}}, .n = n};
	ask->place = *place;
	ask->port = port;
	snprintf(ask->host, sizeof ask->host, "%s", host);
	bool wanted[2] = {egress_of(n->r, AF_INET6) != NULL, egress_of(n->r, AF_INET) != NULL};
	/* counted before they are sent: an answer may come at once */
	ask->out = (unsigned)wanted[0] + wanted[1];
	n->asking += ask->out;
	for (int i = 0; i < 2; i++)
		if (wanted[i])
			dns_ask_addresses(n->r->dns, host, ask->of[i].family, on_addresses, &ask->of[i]);
}

static void on_srv(void *arg, int status, int timeouts, unsigned char *answer, int len)
{
	struct name *n = arg;
	struct locate_server servers[LOCATE_SERVERS_MAX];
	enum sip_transport transport = n->services[n->service - 1].transport;
	bool declined = false;
	int k = 0;
	(void)timeouts;
	if (!counts(n, status))
		return;
	if (status == ARES_SUCCESS)
		k = locate_servers(answer, len, servers, &declined);
	if (k < 0)
		status = -k;
	if (status != ARES_SUCCESS && !denies(n, status))
		n->error = status;
	if (declined)
		n->declined |= 1u << transport;
	if (k > 0)
		note_ttl(n, locate_ttl(answer, len, TTL_MAX_S));
	for (int i = 0; i < k; i++) {
		struct target_place p = {.transport = transport, .priority = servers[i].priority, .weight = servers[i].weight,
		                         .srv_host = (uint8_t)n->hosts++};
		ask_host(n, servers[i].host, servers[i].port, &p);
	}
	over(n);
}

static void ask_own_addresses(struct name *n, enum sip_transport transport)
{
	const struct target *t = target_of(n);
	struct target_place p = {.transport = transport, .weight = 1};
	n->last_step = true;
	ask_host(n, t->host, t->port_said ? t->port : sip_transport_port(transport), &p);
}

/* True: something is asked. A host without SRV records is reached by the transport that NAPTR put first or that was asked
 * for, else by the default (sections 4.1 and 4.2); not by one that was declined, nor where SRV said other hosts. */
static bool next_step(struct name *n)
{
	const struct target *t = target_of(n);
	if (n->last_step)
		return false;
	if (n->service < n->n_services) {
		n->asking++;
		dns_ask(n->r->dns, n->services[n->service++].srv, DNS_SRV, on_srv, n);
		return true;
	}
	enum sip_transport transport = n->naptr || t->transport_said ? n->services[0].transport : locate_default(t->secure);
	n->refused = n->declined >> transport & 1;
	if (n->hosts || n->refused || (n->by_srv && !believes(n)))
		return false;
	n->asking++;                 /* of this function, so that an answer at once does not end it */
	ask_own_addresses(n, transport);
	over(n);
	return true;
}

/* Where NAPTR cannot be had, SRV alone will do (many a server knows no NAPTR), unless it was had before: a server that
 * fails for a while is not to move calls to another transport. */
static void on_naptr(void *arg, int status, int timeouts, unsigned char *answer, int len)
{
	struct name *n = arg;
	(void)timeouts;
	if (!counts(n, status))
		return;
	const struct target *t = target_of(n);
	struct locate_want want = {n->r->transports, t->secure};
	if (status == ARES_SUCCESS)
		n->n_services = locate_by_naptr(answer, len, want, n->services);
	n->naptr = n->n_services > 0;
	if (n->naptr)
		note_ttl(n, locate_ttl(answer, len, TTL_MAX_S));
	else if (n->by_naptr && status != ARES_SUCCESS && !denies(n, status))
		n->error = status;
	else if (n->by_naptr && !believes(n))
		n->last_step = true;
	else
		n->n_services = locate_by_name(t->host, want, n->services);
	over(n);
}

static void begin(struct name *n)
{
	n->n_services = n->service = n->declined = n->hosts = n->failed = n->found.n = 0;
	n->stale = n->naptr = n->last_step = n->refused = n->lacks = false;
	n->ttl_s = TTL_MAX_S;
	n->error = ARES_SUCCESS;
	n->denial = ARES_ENODATA;
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct name *n = arg;
	const struct target *t = target_of(n);
	(void)fd;
	(void)what;
	if (n->asking)
		return;
	begin(n);
	n->asking = 1;
	if (t->port_said) {
		ask_own_addresses(n, t->transport);
	} else if (t->transport_said) {
		locate_by_transport(t->host, t->transport, &n->services[0]);
		n->n_services = 1;
	} else {
		n->asking++;
		dns_ask(n->r->dns, t->host, DNS_NAPTR, on_naptr, n);
	}
	over(n);
}

/* ---- which names ---- */

static struct name *name_of(struct resolver *r, const struct target *target)
{
	struct name *n = r->names;
	while (n && n->slots[0] != target)
		n = n->next;
	return n;
}

/* What was asked for is not what is needed now. */
static void ask_anew(struct name *n)
{
	n->stale = true;
	if (!n->asking)
		again_in(n, 0);
}

static int want(struct resolver *r, struct target *const *slots, unsigned n_slots)
{
	struct name *n = name_of(r, slots[0]);
	if (!n) {
		n = calloc(1, sizeof *n);
		if (!n)
			return -ENOMEM;
		*n = (struct name){.next = r->names, .r = r};
		n->again = event_new(loop_base(r->loop), -1, 0, on_again, n);
		if (!n->again) {
			free(n);
			return -ENOMEM;
		}
		r->names = n;
	}
	n_slots = n_slots < SLOTS_MAX ? n_slots : SLOTS_MAX;
	if (n->n_slots != n_slots)   /* others are empty, or were taken away with what was in them */
		ask_anew(n);
	n->n_slots = n_slots;
	memcpy(n->slots, slots, n->n_slots * sizeof slots[0]);
	n->wanted = true;
	return 0;
}

/* A name whose answer is on its way is freed when that comes. */
static void drop_unwanted(struct resolver *r)
{
	for (struct name **at = &r->names; *at;) {
		struct name *n = *at;
		if (n->wanted) {
			at = &n->next;
			continue;
		}
		*at = n->next;
		n->gone = true;
		event_del(n->again);
		if (!n->asking)
			name_free(n);
	}
}

/* Another transport can be sent by, or one no more: that may choose others. */
static void set_transports(struct resolver *r, unsigned transports)
{
	if (r->transports == transports)
		return;
	r->transports = transports;
	for (struct name *n = r->names; n; n = n->next) {
		n->by_naptr = n->by_srv = false;   /* of records that may be of no use any more */
		ask_anew(n);
	}
}

int resolver_set_table(struct resolver *r, const struct table *table)
{
	int rc = 0;
	for (struct name *n = r->names; n; n = n->next)
		n->wanted = n->lone;
	for (unsigned i = 0; i < table->n_regions; i++) {
		const struct region *g = &table->regions[i];
		for (unsigned j = 0, more; j < g->n_targets; j += more) {
			for (more = 1; j + more < g->n_targets && g->targets[j + more]->slot; more++)
				;
			if (!g->targets[j]->literal && want(r, &g->targets[j], more))
				rc = -ENOMEM;
		}
	}
	drop_unwanted(r);
	set_transports(r, table->transports);
	return rc;
}

int resolver_want_host(struct resolver *r, struct target *const *slots, unsigned n_slots)
{
	int rc = want(r, slots, n_slots);
	if (!rc)
		name_of(r, slots[0])->lone = true;
	return rc;
}

void resolver_forget_host(struct resolver *r, const struct target *target)
{
	struct name *n = name_of(r, target);
	if (!n)
		return;
	n->lone = n->wanted = false;
	drop_unwanted(r);
}

struct resolver *resolver_new(struct loop *loop, const struct addr *egress, unsigned n_egress, struct err *err)
{
	struct resolver *r = calloc(1, sizeof *r);
	if (!r) {
		err_set(err, ENOMEM, "resolver: out of memory");
		return NULL;
	}
	r->loop = loop;
	r->n_egress = n_egress < 2 ? n_egress : 2;
	memcpy(r->egress, egress, r->n_egress * sizeof egress[0]);
	r->dns = dns_new(loop, err);
	if (r->dns)
		return r;
	resolver_free(r);
	return NULL;
}

void resolver_free(struct resolver *r)
{
	if (!r)
		return;
	dns_free(r->dns);
	for (struct name *n = r->names, *next; n; n = next) {
		next = n->next;
		name_free(n);
	}
	free(r);
}

void resolver_status(const struct resolver *r, unsigned *failing, uint64_t *failures)
{
	*failing = 0;
	for (const struct name *n = r->names; n; n = n->next)
		*failing += n->failing;
	*failures = r->failures;
}
