/* The fleet, wired: see fleet.h.
 *
 * Calls of a node that is gone go on, any node carries them, but nobody counts their ends: they count less and less,
 * evenly over CALLS_FADE_US. Its setups are gone with it. */
#include "daemon/fleet.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "anycast/anycast.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include <config.h>
#include "daemon/fleet_claims.h"
#include "policy/table.h"
#include "proxy/proxy.h"

#define FRESH_INTERVALS 6            /* writings that may be missed */
#define CALLS_FADE_US (300 * CLOCK_SEC)

struct fleet {
	struct board *board;
	struct proxy *proxy;
	struct anycast *anycast;
	bool (*ready)(void *arg);
	fleet_policy_fn *check, *take;
	void *arg;
	char *policy;                    /* in force; NULL: none */
	bool taking;
	char revision[24];
	struct document *document;
	struct ended *ended;
	struct fleet_claims *claims;     /* NULL: nothing is claimed */
	struct loop *loop;
	uint64_t in_force;               /* revision of the document; 0: none */
	struct err refused;              /* why the newest one is not; empty: it is */
	_Atomic int others;
};

/* ---- what this node tells ---- */

static void fill_region(const struct fleet *f, unsigned i, struct node_region *r)
{
	const struct policy_region_config *config = proxy_region_config(f->proxy, i);
	struct policy_region_facts facts;
	region_facts(proxy_region_live(f->proxy, i), config, policy_table_tuning(proxy_policy(f->proxy)), clock_us(), &facts);
	snprintf(r->name, sizeof r->name, "%s", config->name);
	snprintf(r->state, sizeof r->state, "%s", policy_admin_str(facts.admin));
	r->setups = facts.setups;
	r->calls = facts.calls;
	r->latency_us = facts.latency_us;
	r->error_rate = facts.error_rate;
	r->healthy = facts.healthy;
}

static void fill_prefixes(struct fleet *f, struct node_record *own)
{
	struct anycast_status status;
	char text[ADDR_STR_LEN];
	anycast_status(f->anycast, &status);
	for (unsigned i = 0; i < status.n_prefixes && i < RECORD_PREFIXES; i++) {
		if (status.prefixes[i].role != ANYCAST_SERVICE)
			continue;
		struct node_prefix *p = &own->prefixes[own->n_prefixes++];
		snprintf(p->prefix, sizeof p->prefix, "%s", prefix_str(&status.prefixes[i].prefix, text));
		snprintf(p->action, sizeof p->action, "%s", policy_route_action_str(status.prefixes[i].action));
	}
}

static void fill(void *arg, struct node_record *own)
{
	struct fleet *f = arg;
	snprintf(own->version, sizeof own->version, "%s", PACKAGE_VERSION);
	snprintf(own->revision, sizeof own->revision, "%s", f->revision);
	if (f->claims)
		fleet_claims_fill(f->claims, own);
	own->ready = f->ready(f->arg);
	own->fleet_revision = f->in_force;
	snprintf(own->fleet_refused, sizeof own->fleet_refused, "%.150s", f->refused.text);
	for (unsigned i = 0; i < proxy_regions(f->proxy) && i < RECORD_REGIONS; i++)
		fill_region(f, i, &own->regions[own->n_regions++]);
	if (f->anycast)
		fill_prefixes(f, own);
}

/* ---- what the others tell ---- */

static const struct node_region *region_of(const struct node_record *r, const char *name)
{
	for (unsigned i = 0; i < r->n_regions; i++)
		if (!strcmp(r->regions[i].name, name))
			return &r->regions[i];
	return NULL;
}

/* What calls of a node still count, its last news being so old. */
static double fade(const struct board *b, int64_t age_us)
{
	int64_t gone_us = age_us - board_config(b)->fresh_ms * CLOCK_MS;
	if (gone_us <= 0)
		return 1;
	return gone_us >= CALLS_FADE_US ? 0 : 1 - (double)gone_us / CALLS_FADE_US;
}

static void sum_region(struct fleet *f, unsigned i, int64_t now)
{
	struct region_live *live = proxy_region_live(f->proxy, i);
	double calls = 0;
	uint64_t setups = 0;
	for (unsigned k = 0; k < board_nodes(f->board); k++) {
		struct board_node n;
		board_node(f->board, k, &n);
		const struct node_region *r = n.arrived_us ? region_of(n.record, proxy_region_config(f->proxy, i)->name) : NULL;
		if (!r)
			continue;
		calls += r->calls * fade(f->board, now - n.arrived_us);
		setups += n.fresh ? r->setups : 0;
	}
	region_set_remote(live, (uint32_t)(setups < 1000000 ? setups : 1000000), (uint32_t)(calls < 1e9 ? calls + 0.5 : 1e9), now,
	                  now);
}

