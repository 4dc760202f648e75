/* Errors as one line of text beside a negative errno. Pure; any thread. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, int errnum, const char *fmt, ...)
{
	if (err) {
		struct err made;  /* the arguments may point into `err` itself */
		va_list ap;
		va_start(ap, fmt);
		vsnprintf(made.text, sizeof(made.text), fmt, ap);
		va_end(ap);
		*err = made;
	}
	return -errnum;
}

int err_sys(struct err *err, int errnum, const char *fmt, ...)
{
	if (err) {
		struct err made;
		va_list ap;
		va_start(ap, fmt);
		vsnprintf(made.text, sizeof(made.text), fmt, ap);
		va_end(ap);
		char why[128];
		size_t len = strlen(made.text);
		snprintf(made.text + len, sizeof(made.text) - len, ": %s", strerror_r(errnum, why, sizeof(why)));
		*err = made;
	}
	return -errnum;
}
