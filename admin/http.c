/* HTTP by libmicrohttpd: one MHD daemon a listening socket, each with an epoll descriptor that sits in
 * the control loop and a timer for what MHD wants to do without an event. MHD has no thread here.
 *
 * What a stranger can hold is bounded: connections by CONNECTIONS_MAX a socket, each one's memory by
 * MHD's pool and API_BODY_MAX, each one's time by two clocks. MHD ends a connection that is silent for
 * IDLE_S; a client that trickles bytes is never silent, so a sweep ends those that finish no request
 * in REQUEST_US: it shuts the socket down, and MHD does the rest.
 *
 * Everything of meaning is in routes.c; this file turns MHD's calls into a struct request and back. */
#include <errno.h>
#include <event2/event.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "admin/api.h"
#include "admin/listen.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"

#define CONNECTIONS_MAX 64u
#define MEMORY_MAX ((size_t)32 * 1024)   /* a connection's: request line, header, response header */
#define IDLE_S 15u
#define REQUEST_US (30 * CLOCK_SEC)
#define DISCARD_MAX ((size_t)1024 * 1024) /* read and thrown away of a body too large, to answer 413 */
#define SERVERS_MAX 5
#define WHO_LEN 96

struct connection {
	struct connection *next, **prev;
	int fd;
	int64_t since_us;                 /* the connection's begin or its last request's end */
};

struct server {
	struct admin *admin;
	struct MHD_Daemon *daemon;
	struct event *readable, *timer;
	bool is_unix;
	struct connection *connections;
};

struct admin {
	struct admin_sources sources;
	struct server servers[SERVERS_MAX];
	unsigned n_servers;
	struct listen_file file;          /* path empty: none */
	struct event *sweep;
};

/* A request while MHD reads it. */
struct http_request {
	char *body;
	size_t len, discarded;
	bool too_large;
};

/* ---- the loop ---- */

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;
	MHD_UNSIGNED_LONG_LONG ms;

	MHD_run(server->daemon);
	if (MHD_get_timeout(server->daemon, &ms) == MHD_YES) {
		struct timeval in = {.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
		event_add(server->timer, &in);
	} else {
		event_del(server->timer);
	}
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct admin *admin = arg;
	int64_t now = clock_us();

	for (unsigned i = 0; i < admin->n_servers; i++)
		for (struct connection *c = admin->servers[i].connections; c; c = c->next)
			if (now - c->since_us > REQUEST_US)
				shutdown(c->fd, SHUT_RDWR);
}

/* ---- connections ---- */

static void on_connection(void *arg, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
	struct server *server = arg;
	struct connection *c = *context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		c = calloc(1, sizeof *c);
		if (!c)
			return;
		c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
		c->since_us = clock_us();
		c->next = server->connections;
		c->prev = &server->connections;
		if (c->next)
			c->next->prev = &c->next;
		server->connections = c;
		*context = c;
	} else if (c) {
		*c->prev = c->next;
		if (c->next)
			c->next->prev = c->prev;
		free(c);
		*context = NULL;
	}
}

static void on_completed(void *arg, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code)
{
	struct http_request *request = *context;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct connection *c = info ? info->socket_context : NULL;

	if (c)
		c->since_us = clock_us();
	if (request)
		free(request->body);
	free(request);
	*context = NULL;
}

/* Who asks, for the log. */
static const char *who_str(const struct server *server, struct MHD_Connection *mhd, char buf[WHO_LEN])
{
	char text[ADDR_STR_LEN];
	struct addr addr = {0};
	struct ucred peer;
	socklen_t len = sizeof peer;

	if (server->is_unix) {
		int fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
			snprintf(buf, WHO_LEN, "socket uid %u", (unsigned)peer.uid);
		else
			snprintf(buf, WHO_LEN, "socket");
		return buf;
	}
	const struct sockaddr *sa = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
	memcpy(&addr, sa, sa->sa_family == AF_INET6 ? sizeof addr.in6 : sizeof addr.in);
	snprintf(buf, WHO_LEN, "api from %s", addr_str(&addr, text));
	return buf;
}

/* ---- requests ---- */

static const char *header(struct MHD_Connection *mhd, const char *name)
{
	return MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, name);
}

/* Hands the response's body over to MHD, which frees it. */
static enum MHD_Result send_response(struct MHD_Connection *mhd, struct response *response)
{
	struct MHD_Response *r;
	enum MHD_Result sent;

	if (response->body.bad)
		return MHD_NO;
	r = MHD_create_response_from_buffer(response->body.len, response->body.data, MHD_RESPMEM_MUST_FREE);
	if (!r)
		return MHD_NO;
	jw_init(&response->body);
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, response->type);
	MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	if (response->allow[0])
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, response->allow);
	sent = MHD_queue_response(mhd, (unsigned)response->status, r);
	MHD_destroy_response(r);
	return sent;
}

