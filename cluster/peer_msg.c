/* Handed messages: see peer_msg.h. */
#include "cluster/peer_msg.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define MAGIC "tdm1"
enum { KEYID_LEN = 8, MAC_LEN = 16, WINDOW = 64 };

static bool mac_of(const struct cluster_keys *keys, unsigned which, const void *data, size_t len, uint8_t out[32])
{
	unsigned n = 32;
	return HMAC(EVP_sha256(), keys->secret[which], (int)keys->len[which], data, len, out, &n) && n == 32;
}

/* ---- writing ---- */

static void write_u64(struct writer *w, uint64_t v)
{
	write_u32(w, (uint32_t)(v >> 32));
	write_u32(w, (uint32_t)v);
}

static void write_addr(struct writer *w, const struct addr *a)
{
	unsigned n;
	const uint8_t *bytes = addr_bytes(a, &n);
	write_u8(w, (uint8_t)n);
	write_bytes(w, bytes, n);
	write_u16(w, addr_port(a));
}

bool peer_msg_write(const struct cluster_keys *keys, const struct peer_msg *m, struct writer *w)
{
	uint8_t mac[32];
	if (!keys->n || m->len > UINT16_MAX)
		return false;
	write_str(w, MAGIC);
	write_bytes(w, keys->id[0], KEYID_LEN);
	write_u8(w, (uint8_t)strlen(m->from));
	write_str(w, m->from);
	write_u64(w, m->epoch);
	write_u64(w, m->seq);
	write_u64(w, (uint64_t)m->wall_us);
	write_addr(w, &m->source);
	write_addr(w, &m->listener);
	write_u16(w, (uint16_t)m->len);
	write_bytes(w, m->data, m->len);
	if (w->bad || !mac_of(keys, 0, w->start, writer_len(w), mac))
		return false;
	write_bytes(w, mac, MAC_LEN);
	return !w->bad;
}

/* ---- reading ---- */

static uint64_t read_u64(struct reader *r)
{
	uint64_t high = read_u32(r);
	return high << 32 | read_u32(r);
}

static void read_addr(struct reader *r, struct addr *out)
{
	unsigned n = read_u8(r);
	const uint8_t *bytes = read_bytes(r, n);
	uint16_t port = read_u16(r);
	if (n != 4 && n != 16)
		r->bad = true;
	if (!r->bad)
		addr_from_bytes(out, bytes, n, port);
}

static bool authentic(const struct cluster_keys *keys, const char *id, const uint8_t *data, size_t len, const char **why)
{
	uint8_t mac[32];
	for (unsigned i = 0; i < keys->n; i++) {
		if (memcmp(keys->id[i], id, KEYID_LEN) != 0)
			continue;
		*why = "bad MAC";
		return mac_of(keys, i, data, len - MAC_LEN, mac) && !CRYPTO_memcmp(mac, data + len - MAC_LEN, MAC_LEN);
	}
	*why = "of a secret that this node does not have";
	return false;
}

/* What the MAC has vouched for. */
static bool read_fields(struct reader *r, struct peer_msg *m)
{
	unsigned n = read_u8(r);
	const uint8_t *name = read_bytes(r, n);
	if (!name || !n || n >= sizeof m->from || memchr(name, 0, n))
		return false;
	memset(m, 0, sizeof *m);
	memcpy(m->from, name, n);
	m->epoch = read_u64(r);
	m->seq = read_u64(r);
	m->wall_us = (int64_t)read_u64(r);
	read_addr(r, &m->source);
	read_addr(r, &m->listener);
	m->len = read_u16(r);
	m->data = read_bytes(r, m->len);
	return !r->bad && reader_left(r) == 0;
}

bool peer_msg_read(const struct cluster_keys *keys, const void *data, size_t len, struct peer_msg *out, const char **why)
{
	struct reader r = reader_of(data, len);
	const uint8_t *magic = read_bytes(&r, sizeof MAGIC - 1), *id = read_bytes(&r, KEYID_LEN);
	struct peer_msg m;
	*why = "not a message of a node";
	if (r.bad || memcmp(magic, MAGIC, sizeof MAGIC - 1) != 0 || reader_left(&r) < MAC_LEN)
		return false;
	if (!authentic(keys, (const char *)id, data, len, why))
		return false;
	r.end -= MAC_LEN;
	*why = "malformed";
	if (!read_fields(&r, &m))
		return false;
	*out = m;
	return true;
}

/* ---- each once ---- */

bool peer_window_take(struct peer_window *w, uint64_t epoch, uint64_t seq)
{
	if (epoch < w->epoch || !seq)
		return false;
	if (epoch > w->epoch)
		*w = (struct peer_window){.epoch = epoch};
	if (seq > w->top) {
		uint64_t by = seq - w->top;
		w->seen = by >= WINDOW ? 0 : w->seen << by;
		w->top = seq;
	}
	uint64_t back = w->top - seq;
	if (back >= WINDOW || w->seen >> back & 1)
		return false;
	w->seen |= (uint64_t)1 << back;
	return true;
}
