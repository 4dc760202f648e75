/* What is set for the whole fleet: one document, signed, with a revision, under the key `fleet` of every Redis server.
 *
 * It is changed by compare-and-set on the first server that answers; every node brings the newest revision that it
 * has seen to servers that lack it. Should two nodes that see different servers make the same revision, the one made
 * later stays. With no server the last one stays in force. Control thread. */
#ifndef CLUSTER_DOCUMENT_H
#define CLUSTER_DOCUMENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "cluster/board.h"

struct document;

struct document_hooks {
	/* A newer one is here: JSON, NUL-terminated. */
	void (*changed)(void *arg, uint64_t revision, const char *body, size_t len);
	/* A change asked for by document_set() came to nothing; why. */
	void (*failed)(void *arg, uint64_t revision, const char *why);
	void *arg;
};

/* Over the servers of `board`, which must live longer. NULL without memory. */
struct document *document_new(struct event_base *base, struct board *board, const struct document_hooks *hooks);
void document_free(struct document *document);

/* What is known; body "" and revision 0: none. */
uint64_t document_revision(const struct document *document);
const char *document_body(const struct document *document);

/* Asks for the next revision to be `body`: JSON. Its number in *revision; whether it came to be is told by a hook.
 * -EAGAIN: no server answers, or another change is under way; -EMSGSIZE; -ENOMEM. */
int document_set(struct document *document, const char *body, size_t len, uint64_t *revision, struct err *err);

#endif
