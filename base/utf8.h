/* UTF-8 (RFC 3629), as much of it as a writer of text that strangers sent needs. Pure; any thread. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* How many bytes the well-formed character at `p` has (1 to 4), or 0 when there is none: a stray or
 * missing continuation byte, an overlong form, a surrogate, or beyond U+10FFFF. `p` is before `end`. */
static inline size_t utf8_len(const uint8_t *p, const uint8_t *end)
{
	size_t left = (size_t)(end - p), len;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (left < len)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

#endif
