/* Connections that stand for an address: see alias.h. */
#include "proxy/alias.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <uthash.h>

#include "proxy/sip/header.h"
#include "proxy/stream/tls.h"

#define VIA_LEN 512
#define KEY_LEN (ALIAS_HOST_LEN + 16)

struct alias_key {
	UT_hash_handle hh;           /* the newest of an address is in the table, and leads to the others */
	struct alias_key *older;
	struct alias *alias;
	char text[KEY_LEN];
};

struct alias {
	UT_hash_handle hh;
	struct stream_handle handle;
	struct addr peer;            /* where it comes from, with the port it is reached at */
	X509 *certificate;           /* held */
	struct alias_key keys[2];
	unsigned n_keys;
};

/* ---- the Via ---- */

static const char *skip_blanks(const char *p) { return p + strspn(p, " \t"); }

/* What is behind "SIP/2.0/TLS", whatever blanks are in it; NULL: it is no Via. */
static const char *behind_protocol(const char *via)
{
	const char *p = strchr(via, '/');
	p = p ? strchr(p + 1, '/') : NULL;
	if (!p)
		return NULL;
	p = skip_blanks(p + 1);
	return skip_blanks(p + strcspn(p, " \t"));
}

/* host[:port], which ends at a blank or at `;`. */
static bool read_sent_by(const char *p, struct alias_address *out)
{
	size_t n = *p == '[' ? strcspn(p, "];") + 1 : strcspn(p, ":; \t");
	if (!n || n >= sizeof out->host || strcspn(p, ";") < n)
		return false;
	memcpy(out->host, p, n);
	out->host[n] = 0;
	out->port = sip_transport_port(SIP_TLS);
	p = skip_blanks(p + n);
	if (*p != ':')
		return true;
	unsigned long port = isdigit((unsigned char)*(p = skip_blanks(p + 1))) ? strtoul(p, NULL, 10) : 0;
	out->port = (uint16_t)port;
	return port > 0 && port <= UINT16_MAX;
}

/* The parameter has no value (section 6). */
static bool says_alias(const char *via)
{
	for (const char *p = via; (p = strchr(p, ';'));) {
		p = skip_blanks(p + 1);
		size_t n = strcspn(p, "; \t");
		if (n == 5 && !strncasecmp(p, "alias", 5))
			return true;
	}
	return false;
}

bool alias_asked(const char *data, size_t len, struct alias_address *out)
{
	char via[VIA_LEN];
	if ((len > 4 && !strncasecmp(data, "SIP/", 4)) || !sip_header_find(data, len, "Via", via, sizeof via))
		return false;
	via[strcspn(via, ",")] = 0;
	const char *sent_by = says_alias(via) ? behind_protocol(via) : NULL;
	return sent_by && read_sent_by(sent_by, out);
}

/* ---- the table ---- */

/* One text for all ways to write the same address. */
static void key_text(const char *host, uint16_t port, char out[KEY_LEN])
{
	struct addr a;
	if (!addr_parse(&a, host, port)) {
		addr_str(&a, out);
		return;
	}
	snprintf(out, KEY_LEN, "%s:%u", host, port);
	for (char *p = out; *p; p++)
		*p = (char)tolower((unsigned char)*p);
}

static void add_key(struct aliases *t, struct alias *a, const char *text)
{
	struct alias_key *newest, *k = &a->keys[a->n_keys++];
	k->alias = a;
	snprintf(k->text, sizeof k->text, "%s", text);
	HASH_FIND_STR(t->by_address, text, newest);
	if (newest)
		HASH_DEL(t->by_address, newest);
	k->older = newest;
	HASH_ADD_STR(t->by_address, text, k);
}

static void remove_key(struct aliases *t, struct alias_key *k)
{
	struct alias_key *newest;
	HASH_FIND_STR(t->by_address, k->text, newest);
	if (newest != k) {
		while (newest->older != k)
			newest = newest->older;
		newest->older = k->older;
		return;
	}
	HASH_DEL(t->by_address, k);
	if ((newest = k->older))
		HASH_ADD_STR(t->by_address, text, newest);
}

static struct alias *find(const struct aliases *t, struct stream_handle handle)
{
	struct alias *a;
	HASH_FIND(hh, t->by_handle, &handle, sizeof handle, a);
	return a;
}

bool alias_add(struct aliases *t, struct stream_handle handle, const struct addr *source, const struct alias_address *at,
               X509 *certificate)
{
	char said[KEY_LEN], seen[ADDR_STR_LEN];
	struct alias *a = find(t, handle) ? NULL : calloc(1, sizeof *a);
	if (!a)
		return false;
	a->handle = handle;
	a->peer = *source;
	addr_set_port(&a->peer, at->port);
	X509_up_ref(certificate);
	a->certificate = certificate;
	HASH_ADD(hh, t->by_handle, handle, sizeof a->handle, a);
	key_text(at->host, at->port, said);
	add_key(t, a, said);
	if (strcmp(addr_str(&a->peer, seen), said) != 0)
		add_key(t, a, seen);
	return true;
}

static void drop(struct aliases *t, struct alias *a)
{
	for (unsigned i = 0; i < a->n_keys; i++)
		remove_key(t, &a->keys[i]);
	HASH_DEL(t->by_handle, a);
	X509_free(a->certificate);
	free(a);
}

void alias_remove(struct aliases *t, struct stream_handle handle)
{
	struct alias *a = find(t, handle);
	if (a)
		drop(t, a);
}

void alias_free_all(struct aliases *t)
{
	struct alias *a, *next;
	HASH_ITER(hh, t->by_handle, a, next)
		drop(t, a);
}

static bool shows(const struct alias *a, const char *const names[2])
{
	for (unsigned i = 0; i < 2; i++)
		if (*names[i] && tls_certificate_is(a->certificate, names[i]))
			return true;
	return false;
}

bool alias_find(const struct aliases *t, const struct alias_address *at, const char *const names[2], unsigned worker,
                struct stream_handle *out, struct addr *peer)
{
	char text[KEY_LEN];
	struct alias_key *k;
	const struct alias *best = NULL;
	key_text(at->host, at->port, text);
	HASH_FIND_STR(t->by_address, text, k);
	for (; k && !(best && best->handle.worker == worker); k = k->older)
		if ((!best || k->alias->handle.worker == worker) && shows(k->alias, names))
			best = k->alias;
	if (!best)
		return false;
	*out = best->handle;
	*peer = best->peer;
	return true;
}