/* Somebody else, heard of a moment ago, announces the prefix as well as can be. */
static bool announced_elsewhere(const struct fleet *f, const char *prefix)
{
	for (unsigned k = 0; k < board_nodes(f->board); k++) {
		struct board_node n;
		board_node(f->board, k, &n);
		for (unsigned i = 0; n.fresh && i < n.record->n_prefixes; i++)
			if (!strcmp(n.record->prefixes[i].prefix, prefix) && !strcmp(n.record->prefixes[i].action, "announce"))
				return true;
	}
	return false;
}

/* With several prefixes: others have to announce all of them. */
static enum policy_route_others judge_others(struct fleet *f)
{
	struct node_record *own;
	bool all = true;
	if (!board_works(f->board))
		return POLICY_OTHERS_UNKNOWN;
	if (!f->anycast || !(own = calloc(1, sizeof *own)))
		return POLICY_OTHERS_NONE;
	fill_prefixes(f, own);
	for (unsigned i = 0; i < own->n_prefixes; i++)
		all = all && announced_elsewhere(f, own->prefixes[i].prefix);
	free(own);
	return all ? POLICY_OTHERS_SOME : POLICY_OTHERS_NONE;
}

static void on_round(void *arg)
{
	struct fleet *f = arg;
	bool works = board_works(f->board);
	int64_t now = clock_us();
	for (unsigned i = 0; works && i < proxy_regions(f->proxy); i++)
		sum_region(f, i, now);
	if (f->claims)
		fleet_claims_round(f->claims);
	proxy_set_alone(f->proxy, !works);
	enum policy_route_others others = judge_others(f);
	atomic_store(&f->others, (int)others);
}

/* ---- calls that end by another node ---- */

struct foreign_end {
	struct fleet *fleet;
	uint32_t node;
	size_t len;
	char call[];
};

/* Of a node that is gone, another one may have adopted the call: that one will know it. */
static void tell_end(void *arg)
{
	struct foreign_end *e = arg;
	const struct board *b = e->fleet->board;
	bool gone = true;
	for (int pass = 0; b && pass < 2 && gone; pass++)
		for (unsigned i = 0; i < board_nodes(b); i++) {
			struct board_node n;
			board_node(b, i, &n);
			bool owner = proxy_node_hash(n.record->node) == e->node;
			gone = gone && !(owner && n.fresh);
			if (n.fresh && (owner || pass))
				ended_tell(e->fleet->ended, n.record->node, e->call, e->len);
		}
	free(e);
}

/* SIP worker. */
static void on_foreign_end(void *arg, uint32_t node, const char *call, size_t len)
{
	struct fleet *f = arg;
	struct foreign_end *e = malloc(sizeof *e + len);
	if (!e)
		return;
	e->fleet = f;
	e->node = node;
	e->len = len;
	memcpy(e->call, call, len);
	if (loop_post(f->loop, tell_end, e))
		free(e);
}

static void on_over(void *arg, const char *call, size_t len)
{
	struct fleet *f = arg;
	proxy_call_over(f->proxy, call, len);
}

/* ---- what is set for all ---- */

static int take_policy(struct fleet *f, const char *body, struct err *err)
{
	char *policy = fleet_doc_policy(body);
	int rc = 0;
	if (strcmp(policy ? policy : "", f->policy ? f->policy : "") != 0) {
		f->taking = true;
		rc = f->take(f->arg, policy ? policy : "", err);
		f->taking = false;
	}
	if (rc == 0) {
		free(f->policy);
		f->policy = policy;
	} else {
		free(policy);
	}
	return rc;
}

static void on_document(void *arg, uint64_t revision, const char *body, size_t len)
{
	struct fleet *f = arg;
	(void)len;
	if (fleet_doc_check(f->proxy, body, &f->refused) || take_policy(f, body, &f->refused) ||
	    fleet_doc_apply(f->proxy, body, revision, &f->refused)) {
		log_error("cluster: the fleet's revision %llu is refused, revision %llu stays: %s", (unsigned long long)revision,
		          (unsigned long long)f->in_force, f->refused.text);
		return;
	}
	f->refused.text[0] = 0;
	f->in_force = revision;
	log_info("cluster: the fleet's revision %llu is in force", (unsigned long long)revision);
}

