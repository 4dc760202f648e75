/* Sockets of BFD: RFC 5881 section 4 and 5, RFC 5883. The anycast thread. */
#ifndef ANYCAST_BFD_UDP_H
#define ANYCAST_BFD_UDP_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"

/* Receives on `port` of every address of the family. A descriptor, or a negative errno with `err`. */
int bfd_udp_listen(int family, uint16_t port, struct err *err);
/* Sends from `local` (family 0: the kernel chooses), from a port of 49152 to 65535, with TTL 255. */
int bfd_udp_sender(int family, const struct addr *local, struct err *err);

/* One datagram: its length, cut at `size`, *from, *to (an address, no port; family 0 if the kernel does not tell) and
 * *ttl (-1 then). Negative errno. */
int bfd_udp_receive(int fd, void *buf, size_t size, struct addr *from, struct addr *to, int *ttl);

#endif
