/* BFD Control packets to bytes and back. See bfd_msg.h; any thread. */
#include "anycast/bfd_msg.h"

#include <errno.h>

enum { VERSION = 1 };
enum { F_POLL = 0x20, F_FINAL = 0x10, F_AUTH = 0x04, F_DEMAND = 0x02, F_MULTIPOINT = 0x01 };

void bfd_msg_write(struct writer *w, const struct bfd_packet *p)
{
	write_u8(w, (uint8_t)(VERSION << 5 | (p->diag & 0x1f)));
	write_u8(w, (uint8_t)(p->state << 6 | (p->poll ? F_POLL : 0) | (p->final ? F_FINAL : 0) |
	                      (p->demand ? F_DEMAND : 0)));
	write_u8(w, p->multiplier);
	write_u8(w, BFD_PACKET_LEN);
	write_u32(w, p->my_discr);
	write_u32(w, p->your_discr);
	write_u32(w, p->desired_tx_us);
	write_u32(w, p->required_rx_us);
	write_u32(w, 0);  /* Required Min Echo RX: echoes are not sent back */
}

static const char *fault(const struct bfd_packet *p, uint8_t version, uint8_t flags, uint8_t length, size_t len)
{
	if (version != VERSION)
		return "its version is not 1";
	if (length < BFD_PACKET_LEN || length > len)
		return "its length is wrong";
	if (flags & F_AUTH)
		return "it is authenticated, which is not spoken here: turn authentication off at the peer";
	if (flags & F_MULTIPOINT)
		return "it is of a multipoint session";
	if (p->multiplier == 0)
		return "its detection multiplier is 0";
	if (p->my_discr == 0)
		return "its discriminator is 0";
	if (p->your_discr == 0 && p->state != BFD_DOWN && p->state != BFD_ADMIN_DOWN)
		return "it names no session of ours in a state that needs one";
	return NULL;
}

int bfd_msg_read(const uint8_t *data, size_t len, struct bfd_packet *out, const char **why)
{
	struct reader r = reader_of(data, len);
	struct bfd_packet p = {0};
	uint8_t first = read_u8(&r), flags = read_u8(&r), length;

	p.diag = first & 0x1f;
	p.state = (enum bfd_state)(flags >> 6);
	p.poll = flags & F_POLL;
	p.final = flags & F_FINAL;
	p.demand = flags & F_DEMAND;
	p.multiplier = read_u8(&r);
	length = read_u8(&r);
	p.my_discr = read_u32(&r);
	p.your_discr = read_u32(&r);
	p.desired_tx_us = read_u32(&r);
	p.required_rx_us = read_u32(&r);
	read_u32(&r);
	*why = r.bad ? "it is shorter than 24 bytes" : fault(&p, first >> 5, flags, length, len);
	if (*why)
		return -EBADMSG;
	*out = p;
	return 0;
}

const char *bfd_state_str(enum bfd_state state)
{
	static const char *const names[BFD_STATES] = {"AdminDown", "Down", "Init", "Up"};

	return names[state];
}

const char *bfd_diag_str(uint8_t diag)
{
	static const char *const names[] = {
		"no diagnostic", "control detection time expired", "echo function failed",
		"neighbor signaled session down", "forwarding plane reset", "path down", "concatenated path down",
		"administratively down", "reverse concatenated path down",
	};

	return diag < sizeof names / sizeof names[0] ? names[diag] : "reserved";
}
