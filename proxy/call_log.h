/* The log thread: takes records from a ring a worker, turns them into lines and appends them to the
 * call log, in one write a turn. A slow or full disk costs records, which are counted, and never a
 * call. A file that was moved away (logrotate) is opened anew within a second. */
#ifndef PROXY_CALL_LOG_H
#define PROXY_CALL_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ring.h"

struct call_log;

/* Opens `path` (empty: operational lines only) for appending. NULL and `err` on failure. */
struct call_log *call_log_new(const char *path, const char *node_id, bool mask_numbers, unsigned n_rings,
                              struct err *err);
int call_log_start(struct call_log *log);
/* Writes what is left, ends the thread. */
void call_log_stop(struct call_log *log);
void call_log_free(struct call_log *log);

/* The ring of producer i, of `struct record`s; owned by the log. */
struct ring *call_log_ring(struct call_log *log, unsigned i);
/* Whether there is a file, so that records are worth making. */
bool call_log_wanted(const struct call_log *log);
/* Any thread: records that could not be written to the file. */
uint64_t call_log_lost(const struct call_log *log);

#endif
