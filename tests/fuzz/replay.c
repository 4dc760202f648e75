/* Runs a fuzzer's seeds once, without libFuzzer, so that a plain build has the fuzzers too: what they assert of
 * the seeds holds in every `make check`, and a change of a codec's header does not leave them behind.
 *
 *   NAME_replay FILE...      FILE.hex or FILE.txt, as tests/fuzz/seeds.py has them
 *
 * Without arguments, as `make check` runs it: those of $srcdir/tests/fuzz/seeds that begin with its own name. */
#include <ctype.h>
#include <glob.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SEED_MAX = 65536 };

static unsigned seeds;

/* From a block of memory of its size, so that a sanitizer sees a byte read too many. */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	seeds++;
}

static size_t from_hex(const char *text, uint8_t *out)
{
	size_t n = 0;
	unsigned byte;

	for (; *text && *text != '#'; text++) {
		if (isxdigit((unsigned char)text[0]) && isxdigit((unsigned char)text[1]) && n < SEED_MAX &&
		    sscanf(text, "%2x", &byte) == 1) {
			out[n++] = (uint8_t)byte;
			text++;
		}
	}
	return n;
}

static void run_file(const char *path)
{
	static char line[2 * SEED_MAX];
	static uint8_t seed[SEED_MAX];
	size_t len = strlen(path), n = 0;
	bool text = len > 4 && strcmp(path + len - 4, ".txt") == 0;
	FILE *f = fopen(path, "r");

	if (!f) {
		perror(path);
		exit(1);
	}
	while (fgets(line, sizeof line, f)) {
		size_t chars = strcspn(line, "\n");

		line[chars] = 0;
		if (text && n > 0 && strcmp(line, "----") != 0) {
			n += (size_t)snprintf((char *)seed + n, sizeof seed - n, "%s\r\n", line);
			continue;
		}
		if (text && n > 0)
			run(seed, n);
		n = text && strcmp(line, "----") == 0 ? 0 : from_hex(line, seed);
		if (!text && n > 0)
			run(seed, n);
	}
	if (text && n > 0)
		run(seed, n);
	fclose(f);
}

int main(int argc, char **argv)
{
	const char *top = getenv("srcdir"), *name = basename(argv[0]);
	char pattern[4096];
	glob_t files;

	if (argc == 1) {
		snprintf(pattern, sizeof pattern, "%s/tests/fuzz/seeds/%.*s.*", top ? top : ".", (int)strcspn(name, "_"), name);
		if (glob(pattern, 0, NULL, &files))
			return 1;
		for (size_t i = 0; i < files.gl_pathc; i++)
			run_file(files.gl_pathv[i]);
		globfree(&files);
	}
	for (int i = 1; i < argc; i++)
		run_file(argv[i]);
	printf("%s: %u seeds\n", name, seeds);
	return seeds > 0 ? 0 : 1;
}
