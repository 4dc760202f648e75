/* libFuzzer on the framing of streams. What is found must not depend on how the bytes came: all at once, or in steps
 * that the first byte says. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/stream/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(what) do { if (!(what)) abort(); } while (0)
#define MOST 2048
#define FOUND_MAX 256

struct found {
	enum frame_found what;
	size_t used;
};

/* What is found until the bytes end or are no messages. Line ends between messages do not count: how many come in one
 * does depend on the steps. */
static unsigned feed(const uint8_t *data, size_t size, size_t step, struct found *out)
{
	struct frame f = {0};
	size_t at = 0, used;
	unsigned n = 0;
	const char *why = NULL;
	for (size_t have = step < size ? step : size;; have = have + step < size ? have + step : size) {
		for (;;) {
			char *copy = malloc(have - at + 1);  /* of its size, so that a byte read too many is seen */
			memcpy(copy, data + at, have - at);
			enum frame_found what = frame_next(&f, copy, have - at, MOST, &used, &why);
			free(copy);
			CHECK(used <= have - at);
			if (what == FRAME_BAD)
				CHECK(why);
			if ((what == FRAME_MESSAGE || what == FRAME_BAD) && n < FOUND_MAX)
				out[n++] = (struct found){what, what == FRAME_BAD ? 0 : used};
			if (what == FRAME_BAD)
				return n;
			if (what == FRAME_MORE)
				break;
			CHECK(used > 0);
			at += used;
		}
		if (have == size)
			return n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct found whole[FOUND_MAX], steps[FOUND_MAX];
	if (size < 2)
		return 0;
	unsigned n = feed(data + 1, size - 1, size, whole), m = feed(data + 1, size - 1, data[0] % 7 + 1u, steps);
	CHECK(n == m);
	for (unsigned i = 0; i < n; i++)
		CHECK(whole[i].what == steps[i].what && whole[i].used == steps[i].used);
	return 0;
}
