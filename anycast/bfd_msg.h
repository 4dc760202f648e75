/* The BFD Control packet on the wire (RFC 5880 section 4.1). A codec never changes state. Any thread.
 *
 * Authentication is not spoken: a packet that has it is refused. Single hop sessions have the TTL for
 * that (RFC 5881 section 5). */
#ifndef ANYCAST_BFD_MSG_H
#define ANYCAST_BFD_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define BFD_PACKET_LEN 24
#define BFD_PORT 3784               /* RFC 5881 */
#define BFD_PORT_MULTIHOP 4784      /* RFC 5883 */
#define BFD_TTL 255

/* As on the wire. */
enum bfd_state { BFD_ADMIN_DOWN, BFD_DOWN, BFD_INIT, BFD_UP, BFD_STATES };

enum bfd_diag {
	BFD_DIAG_NONE,
	BFD_DIAG_TIME_EXPIRED,
	BFD_DIAG_ECHO_FAILED,
	BFD_DIAG_NEIGHBOR_DOWN,
	BFD_DIAG_PLANE_RESET,
	BFD_DIAG_PATH_DOWN,
	BFD_DIAG_CONCATENATED,
	BFD_DIAG_ADMIN_DOWN,
	BFD_DIAG_REVERSE
};

struct bfd_packet {
	uint8_t diag;                   /* any of 0 to 31 */
	enum bfd_state state;
	bool poll, final, demand;
	uint8_t multiplier;
	uint32_t my_discr, your_discr;
	uint32_t desired_tx_us, required_rx_us;
};

/* Appends the packet; check w->bad once. */
void bfd_msg_write(struct writer *w, const struct bfd_packet *packet);
/* The checks of RFC 5880 section 6.8.6 that need no session. 0; or -EBADMSG, *why says what is wrong
 * (static text). */
int bfd_msg_read(const uint8_t *data, size_t len, struct bfd_packet *out, const char **why);

const char *bfd_state_str(enum bfd_state state);  /* "AdminDown" "Down" "Init" "Up" */
const char *bfd_diag_str(uint8_t diag);           /* in the words of RFC 5880; "reserved" */

#endif
