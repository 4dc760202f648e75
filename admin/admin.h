/* The operators' HTTP API: libmicrohttpd without threads of its own, driven by the control thread's
 * loop, on TCP addresses and a Unix socket. It reads the other rooms' public headers and changes
 * things only through their functions. Control thread. */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"

struct admin;
struct anycast;
struct board;
struct document;
struct ended;
struct peer;
struct loop;
struct proxy;

struct admin_config {
	struct addr listen[4];
	unsigned n_listen;
	char socket[108];             /* empty: none; made with mode 0660, a stale one is replaced */
};

#define ADMIN_REASONS_MAX 8

/* How far a drain is. */
struct admin_drain {
	const char *state;            /* static text */
	bool draining, stopping;
	int64_t since_wall_us;        /* 0: in service */
	uint64_t new_calls;           /* since it began */
	uint32_t open, calls;         /* requests under way, calls established */
};

/* What came of a reload: lines of text, each ended by a newline, malloc'ed or NULL. */
struct admin_reload {
	char *lines;                  /* errors, or what is worth a word: FILE:LINE:COLUMN: text */
	char *needs_restart;          /* keys that differ in the file and are not in force */
};
void admin_reload_free(struct admin_reload *reload);

struct admin_reloads {
	uint64_t ok, failed;          /* since the start */
	bool last_ok;
	int64_t last_wall_us;         /* when what is in force was loaded: the start, or the last reload that went well */
};

/* A change of a region, or of the policy, in the whole fleet. */
struct admin_fleet_change {
	const char *region;           /* NULL: none */
	const char *policy;           /* YAML: pools, rules, tuning; NULL: as before; empty: none any more */
	const char *state;            /* NULL: as before */
	bool has_weight;
	int32_t weight;               /* -1: as configured */
	const char *who;
};

struct admin_sources {
	const char *version, *node_id;
	int64_t started_wall_us;
	struct proxy *proxy;
	struct anycast *anycast;      /* NULL without an anycast section */
	const struct board *board;    /* NULL: a node on its own */
	const struct peer *peer;      /* what goes from node to node; NULL: nothing does */
	const struct ended *ended;    /* calls that end by another node; NULL: none are told */
	const struct document *document;  /* what is set for the fleet; NULL with `board` */
	/* Asks for it; the revision that it will be. -EAGAIN or -EINVAL and `err`. Not called without `board`. */
	int (*fleet_region)(void *arg, const struct admin_fleet_change *change, uint64_t *revision, struct err *err);
	/* Why this node should not get calls now: fills static texts, returns how many (0: ready). */
	unsigned (*not_ready)(void *arg, const char *reasons[ADMIN_REASONS_MAX]);
	/* Writes the configuration in force as YAML, secrets masked; *text is malloc'ed, freed by admin. */
	int (*config_text)(void *arg, char **text);
	/* Begins a drain, or ends it; 0, or -EBUSY and `err` when the node is stopping. */
	int (*drain)(void *arg, bool on, const char *who, struct err *err);
	void (*drain_state)(void *arg, struct admin_drain *out);
	/* Loads the configuration anew for `who`; 0, or a negative errno: the old one stays. */
	int (*reload)(void *arg, const char *who, struct admin_reload *out);
	void (*reloads)(void *arg, struct admin_reloads *out);
	void *arg;
};

/* Listens; answers from the next turn of `loop` on. NULL and `err` on failure. */
struct admin *admin_new(struct loop *loop, const struct admin_config *config, const struct admin_sources *sources,
                        struct err *err);
void admin_free(struct admin *admin);

#endif
