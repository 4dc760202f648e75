/* Prints a configuration by the tables that read it, every default filled in, as YAML that reads back
 * to the same. Any thread that owns the values. */
#include "daemon/conf_schema.h"

#include <string.h>

/* Strings that a reader of YAML 1.1 takes for something else. */
static bool reserved(const char *text)
{
	static const char *const words[] = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcasecmp(text, words[i]))
			return true;
	return false;
}

static bool needs_quotes(const char *text, bool is_text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-";
	if (!*text || text[strspn(text, safe)])
		return true;
	return is_text && ((!strchr(letters, *text) && *text != '/') || reserved(text));
}

static void put_scalar(FILE *out, const char *text, bool is_text)
{
	if (!needs_quotes(text, is_text)) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static const char *items_of(const struct conf_field *f, const void *base)
{
	const void *field = (const char *)base + f->offset;
	return f->flags & CONF_HEAP ? *(const char *const *)field : field;
}

/* Has it anything to print? What is unset is left out, and so is a mapping of nothing else. */
static bool shown(const void *root, const struct conf_field *f, const void *base)
{
	char text[CONF_TEXT_MAX];
	const char *value = (const char *)base + f->offset;
	if (f->flags & CONF_HAS && !*((const bool *)base + f->has))
		return false;
	if (f->flags & CONF_LIST)
		return !(f->flags & CONF_OMIT) || conf_count(f, base);
	if (!f->map)
		return f->type->print(root, f, value, text, sizeof(text));
	for (unsigned i = 0; i < f->map->n_fields; i++)
		if (shown(root, &f->map->fields[i], value))
			return true;
	return false;
}

static void put_scalars(FILE *out, const void *root, const struct conf_field *f, const void *base)
{
	char text[CONF_TEXT_MAX];
	const char *items = items_of(f, base);
	if (f->flags & CONF_SELF) {
		f->type->print(root, f, items, text, sizeof(text));
		fprintf(out, " %s\n", text);
		return;
	}
	fputs(" [", out);
	for (size_t i = 0; i < conf_count(f, base); i++) {
		fputs(i ? ", " : "", out);
		if (f->type->print(root, f, items + i * f->size, text, sizeof(text)))
			put_scalar(out, text, f->type->is_text);
	}
	fputs("]\n", out);
}

/* `dash`: the first line stands behind the "- " of a list already. */
static void put_map(FILE *out, const void *root, const struct conf_map *map, const void *base, int indent, bool dash)
{
	char text[CONF_TEXT_MAX];
	for (unsigned i = 0; i < map->n_fields; i++) {
		const struct conf_field *f = &map->fields[i];
		const char *value = (const char *)base + f->offset;
		if (!shown(root, f, base))
			continue;
		fprintf(out, "%*s%s:", dash ? 0 : indent, "", f->key);
		dash = false;
		if (f->type && f->flags & CONF_LIST) {
			put_scalars(out, root, f, base);
		} else if (f->type) {
			f->type->print(root, f, value, text, sizeof(text));
			fputc(' ', out);
			put_scalar(out, text, f->type->is_text);
			fputc('\n', out);
		} else if (!(f->flags & CONF_LIST)) {
			fputc('\n', out);
			put_map(out, root, f->map, value, indent + 2, false);
		} else {
			size_t n = conf_count(f, base);
			fputs(n ? "\n" : " []\n", out);
			for (size_t k = 0; k < n; k++) {
				fprintf(out, "%*s- ", indent + 2, "");
				put_map(out, root, f->map, items_of(f, base) + k * f->size, indent + 4, true);
			}
		}
	}
}

void conf_print(const struct conf_map *map, const void *root, FILE *out)
{
	put_map(out, root, map, root, 0, false);
}
