/* Calls that ended by way of another node than the one that set them up: who saw the BYE says so to the node that
 * counts the call, through Redis, so that every call is counted once and only as long as it lasts. A message waits in
 * the list `ended:ID` of each server, signed, for a minute at most; the same one from two servers ends nothing twice.
 * Control thread. */
#ifndef CLUSTER_ENDED_H
#define CLUSTER_ENDED_H

#include <stddef.h>
#include <stdint.h>

#include "cluster/board.h"

struct ended;

/* A call that this node counts is over. `call` is what ended_tell() was given there. */
typedef void ended_fn(void *arg, const char *call, size_t len);

/* Over the servers of `board`, which must live longer. NULL without memory. */
struct ended *ended_new(struct event_base *base, struct board *board, ended_fn *fn, void *arg);
void ended_free(struct ended *ended);

/* Says to `node` that its `call` (at most ENDED_CALL_MAX bytes) is over; nothing is said to a node that is gone: what it
 * counted fades. Lost where no server answers: then the call ends there by its session timer. */
#define ENDED_CALL_MAX 512
void ended_tell(struct ended *ended, const char *node, const char *call, size_t len);

struct ended_counts { uint64_t told, heard, refused; };
void ended_counts(const struct ended *ended, struct ended_counts *out);

#endif
