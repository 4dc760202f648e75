/* Questions to DNS through c-ares, on an event loop: truncated answers are asked for again by TCP, and nothing waits.
 * The loop's thread. */
#ifndef PROXY_DNS_H
#define PROXY_DNS_H

#include <stdint.h>

#include <ares.h>

#include "base/err.h"

struct loop;
struct dns;

enum dns_type { DNS_SRV = 33, DNS_NAPTR = 35 };

/* Asks the servers of resolv.conf. NULL and `err` on failure. */
struct dns *dns_new(struct loop *loop, struct err *err);
/* Every question that is out is answered with ARES_EDESTRUCTION. */
void dns_free(struct dns *dns);

/* One answer follows, maybe before this returns. `fn` is c-ares': (arg, status, timeouts, answer, its length). */
void dns_ask(struct dns *dns, const char *name, enum dns_type type, ares_callback fn, void *arg);
/* The addresses of a host, of AF_INET or AF_INET6; `fn` owns what it is given (ares_freeaddrinfo()). */
void dns_ask_addresses(struct dns *dns, const char *host, int family, ares_addrinfo_callback fn, void *arg);

#endif
