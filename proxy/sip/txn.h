/* Transactions (RFC 3261 section 17, with the INVITE states of RFC 6026); over a reliable transport nothing is repeated:
 * txn_server.c absorbs retransmitted requests and repeats responses, txn_client.c repeats requests,
 * acknowledges failures and sends CANCEL. What a response means is decided above, by whoever made the
 * transaction; here is only what section 17 asks for.
 *
 * A layer belongs to one worker; nothing in it is shared. */
#ifndef PROXY_SIP_TXN_H
#define PROXY_SIP_TXN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/map.h"
#include "base/timer.h"
#include "proxy/sip/message.h"
#include "proxy/stats.h"
#include "proxy/stream/stream.h"

#define TXN_T1_US 500000LL
#define TXN_T2_US 4000000LL
#define TXN_T4_US 5000000LL
#define TXN_TIMEOUT_US (64 * TXN_T1_US)  /* timers B, F, H, J, L, M; D is as long */

/* Who is at the other end, and how it is reached: by which of the worker's sockets, or by a connection. */
struct sip_path {
	struct addr peer;
	/* That a request came by, which its responses take, or that one goes back on (RFC 5923); none: the one to `peer`,
	 * which may have to be opened. */
	struct stream_handle stream;
	uint16_t name;               /* who the peer has to be (worker_name()), for TLS */
	uint8_t transport;           /* enum sip_transport */
	uint8_t socket;              /* UDP's */
	bool unsaid;                 /* by UDP since no transport is said: what is too large for it may go by TCP */
	bool named;                  /* came with the certificate that its trunk has to show */
	bool handed;                 /* came by another node, which it reached instead of this one */
};

struct txn_server;
struct txn_client;

struct txn_layer {
	struct timer_wheel *wheel;
	int64_t now_us;              /* kept by the owner, of this turn of the loop */
	struct stats *stats;
	void (*send)(void *arg, const struct sip_path *path, const void *data, size_t len);  /* copies */
	void *arg;
	struct map servers, clients;
	unsigned open;               /* server transactions without a final response */
	uint8_t scratch[SIP_MESSAGE_MAX + 1];
};

void txn_layer_init(struct txn_layer *layer);
/* Ends every transaction, telling its user as always (on_end). */
void txn_layer_free(struct txn_layer *layer);
unsigned txn_layer_count(const struct txn_layer *layer);

/* ---- server ---- */

/* The user is told once, when the transaction is gone. */
typedef void txn_server_end_fn(void *user);

/* The transaction that a request belongs to (section 17.2.3): a retransmission, or the ACK of an
 * INVITE's failure. NULL if none. */
struct txn_server *txn_server_find(struct txn_layer *layer, const struct sip_msg *req);
/* The INVITE transaction that this CANCEL, itself a transaction of its own, is for (section 9.2). */
struct txn_server *txn_server_find_cancelled(struct txn_layer *layer, const struct sip_msg *cancel);

/* What tells the INVITE transaction of `req` (an INVITE, its CANCEL or the ACK of its failure) apart from all others, on
 * whichever node. Returns its length, without a NUL; 0: too long. */
#define TXN_KEY_MAX 1024
size_t txn_invite_key(const struct sip_msg *req, char key[TXN_KEY_MAX]);

/* For a new request (not ACK). NULL without memory. */
struct txn_server *txn_server_new(struct txn_layer *layer, const struct sip_msg *req, const struct sip_path *path,
                                  txn_server_end_fn *on_end, void *user);
/* A request that txn_server_find() assigned to `t`: repeats the last response, or takes the ACK. */
void txn_server_on_request(struct txn_layer *layer, struct txn_server *t, const struct sip_msg *req);
/* Sends a written response and keeps it for as long as it may have to be repeated. A second final
 * response is sent only if both are 2xx (section 16.7, 6). */
void txn_server_respond(struct txn_layer *layer, struct txn_server *t, int status, const void *data, size_t len);
/* The transaction ends now, unanswered (RFC 4320: a non-INVITE that timed out downstream). */
void txn_server_abandon(struct txn_layer *layer, struct txn_server *t);
void *txn_server_user(const struct txn_server *t);
bool txn_server_answered(const struct txn_server *t);  /* a final response has been sent */
const struct sip_path *txn_server_path(const struct txn_server *t);

/* ---- client ---- */

struct txn_client_user {
	/* Every provisional but those after a final, the first final, and every 2xx of an INVITE. */
	void (*on_response)(void *user, const struct sip_msg *resp);
	void (*on_timeout)(void *user);  /* timer B or F, or no final response in time after CANCEL */
	void (*on_end)(void *user);      /* always the last call */
	/* Nobody is there, says the network, or the connection is gone (section 17.1.4); NULL: time tells. */
	void (*on_unreachable)(void *user, const char *why);
};

/* Sends the request in `data` (written by sip_write_request()) and repeats it. `branch` is its own.
 * The request is copied. NULL without memory. */
struct txn_client *txn_client_new(struct txn_layer *layer, enum sip_method method, const char *branch,
                                  const struct sip_path *path, const void *data, size_t len,
                                  const struct txn_client_user *ops, void *user);
/* Should its connection be refused or lost before anything came back, `data`, the same request, goes by `path` in place of
 * the user's being told (section 18.1.1). Copied; without memory there is no such way. */
void txn_client_or(struct txn_client *t, const struct sip_path *path, const void *data, size_t len);
/* The transaction a response belongs to (section 17.1.3), or NULL: it is a stray. */
struct txn_client *txn_client_find(struct txn_layer *layer, const struct sip_msg *resp);
/* An ICMP error quotes `len` bytes of a request that was sent: its transaction ends now, if it waits for its first
 * response and its user minds. Whose branch it does not bear, it says nothing to. False: no such transaction. */
bool txn_client_unreachable(struct txn_layer *layer, const char *quote, size_t len);
/* A connection to `path` (its peer, transport and name) is gone or could not be made: so for all who wait there for a
 * first response (section 17.1.4). Returns how many. */
unsigned txn_client_lost(struct txn_layer *layer, const struct sip_path *path, const char *why);
/* A connection that requests went back on is gone: those that wait for a first response there are sent anew, to the peer
 * of their path, and so is what follows of the others. */
void txn_client_moves(struct txn_layer *layer, struct stream_handle from);
void txn_client_on_response(struct txn_layer *layer, struct txn_client *t, const struct sip_msg *resp);
/* An INVITE is no longer wanted: it is not repeated any more, and CANCEL is sent now or, where no
 * provisional has come yet, when one comes (section 9.1). */
void txn_client_cancel(struct txn_layer *layer, struct txn_client *t);
/* Header lines for that CANCEL, copied; before txn_client_cancel(). */
void txn_client_reason(struct txn_client *t, const char *lines);
/* The request as it was sent; NULL once it is not needed any more. */
const char *txn_client_request(const struct txn_client *t, size_t *len);
/* Ends it at once; on_end is called. What still comes for it is a stray. */
void txn_client_end(struct txn_client *t);

#endif
