/* What the files of a worker share: worker.c (its loop, its turns, what workers hand one another) and worker_streams.c
 * (its connections). */
#ifndef PROXY_WORKER_INTERNAL_H
#define PROXY_WORKER_INTERNAL_H

#include "proxy/worker.h"

/* What one worker has for another; the bytes follow. */
enum handover_kind {
	HANDOVER_MESSAGE,            /* of a call that the other owns */
	HANDOVER_FAILED,             /* what an ICMP error quotes of one of its datagrams */
	HANDOVER_SEND                /* to be sent on a connection of the other's */
};
void worker_hand_over(struct worker *w, unsigned to, enum handover_kind kind, const struct sip_path *path, const void *data,
                      size_t len);
/* Something has come: it is served here, or by the worker that owns its call. */
void worker_on_message(struct worker *w, const struct sip_path *from, char *data, size_t len);
/* At the end of each of the worker's own events: timers, what is to be sent, figures. */
void worker_end(struct worker *w);

/* worker_streams.c: its connections, and what is sent by them. */
int worker_make_streams(struct worker *w, struct err *err);
void worker_free_streams(struct worker *w);
void worker_stream_out(struct worker *w, const struct sip_path *path, const void *data, size_t len);

#endif
