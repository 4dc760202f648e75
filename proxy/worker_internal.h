/* What the files of a worker share: worker.c (its loop, its turns, what workers hand one another), worker_streams.c (its
 * connections) and worker_alias.c (those on which requests go back). */
#ifndef PROXY_WORKER_INTERNAL_H
#define PROXY_WORKER_INTERNAL_H

#include "proxy/worker.h"

/* What one worker has for another; the bytes follow. */
enum handover_kind {
	HANDOVER_MESSAGE,            /* of a call that the other owns */
	HANDOVER_FAILED,             /* what an ICMP error quotes of one of its datagrams */
	HANDOVER_SEND,               /* to be sent on a connection of the other's; or it is gone: the sender opens one */
	HANDOVER_ALIAS,              /* a connection that stands for an address from now on */
	HANDOVER_UNALIAS             /* and no longer */
};
void worker_hand_over(struct worker *w, unsigned to, enum handover_kind kind, const struct sip_path *path, const void *data,
                      size_t len);
/* The worker whose call a text belongs to, as far as it can be told; else this one. */
unsigned worker_owner_of(const struct worker *w, const char *data, size_t len);
/* Something has come: it is served here, or by the worker that owns its call. */
void worker_on_message(struct worker *w, const struct sip_path *from, char *data, size_t len);
/* At the end of each of the worker's own events: timers, what is to be sent, figures. */
void worker_end(struct worker *w);

/* worker_streams.c: its connections, and what is sent by them. */
int worker_make_streams(struct worker *w, struct err *err);
void worker_free_streams(struct worker *w);
void worker_stream_out(struct worker *w, const struct sip_path *path, const void *data, size_t len);

/* worker_alias.c: a request that came on such a connection may ask for it. */
void worker_alias_note(struct worker *w, const struct stream_from *from, const char *data, size_t len);
/* Of this worker's: it is gone. What waits for an answer on it is sent anew. */
void worker_alias_gone(struct worker *w, struct stream_handle handle);
/* What another worker tells of its own. */
void worker_alias_told(struct worker *w, const struct sip_path *path, const char *data, size_t len);
void worker_alias_told_gone(struct worker *w, struct stream_handle handle);

#endif
