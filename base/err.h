/* One error convention for the whole house: a function that can fail returns 0 or a negative errno
 * and, where a person will read why, fills a struct err with one line: what is wrong, and what would
 * be right. Outputs are written only on success. Any thread. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stddef.h>

struct err {
	char text[256];
};

/* Fills `err` (may be NULL) from a printf format, cut at the size; returns -errnum, so that a caller
 * can write `return err_set(err, EINVAL, "...")`. */
int err_set(struct err *err, int errnum, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* As err_set(), and appends ": " and strerror(errnum). */
int err_sys(struct err *err, int errnum, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
