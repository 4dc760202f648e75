/* What the two halves of the transaction layer show each other. */
#ifndef PROXY_SIP_TXN_INTERNAL_H
#define PROXY_SIP_TXN_INTERNAL_H

#include "proxy/sip/txn.h"

void txn_clients_init(struct txn_layer *layer);
unsigned txn_servers_count(const struct txn_layer *layer);
void txn_servers_free(struct txn_layer *layer);

#endif
