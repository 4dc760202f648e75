/* The node: see node.h. Its life ends in steps, on the control loop: the route is withdrawn first, calls
 * that are still on their way are served, then setups under way are given time, then everything stops:
 * CEASE, the anycast address, the workers. The address stays so long because carriers take answers from
 * it alone. A second SIGTERM stops at once. */
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
#include "daemon/reload.h"
#include "proxy/proxy.h"

#define LINGER_US (1 * CLOCK_SEC)      /* packets sent before the route went */
#define SETUPS_US (10 * CLOCK_SEC)     /* setups under way are given this long */
#define CEASE_MS 1000

struct node {
	struct config *started;          /* that the node was started with: other rooms point into it */
	struct config *config;           /* in force */
	struct admin_reloads reloads;
	struct loop *loop;
	struct proxy *proxy;
	struct anycast *anycast;
	struct admin *admin;
	struct event *signals[3], *tick;
	_Atomic bool stopping;           /* the anycast thread reads it */
	bool proxy_started, anycast_started;
	int64_t stopping_since_us;
};

/* ---- what other rooms ask ---- */

/* Anycast thread: reads atomics only. */
static void route_facts(void *arg, struct policy_route_facts *f)
{
	struct node *n = arg;
	f->workers = proxy_workers(n->proxy);
	f->workers_alive = proxy_workers_alive(n->proxy);
	f->regions = proxy_regions(n->proxy);
	f->regions_reachable = proxy_regions_reachable(n->proxy);
	f->draining = f->drained = proxy_draining(n->proxy);
	f->stopping = n->stopping;
}

static unsigned not_ready(void *arg, const char *reasons[ADMIN_REASONS_MAX])
{
	struct node *n = arg;
	unsigned count = 0;
	struct policy_route_facts f = {.order = POLICY_ORDER_AUTO};
	route_facts(n, &f);
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
	int rc = reload_run(&config, n->started->path, n->proxy, who, out);
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
	return 0;
}

static void reloads(void *arg, struct admin_reloads *out) { *out = ((struct node *)arg)->reloads; }

static void on_sighup(struct node *n)
{
	struct admin_reload out;
	reload(n, "SIGHUP", &out);
	admin_reload_free(&out);
}

/* ---- stopping ---- */

static uint32_t setups(const struct node *n)
{
	uint32_t sum = 0;
	for (unsigned i = 0; i < proxy_regions(n->proxy); i++)
		sum += atomic_load(&proxy_region_live(n->proxy, i)->setups);
	return sum;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct node *n = arg;
	int64_t since = clock_us() - n->stopping_since_us;
	(void)fd;
	(void)what;
	if (since < LINGER_US)
		return;
	proxy_drain(n->proxy, true);
	if (setups(n) && since < SETUPS_US)
		return;
	log_info("stopping: %u calls still being set up", setups(n));
	loop_break(n->loop);
}

static void begin_stop(struct node *n)
{
	struct timeval every = {0, 50000};
	n->stopping = true;
	n->stopping_since_us = clock_us();
	sd_notify(0, "STOPPING=1");
	if (n->anycast_started) {
		log_info("stopping: withdrawing the route");
		anycast_order(n->anycast, NULL, POLICY_ORDER_AUTO, "the stop");  /* a check at once, with `stopping` */
	}
	event_add(n->tick, &every);
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
	if (n->stopping)
		loop_break(n->loop);
	else
		begin_stop(n);
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
	n->tick = event_new(loop_base(n->loop), -1, EV_PERSIST, on_tick, n);
	return n->tick ? 0 : err_set(err, ENOMEM, "out of memory");
}

static int make_admin(struct node *n, struct err *err)
{
	const struct config *c = n->config;
	struct admin_config ac = {.n_listen = c->admin.n_listen};
	struct admin_sources sources = {
		.version = PACKAGE_VERSION, .node_id = c->node.id, .started_wall_us = clock_wall_us(), .proxy = n->proxy,
		.anycast = n->anycast, .not_ready = not_ready, .config_text = config_text,
		.reload = reload, .reloads = reloads, .arg = n,
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
	if (!n->proxy)
		return -EIO;
	if (n->config->has_anycast && !(n->anycast = anycast_new(&n->config->anycast, route_facts, n, err)))
		return -EIO;
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

void node_run(struct node *n)
{
	loop_run(n->loop);
	log_info("node %s is down", n->config->node.id);
}

void node_free(struct node *n)
{
	if (!n)
		return;
	if (n->anycast_started)
		anycast_stop(n->anycast, CEASE_MS, "draining for maintenance");
	admin_free(n->admin);
	if (n->proxy_started)
		proxy_stop(n->proxy);
	anycast_free(n->anycast);
	proxy_free(n->proxy);
	for (unsigned i = 0; i < 3; i++)
		if (n->signals[i])
			event_free(n->signals[i]);
	if (n->tick)
		event_free(n->tick);
	if (n->loop)
		loop_free(n->loop);
	if (n->config != n->started)
		config_free(n->config);
	config_free(n->started);
	free(n);
}
