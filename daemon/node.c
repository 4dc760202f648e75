/* The node: see node.h. It is built, started, run and taken down here; how it leaves service is drain.c's.
 * A second SIGTERM stops at once. */
#include "daemon/node.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <systemd/sd-daemon.h>

#include "admin/admin.h"
#include "anycast/anycast.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include <config.h>
#include "daemon/build.h"
#include "daemon/drain.h"
#include "daemon/fleet.h"
#include "daemon/reload.h"
#include "proxy/proxy.h"

#define CEASE_MS 1000
#define END_S 5                 /* from the end of the loop to that of the process */
#define EXIT_HANGS 3
#define GOODBYE "draining for maintenance"

struct node {
	struct config *started;          /* that the node was started with: other rooms point into it */
	struct config *config;           /* in force */
	struct admin_reloads reloads;
	struct loop *loop;
	struct proxy *proxy;
	struct anycast *anycast;
	struct admin *admin;
	struct drain *drain;
	char *over;                      /* the fleet's part of the configuration; NULL: none */
	struct fleet *fleet;             /* NULL: a node on its own */
	struct event *signals[3];
	bool stopping, proxy_started, anycast_started;
};

/* ---- what other rooms ask ---- */

/* Anycast thread: reads atomics only. */
static void route_facts(void *arg, const struct prefix *prefix, struct policy_route_facts *f)
{
	struct node *n = arg;
	f->workers = proxy_workers(n->proxy);
	f->workers_alive = proxy_workers_alive(n->proxy);
	f->regions = proxy_regions(n->proxy);
	f->regions_reachable = proxy_regions_reachable(n->proxy);
	f->workers_answering = proxy_workers_answering(n->proxy, prefix, &f->probed);
	f->overloaded = proxy_overload(n->proxy) > 0;
	if (n->drain)
		drain_facts(n->drain, f);
	if (n->fleet)
		f->others = fleet_others(n->fleet);
}

static unsigned not_ready(void *arg, const char *reasons[ADMIN_REASONS_MAX])
{
	struct node *n = arg;
	unsigned count = 0;
	struct policy_route_facts f = {.order = POLICY_ORDER_AUTO};
	route_facts(n, NULL, &f);
	f.address_present = true;  /* the gate looks after it, prefix by prefix: /v1/anycast */
	enum policy_route_reason fault = policy_route_fault(&n->config->anycast.gate, &f);
	if (policy_route_hard(fault))  /* with the others it still serves, if less well: the route says so */
		reasons[count++] = policy_route_reason_str(fault);
	if (f.draining)
		reasons[count++] = policy_route_reason_str(POLICY_ROUTE_DRAINING);
	if (n->stopping)
		reasons[count++] = policy_route_reason_str(POLICY_ROUTE_STOPPING);
	return count;
}

static bool is_ready(void *arg)
{
	const char *reasons[ADMIN_REASONS_MAX];
	return not_ready(arg, reasons) == 0;
}

static int config_text(void *arg, char **text)
{
	struct node *n = arg;
	size_t len;
	FILE *f = open_memstream(text, &len);
	if (!f)
		return -ENOMEM;
	config_print(n->config, f);
	return fclose(f) ? -ENOMEM : 0;
}

/* ---- reload ---- */

static int reload(void *arg, const char *who, struct admin_reload *out)
{
	struct node *n = arg;
	struct config *before = n->config == n->started ? NULL : n->config, *config = n->config;
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_us());
	int rc = reload_run(&config, n->started->path, n->over, n->proxy, who, out);
	sd_notify(0, "READY=1");
	n->reloads.last_ok = rc == 0;
	if (rc) {
		n->reloads.failed++;
		return rc;
	}
	n->reloads.ok++;
	n->reloads.last_wall_us = clock_wall_us();
	config_free(before);
	n->config = config;
	if (n->fleet)
		fleet_reconfigured(n->fleet, config);
	return 0;
}

static void reloads(void *arg, struct admin_reloads *out) { *out = ((struct node *)arg)->reloads; }

