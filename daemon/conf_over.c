/* A part of the configuration that is set for the whole fleet, laid over this node's file: the sections that it has
 * take the place of the file's. Lines of the file keep their numbers; those of the fleet's part come after its last.
 * Control thread. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config.h"

static const char *const sections[] = {"pools", "rules", "tuning"};
#define SECTIONS (sizeof sections / sizeof sections[0])

/* The section that begins at this line; SECTIONS: none of them does. */
static unsigned section_at(const char *line, size_t len)
{
	unsigned s = 0;
	for (; s < SECTIONS; s++) {
		size_t n = strlen(sections[s]);
		if (len > n && !strncmp(line, sections[s], n) && line[n] == ':')
			break;
	}
	return s;
}

/* Does a new key begin here? A list may be as far left as its key. */
static bool begins_key(const char *line, size_t len) { return len && !strchr(" \t-#]}\r\n", line[0]); }

int config_over_check(const char *over, struct err *err)
{
	for (const char *line = over; *line;) {
		size_t len = strcspn(line, "\n");
		if (begins_key(line, len) && section_at(line, len) == SECTIONS)
			return err_set(err, EINVAL, "\"%.*s\": the fleet's part has pools, rules and tuning; all else is in each node's file",
			               (int)(len < 60 ? len : 60), line);
		line += len + (line[len] != 0);
	}
	return 0;
}

static unsigned sections_of(const char *over)
{
	unsigned set = 0;
	for (const char *line = over; *line;) {
		size_t len = strcspn(line, "\n");
		unsigned s = section_at(line, len);
		set |= s < SECTIONS ? 1u << s : 0;
		line += len + (line[len] != 0);
	}
	return set;
}

char *config_over(const char *text, size_t len, const char *over, size_t *out_len)
{
	unsigned set = sections_of(over);
	char *out = NULL;
	bool skip = false;
	FILE *f = open_memstream(&out, out_len);
	if (!f)
		return NULL;
	for (const char *line = text, *end = text + len; line < end;) {
		const char *nl = memchr(line, '\n', (size_t)(end - line));
		size_t n = nl ? (size_t)(nl - line) : (size_t)(end - line);
		if (begins_key(line, n)) {
			unsigned s = section_at(line, n);
			skip = s < SECTIONS && (set & 1u << s);
		}
		fwrite(line, 1, skip ? 0 : n, f);
		fputc('\n', f);
		line += n + (nl != NULL);
	}
	fputs(over, f);
	if (fclose(f)) {
		free(out);
		return NULL;
	}
	return out;
}