static void on_failed(void *arg, uint64_t revision, const char *why)
{
	(void)arg;
	log_error("cluster: the change to revision %llu did not come to be: %s", (unsigned long long)revision, why);
}

int fleet_change(struct fleet *f, const struct fleet_change *change, uint64_t *revision, struct err *err)
{
	char *body;
	int rc;
	if (change->policy && f->check(f->arg, change->policy, err))
		return -EINVAL;
	if (change->region && proxy_region_find(f->proxy, change->region) < 0)
		return err_set(err, EINVAL, "there is no region \"%s\" in this node's configuration", change->region);
	if (!(body = fleet_doc_change(document_body(f->document), change)))
		return err_set(err, ENOMEM, "out of memory");
	rc = document_set(f->document, body, strlen(body), revision, err);
	if (rc == 0)
		log_info("cluster: %s of the fleet, revision %llu: asked for by %s", change->region ? change->region : "policy",
		         (unsigned long long)*revision, change->who);
	free(body);
	return rc;
}

/* ---- life ---- */

static void board_config_of(const struct config *c, struct board_config *b)
{
	*b = (struct board_config){
		.n_servers = c->cluster.n_redis, .interval_ms = c->cluster.interval_ms, .ttl_ms = c->cluster.ttl_ms,
		.fresh_ms = FRESH_INTERVALS * c->cluster.interval_ms,
	};
	snprintf(b->node, sizeof b->node, "%s", c->node.id);
	snprintf(b->prefix, sizeof b->prefix, "%s", c->cluster.prefix);
	memcpy(b->servers, c->cluster.redis, sizeof b->servers);
	cluster_keys_add(&b->keys, c->secret, c->secret_len);
	if (c->old_secret_len)
		cluster_keys_add(&b->keys, c->old_secret, c->old_secret_len);
}

struct fleet *fleet_new(struct loop *loop, struct proxy *proxy, struct anycast *anycast, const struct config *config,
                        bool (*ready)(void *arg), fleet_policy_fn *check, fleet_policy_fn *take, void *arg, struct err *err)
{
	struct fleet *f = calloc(1, sizeof *f);
	struct board_config bc;
	if (!f) {
		err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	f->loop = loop;
	f->proxy = proxy;
	f->anycast = anycast;
	f->ready = ready;
	f->check = check;
	f->take = take;
	f->arg = arg;
	fleet_reconfigured(f, config);
	board_config_of(config, &bc);
	f->board = board_new(loop_base(loop), &bc, &(struct board_hooks){.fill = fill, .round = on_round, .arg = f});
	explicit_bzero(&bc, sizeof bc);
	if (f->board)
		f->document = document_new(loop_base(loop), f->board,
		                           &(struct document_hooks){.changed = on_document, .failed = on_failed, .arg = f});
	if (f->document)
		f->ended = ended_new(loop_base(loop), f->board, on_over, f);
	if (f->ended) {
		proxy_on_foreign_end(proxy, on_foreign_end, f);
		if (!config->cluster.claims || (f->claims = fleet_claims_new(loop, proxy, f->board, config, err)))
			return f;
	} else {
		err_set(err, ENOMEM, "out of memory");
	}
	fleet_free(f);
	return NULL;
}

void fleet_stop(struct fleet *f)
{
	if (!f)
		return;
	fleet_claims_stop(f->claims);
	ended_free(f->ended);
	document_free(f->document);
	board_free(f->board);
	f->ended = NULL;
	f->document = NULL;
	f->board = NULL;
}

void fleet_free(struct fleet *f)
{
	if (!f)
		return;
	fleet_stop(f);
	fleet_claims_free(f->claims);
	free(f->policy);
	free(f);
}

void fleet_reconfigured(struct fleet *f, const struct config *config)
{
	config_revision(config, f->revision);
	if (f->refused.text[0] && !f->taking)  /* the regions may be there now */
		on_document(f, document_revision(f->document), document_body(f->document), 0);
}

const struct peer *fleet_peer(const struct fleet *f) { return f->claims ? fleet_claims_peer(f->claims) : NULL; }
const struct ended *fleet_ended(const struct fleet *f) { return f->ended; }
const struct document *fleet_document(const struct fleet *f) { return f->document; }
const struct board *fleet_board(const struct fleet *f) { return f->board; }
enum policy_route_others fleet_others(const struct fleet *f)
{
	return (enum policy_route_others)atomic_load(&((struct fleet *)f)->others);
}
