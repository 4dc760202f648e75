/* The API inside: what a request is once HTTP is taken off, what an answer is before HTTP is put on,
 * and the one table from which routing, the methods allowed, the checks on a request's body and the
 * OpenAPI document are all derived.
 *
 * Nothing here knows of sockets: routes_dispatch() is a function from a request to a response, and
 * tests call it as it is. Control thread. */
#ifndef ADMIN_API_H
#define ADMIN_API_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "admin/admin.h"
#include "base/err.h"
#include "base/json_writer.h"

#define API_BODY_MAX (64 * 1024)
#define API_SEGMENT_LEN 128           /* of a path, decoded, with the NUL */

#define API_JSON "application/json"
#define API_PROBLEM "application/problem+json"

/* ---- request and response ---- */

/* Header fields that were not sent are NULL. */
struct request {
	const char *method;
	const char *path;             /* as sent, percent-encoded, without the query */
	const char *content_type, *origin, *host;
	const char *who;              /* for the log: "api from ADDRESS", "socket uid N" */
	const void *body;
	size_t len;
	bool too_large;               /* the body went past API_BODY_MAX and was thrown away */
};

struct response {
	int status;
	const char *type;             /* of the content; static text */
	char allow[48];               /* the Allow header field; empty: none */
	struct jw body;               /* growing; JSON or, by api_text(), plain text */
};

/* ---- shapes of JSON objects ---- */

enum field_type { FIELD_STRING, FIELD_INTEGER, FIELD_NUMBER, FIELD_BOOLEAN, FIELD_OBJECT, FIELD_ARRAY };

struct field {
	const char *name, *help;
	enum field_type type;
	const struct schema *of;      /* an object's shape; an array's items' (NULL: strings) */
	const char *const *words;     /* of a string: the only values there are, NULL at the end */
	const char *format;           /* of a string: the JSON Schema word for what it is */
	int64_t max;                  /* of an integer in a request: 0 to this */
	bool optional, nullable;
};

#define FIELD(name_, type_, help_, ...) {.name = name_, .type = FIELD_##type_, .help = help_, ##__VA_ARGS__}
#define FIELD_END {.name = NULL}

struct schema {
	const char *name, *help;
	const struct field *fields;   /* the last has no name */
};

/* ---- routes ---- */

/* One request on its way through its handler. */
struct api_call {
	const struct admin_sources *sources;
	const char *who;
	const char *name;             /* the path's {name}, decoded; NULL where there is none */
	const json_t *body;           /* of the shape that the route takes; NULL when none was sent */
	struct response *response;
};

typedef void api_fn(struct api_call *call);

struct route {
	const char *method;           /* GET stands for HEAD too */
	const char *path;             /* "/v1/regions/{name}" */
	const char *summary;
	api_fn *fn;
	const struct schema *takes;   /* NULL: a body is ignored */
	const struct schema *gives;   /* NULL: `type` says all */
	const char *type;             /* NULL: application/json */
	bool body_optional;
	int also;                     /* a second status with the same content as 200 */
	int fails[3];                 /* statuses of problems beyond those that all routes share */
};

/* The table, in the order of the document. */
const struct route *routes_table(unsigned *n);
/* What a route can answer with a problem, ascending: written into `out`, returns how many. */
#define ROUTES_FAILS_MAX 16
unsigned routes_fails(const struct route *route, int out[ROUTES_FAILS_MAX]);
const char *routes_status_str(int status);

/* Answers `request` into `response`, which is set up here and freed by response_free(). Never fails:
 * what goes wrong is a problem document. */
void routes_dispatch(const struct admin_sources *sources, const struct request *request, struct response *response);
void response_free(struct response *response);

/* ---- for handlers ---- */

/* Turns the answer into an RFC 9457 problem document; what was written before is dropped. */
void api_problem(struct api_call *call, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Opens the 200 answer's JSON object; the dispatcher closes nothing, so jw_object_end() is the caller's. */
struct jw *api_object(struct api_call *call);
/* Appends plain text. */
void api_text(struct jw *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "key": a wall-clock time in RFC 3339, null for 0. */
void api_time(struct jw *w, const char *key, int64_t wall_us);
/* "key": µs as milliseconds with three decimals, null for 0, which means "not known" everywhere here. */
void api_ms(struct jw *w, const char *key, uint32_t us);

/* "key": a limit, null for 0, which means "none". */
void api_limit(struct jw *w, const char *key, uint32_t limit);

/* Parses a request's body and checks it against `schema`: every key known, every type and range right,
 * nothing missing. Returns the object, owned by the caller, or NULL and `err` with the position or the
 * key at fault. */
json_t *body_parse(const struct schema *schema, const void *data, size_t len, struct err *err);

/* ---- the handlers, by subject ---- */

api_fn api_health, api_ready, api_status, api_config;                 /* api_node.c */
api_fn api_figures;                                                     /* api_figures.c */
api_fn api_regions, api_region, api_region_patch;                     /* api_regions.c */
api_fn api_reload;                                                    /* api_reload.c */
api_fn api_trunks;                                                    /* api_trunks.c */
api_fn api_anycast, api_peers, api_withdraw, api_announce, api_force; /* api_anycast.c */
api_fn api_drain, api_undrain, api_drain_state;                       /* api_drain.c */
api_fn api_cluster, api_cluster_policy, api_cluster_region;                                                   /* api_cluster.c */
api_fn api_explain;                                                   /* api_explain.c */
api_fn api_metrics;                                                   /* metrics.c */
api_fn api_openapi;                                                   /* openapi.c */

extern const struct schema schema_health, schema_ready, schema_status;
extern const struct schema schema_figures, schema_figures_request;
extern const struct schema schema_regions, schema_region_detail, schema_region_patch;
extern const struct schema schema_trunks, schema_reload;
extern const struct schema schema_anycast, schema_peers, schema_order_request, schema_order;
extern const struct schema schema_drain, schema_cluster, schema_fleet_asked, schema_fleet_policy;
extern const struct schema schema_explain_request, schema_explain;
extern const struct schema schema_problem;

#endif
