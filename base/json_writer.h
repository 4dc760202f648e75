/* A streaming JSON writer (RFC 8259) into a growing or a fixed buffer: for call records and API
 * answers, where building a tree first would cost more than the call. Commas are placed by the
 * writer; text is escaped, and bytes that are not UTF-8 become U+FFFD. A value belongs to one thread. */
#ifndef BASE_JSON_WRITER_H
#define BASE_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jw {
	char *data;      /* not NUL-terminated until jw_text() */
	size_t len, size;
	bool fixed;      /* data belongs to the caller and does not grow */
	bool bad;        /* out of room (fixed) or memory: the text is not whole */
	bool comma;      /* the next value wants a comma before it */
};

/* Growing; free with jw_free(). */
void jw_init(struct jw *w);
/* Writes into the caller's `size` bytes. */
void jw_init_fixed(struct jw *w, void *data, size_t size);
void jw_free(struct jw *w);
/* Back to empty, memory kept. */
void jw_reset(struct jw *w);
/* NUL-terminates and returns the text, owned by `w`; NULL when bad. */
const char *jw_text(struct jw *w);

void jw_object(struct jw *w);       /* { */
void jw_object_end(struct jw *w);   /* } */
void jw_array(struct jw *w);
void jw_array_end(struct jw *w);
void jw_key(struct jw *w, const char *key);      /* key must need no escaping */
void jw_str(struct jw *w, const char *text);     /* NULL writes null */
void jw_strn(struct jw *w, const char *text, size_t len);
void jw_int(struct jw *w, int64_t v);
void jw_uint(struct jw *w, uint64_t v);
void jw_double(struct jw *w, double v, int decimals);  /* NaN and infinities write null */
void jw_bool(struct jw *w, bool v);
void jw_null(struct jw *w);
/* Bytes as they are, e.g. "\n" between records; resets the comma state. */
void jw_raw(struct jw *w, const char *text, size_t len);

/* key and value in one */
void jw_kstr(struct jw *w, const char *key, const char *text);
void jw_kstrn(struct jw *w, const char *key, const char *text, size_t len);
void jw_kint(struct jw *w, const char *key, int64_t v);
void jw_kuint(struct jw *w, const char *key, uint64_t v);
void jw_kdouble(struct jw *w, const char *key, double v, int decimals);
void jw_kbool(struct jw *w, const char *key, bool v);

#endif