static void on_sighup(struct node *n)
{
	struct admin_reload out;
	reload(n, "SIGHUP", &out);
	admin_reload_free(&out);
}

/* ---- drain and stop ---- */

static int drain_order(void *arg, bool on, const char *who, struct err *err)
{
	struct node *n = arg;
	if (!on)
		return drain_end(n->drain, who, err);
	drain_begin(n->drain, false, who);
	return 0;
}

static void drain_state(void *arg, struct admin_drain *out)
{
	struct node *n = arg;
	struct drain_status s;
	drain_status(n->drain, &s);
	*out = (struct admin_drain){
		.state = drain_step_str(s.step), .draining = s.step != DRAIN_NO, .stopping = s.stopping,
		.since_wall_us = s.since_wall_us, .new_calls = s.new_calls, .open = s.open, .calls = s.calls,
	};
}

static void on_drained(void *arg)
{
	struct node *n = arg;
	loop_break(n->loop);
}

static void on_signal(evutil_socket_t signo, short what, void *arg)
{
	struct node *n = arg;
	(void)what;
	if (signo == SIGHUP) {
		on_sighup(n);
		return;
	}
	log_info("%s received", signo == SIGTERM ? "SIGTERM" : "SIGINT");
	if (n->stopping) {
		loop_break(n->loop);
		return;
	}
	n->stopping = true;
	sd_notify(0, "STOPPING=1");
	drain_begin(n->drain, true, signo == SIGTERM ? "SIGTERM" : "SIGINT");
}

/* ---- the fleet ---- */

static void first_line(struct err *err, const char *lines)
{
	err_set(err, EINVAL, "%.*s", (int)strcspn(lines ? lines : "", "\n"), lines ? lines : "");
}

static void keep_first(void *arg, const char *line)
{
	struct err *err = arg;
	if (!err->text[0])
		err_set(err, EINVAL, "%s", line);
}

/* Would that part do here? */
static int policy_check(void *arg, const char *over, struct err *err)
{
	struct node *n = arg;
	err->text[0] = 0;
	if (config_over_check(over, err))
		return -EINVAL;
	struct config *c = config_load_over(n->started->path, over, keep_first, err, NULL);
	config_free(c);
	return c ? 0 : -EINVAL;
}

/* Into force, or the one before stays. */
static int policy_take(void *arg, const char *over, struct err *err)
{
	struct node *n = arg;
	struct admin_reload out;
	char *before = n->over, *fresh = over[0] ? strdup(over) : NULL;
	if (config_over_check(over, err) || (over[0] && !fresh)) {
		free(fresh);
		return -EINVAL;
	}
	n->over = fresh;
	int rc = reload(n, "the fleet", &out);
	if (rc) {
		first_line(err, out.lines);
		n->over = before;
		before = fresh;
	}
	admin_reload_free(&out);
	free(before);
	return rc;
}

static int fleet_region(void *arg, const struct admin_fleet_change *change, uint64_t *revision, struct err *err)
{
	struct node *n = arg;
	return fleet_change(n->fleet, &(struct fleet_change){
		.region = change->region, .policy = change->policy, .state = change->state, .has_weight = change->has_weight, .weight = change->weight,
		.who = change->who, .node = n->config->node.id,
	}, revision, err);
}

/* ---- building ---- */

static int add_events(struct node *n, struct err *err)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
	for (unsigned i = 0; i < 3; i++) {
		n->signals[i] = evsignal_new(loop_base(n->loop), signals[i], on_signal, n);
		if (!n->signals[i] || event_add(n->signals[i], NULL))
			return err_set(err, ENOMEM, "out of memory");
	}
	return 0;
}