static enum MHD_Result answer(struct server *server, struct MHD_Connection *mhd, const char *method, const char *path,
                              const struct http_request *request)
{
	char who[WHO_LEN];
	struct request in = {
		.method = method,
		.path = path,
		.content_type = header(mhd, MHD_HTTP_HEADER_CONTENT_TYPE),
		.origin = header(mhd, MHD_HTTP_HEADER_ORIGIN),
		.host = header(mhd, MHD_HTTP_HEADER_HOST),
		.who = who_str(server, mhd, who),
		.body = request->body,
		.len = request->len,
		.too_large = request->too_large,
	};
	struct response out;
	enum MHD_Result sent;

	routes_dispatch(&server->admin->sources, &in, &out);
	sent = send_response(mhd, &out);
	response_free(&out);
	return sent;
}

/* Keeps what came of the body, or only counts it once it is too large. */
static enum MHD_Result take_upload(struct http_request *request, const char *data, size_t *len)
{
	char *grown = NULL;

	if (!request->too_large && request->len + *len <= API_BODY_MAX) {
		grown = realloc(request->body, request->len + *len);
		if (!grown)
			return MHD_NO;
		memcpy(grown + request->len, data, *len);
		request->body = grown;
		request->len += *len;
	} else {
		request->too_large = true;
		request->discarded += *len;
	}
	*len = 0;
	return request->discarded <= DISCARD_MAX ? MHD_YES : MHD_NO;
}

static bool says_too_large(struct MHD_Connection *mhd)
{
	const char *length = header(mhd, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return length && strtoull(length, NULL, 10) > DISCARD_MAX;
}

/* MHD calls this first with the header read, then for each piece of the body, then once more. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *mhd, const char *path, const char *method,
                                  const char *version, const char *upload, size_t *upload_len, void **context)
{
	struct http_request *request = *context;

	if (request)
		return *upload_len ? take_upload(request, upload, upload_len) : answer(arg, mhd, method, path, request);
	request = calloc(1, sizeof *request);
	if (!request)
		return MHD_NO;
	*context = request;
	if (!says_too_large(mhd))
		return MHD_YES;
	request->too_large = true;
	return answer(arg, mhd, method, path, request);
}

/* Paths are decoded segment by segment in routes.c: decoded here, a %2F would become a separator. */
static size_t leave_escaped(void *arg, struct MHD_Connection *mhd, char *text)
{
	return strlen(text);
}

__attribute__((format(printf, 2, 0)))
static void on_mhd_log(void *arg, const char *fmt, va_list ap)
{
	char line[256];

	vsnprintf(line, sizeof line, fmt, ap);
	line[strcspn(line, "\n")] = 0;
	log_debug("admin: %s", line);
}

/* ---- life ---- */

static int server_start(struct server *server, struct event_base *base, int fd)
{
	server->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, server,
		MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log, NULL,
		MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY_MAX,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
		MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
		MHD_OPTION_END);
	if (!server->daemon)
		return -ENOMEM;
	int epoll = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	server->readable = event_new(base, epoll, EV_READ | EV_PERSIST, on_turn, server);
	server->timer = evtimer_new(base, on_turn, server);
	if (!server->readable || !server->timer || event_add(server->readable, NULL) < 0)
		return -ENOMEM;
	return 0;
}

static void server_stop(struct server *server)
{
	if (server->readable)
		event_free(server->readable);
	if (server->timer)
		event_free(server->timer);
	if (server->daemon)
		MHD_stop_daemon(server->daemon);
}

static int add_server(struct admin *admin, struct event_base *base, int fd, bool is_unix, struct err *err)
{
	struct server *server;

	if (fd < 0)
		return fd;
	server = &admin->servers[admin->n_servers++];
	server->admin = admin;
	server->is_unix = is_unix;
	return server_start(server, base, fd) < 0 ? err_set(err, ENOMEM, "admin: cannot start the HTTP server") : 0;
}

static int start_all(struct admin *admin, struct event_base *base, const struct admin_config *config, struct err *err)
{
	struct timeval second = {.tv_sec = 1};
	int r = 0;

	for (unsigned i = 0; i < config->n_listen && r == 0; i++)
		r = add_server(admin, base, listen_tcp(&config->listen[i], err), false, err);
	if (r == 0 && config->socket[0])
		r = add_server(admin, base, listen_unix(config->socket, &admin->file, err), true, err);
	if (r < 0)
		return r;
	admin->sweep = event_new(base, -1, EV_PERSIST, on_sweep, admin);
	if (!admin->sweep || event_add(admin->sweep, &second) < 0)
		return err_set(err, ENOMEM, "admin: no memory for a timer");
	return 0;
}

struct admin *admin_new(struct loop *loop, const struct admin_config *config, const struct admin_sources *sources,
                        struct err *err)
{
	struct admin *admin = calloc(1, sizeof *admin);

	if (!admin) {
		err_set(err, ENOMEM, "admin: no memory");
		return NULL;
	}
	admin->sources = *sources;
	if (start_all(admin, loop_base(loop), config, err) < 0) {
		admin_free(admin);
		return NULL;
	}
	return admin;
}

void admin_free(struct admin *admin)
{
	if (!admin)
		return;
	if (admin->sweep)
		event_free(admin->sweep);
	for (unsigned i = 0; i < admin->n_servers; i++)
		server_stop(&admin->servers[i]);
	if (admin->file.path[0])
		listen_unlink(&admin->file);
	free(admin);
}