static int make_admin(struct node *n, struct err *err)
{
	const struct config *c = n->config;
	struct admin_config ac = {.n_listen = c->admin.n_listen};
	struct admin_sources sources = {
		.version = PACKAGE_VERSION, .node_id = c->node.id, .started_wall_us = clock_wall_us(), .proxy = n->proxy,
		.anycast = n->anycast, .board = n->fleet ? fleet_board(n->fleet) : NULL,
		.document = n->fleet ? fleet_document(n->fleet) : NULL, .ended = n->fleet ? fleet_ended(n->fleet) : NULL,
		.peer = n->fleet ? fleet_peer(n->fleet) : NULL,
		.fleet_region = fleet_region, .not_ready = not_ready, .config_text = config_text,
		.reload = reload, .reloads = reloads, .drain = drain_order, .drain_state = drain_state, .arg = n,
	};
	memcpy(ac.listen, c->admin.listen, sizeof ac.listen);
	snprintf(ac.socket, sizeof ac.socket, "%s", c->admin.socket);
	n->admin = admin_new(n->loop, &ac, &sources, err);
	return n->admin ? 0 : -EIO;
}

static int make_parts(struct node *n, struct err *err)
{
	struct proxy_config pc;
	int rc;
	n->loop = loop_new("control");
	if (!n->loop)
		return err_set(err, ENOMEM, "out of memory");
	if ((rc = add_events(n, err)) || (rc = build_proxy_config(n->config, n->loop, &pc, err)))
		return rc;
	n->proxy = build_proxy(n->config, &pc, err);
	build_streams_release(&pc);
	if (!n->proxy)
		return -EIO;
	if (n->config->has_anycast && !(n->anycast = anycast_new(&n->config->anycast, route_facts, n, err)))
		return -EIO;
	n->drain = drain_new(n->loop, n->proxy, n->anycast, &n->config->drain, on_drained, n);
	if (!n->drain)
		return err_set(err, ENOMEM, "out of memory");
	if (n->config->cluster.n_redis &&
	    !(n->fleet = fleet_new(n->loop, n->proxy, n->anycast, n->config, is_ready, policy_check, policy_take, n, err)))
		return -ENOMEM;
	return make_admin(n, err);
}

struct node *node_new(struct config *config, struct err *err)
{
	struct node *n = calloc(1, sizeof *n);
	if (!n) {
		config_free(config);
		err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	n->started = n->config = config;
	n->reloads = (struct admin_reloads){.last_ok = true, .last_wall_us = clock_wall_us()};
	if (make_parts(n, err)) {
		node_free(n);
		return NULL;
	}
	return n;
}

int node_start(struct node *n, struct err *err)
{
	int rc = proxy_start(n->proxy);
	n->proxy_started = true;
	if (rc)
		return err_sys(err, -rc, "SIP workers do not start");
	if (n->anycast) {
		rc = anycast_start(n->anycast);
		n->anycast_started = rc == 0;
		if (rc)
			return err_sys(err, -rc, "the anycast thread does not start");
	}
	log_info("node %s is up: %u workers, %u regions, %u trunks", n->config->node.id, proxy_workers(n->proxy),
	         proxy_regions(n->proxy), proxy_trunks(n->proxy));
	sd_notify(0, "READY=1");
	return 0;
}

/* A thread that hangs would never be joined, and what watches us would kill us only minutes later. */
static void on_end_overdue(int sig)
{
	static const char text[] = "tandemd: a thread hangs: ended without waiting for it longer\n";
	ssize_t n = write(STDERR_FILENO, text, sizeof text - 1);
	(void)sig;
	(void)n;
	_exit(EXIT_HANGS);
}

void node_run(struct node *n)
{
	loop_run(n->loop);
	signal(SIGALRM, on_end_overdue);
	alarm(END_S);
	log_info("node %s is down", n->config->node.id);
}

void node_free(struct node *n)
{
	if (!n)
		return;
	if (n->anycast_started)
		anycast_stop(n->anycast, CEASE_MS, GOODBYE);
	admin_free(n->admin);
	if (n->proxy_started)
		proxy_stop(n->proxy);
	fleet_stop(n->fleet);
	anycast_free(n->anycast);
	drain_free(n->drain);
	proxy_free(n->proxy);
	for (unsigned i = 0; i < 3; i++)
		if (n->signals[i])
			event_free(n->signals[i]);
	if (n->loop)
		loop_free(n->loop);
	fleet_free(n->fleet);
	free(n->over);
	if (n->config != n->started)
		config_free(n->config);
	config_free(n->started);
	free(n);
}
