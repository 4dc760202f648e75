/* The scalar types of general use: numbers, durations, names, files, addresses. Each reads strictly
 * what it prints, so that no value has a second meaning (YAML's octal 010, "yes", "1e3"), and each says
 * in one phrase what would be right. Pure; any thread. */
#include "daemon/conf_schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"

bool conf_digits(const char *text, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;
	if (!*text || (text[0] == '0' && text[1]))
		return false;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (n > (max - (uint64_t)(*text - '0')) / 10)
			return false;
		n = n * 10 + (uint64_t)(*text - '0');
	}
	if (*text)
		return false;
	*out = n;
	return true;
}

/* ---- text ---- */

static void string_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "text of %lld to %lld bytes", (long long)f->min, (long long)f->max);
}

static int string_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	size_t len = strlen(text);
	if (len < (size_t)f->min || len > (size_t)f->max || len >= f->size)
		return -EINVAL;
	memset(value, 0, f->size);
	memcpy(value, text, len);
	return 0;
}

static bool string_print(const void *root, const struct conf_field *f, const void *value, char *buf, size_t size)
{
	snprintf(buf, size, "%s", (const char *)value);
	return *buf;
}

const struct conf_type conf_string = {string_expect, string_parse, string_print, true};

static void name_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "a name of 1 to %zu letters, digits, '.', '_' or '-'", f->size - 1);
}

static int name_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t len = strlen(text);
	if (!len || len >= f->size || text[strspn(text, safe)])
		return -EINVAL;
	memset(value, 0, f->size);
	memcpy(value, text, len);
	return 0;
}

const struct conf_type conf_name = {name_expect, name_parse, string_print, true};

static void file_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "a file name from the root (\"/...\"), at most %zu bytes", f->size - 1);
}

static int file_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	size_t len = strlen(text);
	if (text[0] != '/' || text[len - 1] == '/' || len >= f->size)
		return -EINVAL;
	memset(value, 0, f->size);
	memcpy(value, text, len);
	return 0;
}

const struct conf_type conf_file = {file_expect, file_parse, string_print, true};

static void key_file_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "a file name of at most %zu bytes", f->size - 1);
}

static int key_file_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	size_t len = strlen(text);
	if (!len || text[len - 1] == '/' || len >= f->size)
		return -EINVAL;
	memset(value, 0, f->size);
	memcpy(value, text, len);
	return 0;
}

const struct conf_type conf_key_file = {key_file_expect, key_file_parse, string_print, true};

/* ---- numbers ---- */

static void bool_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "true or false");
}

static int bool_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return -EINVAL;
	*(bool *)value = text[0] == 't';
	return 0;
}

static bool bool_print(const void *root, const struct conf_field *f, const void *value, char *buf, size_t size)
{
	snprintf(buf, size, "%s", *(const bool *)value ? "true" : "false");
	return true;
}

const struct conf_type conf_bool = {bool_expect, bool_parse, bool_print, false};

static void uint_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "a whole number from %lld to %lld", (long long)f->min, (long long)f->max);
}

/* Digits within bounds, or what is wrong with them. */
static int uint_text(const struct conf_field *f, const char *text, uint64_t *n, struct err *err)
{
	if (!conf_digits(text, INT64_MAX, n))
		return -EINVAL;
	if (*n < (uint64_t)f->min || *n > (uint64_t)f->max)
		return err_set(err, EINVAL, "%s is out of range: it takes %lld to %lld", text, (long long)f->min,
		               (long long)f->max);
	return 0;
}

static int uint_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	uint64_t n;
	int ret = uint_text(f, text, &n, err);
	if (ret)
		return ret;
	if (f->size == 1)
		*(uint8_t *)value = (uint8_t)n;
	else if (f->size == 2)
		*(uint16_t *)value = (uint16_t)n;
	else
		*(uint32_t *)value = (uint32_t)n;
	return 0;
}

static bool uint_print(const void *root, const struct conf_field *f, const void *value, char *buf, size_t size)
{
	unsigned n;
	if (f->size == 1)
		n = *(const uint8_t *)value;
	else
		n = f->size == 2 ? *(const uint16_t *)value : *(const uint32_t *)value;
	snprintf(buf, size, "%u", n);
	return true;
}

const struct conf_type conf_uint = {uint_expect, uint_parse, uint_print, false};

static void share_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "a share from %lld to %lld such as 0.25", (long long)f->min, (long long)f->max);
}

static int share_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	size_t whole = strspn(text, "0123456789"), rest = 0;
	if (text[whole] == '.')
		rest = 1 + strspn(text + whole + 1, "0123456789");
	if (!whole || rest == 1 || text[whole + rest] || whole + rest > 20)
		return -EINVAL;
	double share = strtod(text, NULL);
	if (share < (double)f->min || share > (double)f->max)
		return err_set(err, EINVAL, "%s is out of range: it takes %lld to %lld", text, (long long)f->min,
		               (long long)f->max);
	*(double *)value = share;
	return 0;
}

/* The fewest decimals that read back to the same. */
static bool share_print(const void *root, const struct conf_field *f, const void *value, char *buf, size_t size)
{
	double share = *(const double *)value;
	for (int decimals = 0; decimals <= 18; decimals++) {
		snprintf(buf, size, "%.*f", decimals, share);
		if (!(strtod(buf, NULL) < share) && !(strtod(buf, NULL) > share))
			break;
	}
	return true;
}

const struct conf_type conf_share = {share_expect, share_parse, share_print, false};

/* ---- durations ---- */

static const struct duration_unit { const char *name; uint64_t us; } duration_units[] = {
	{"h", 3600000000U}, {"m", 60000000}, {"s", 1000000}, {"ms", 1000}, {"us", 1},
};

static void duration_str(uint64_t us, char *buf, size_t size)
{
	unsigned i = 0;
	if (!us)
		i = 2;
	while (us % duration_units[i].us)
		i++;
	snprintf(buf, size, "%llu%s", (unsigned long long)(us / duration_units[i].us), duration_units[i].name);
}

/* `scale`: microseconds that one step of the stored number stands for. */
static void duration_expect(const struct conf_field *f, uint64_t scale, char *buf, size_t size)
{
	char low[32], high[32];
	duration_str((uint64_t)f->min * scale, low, sizeof(low));
	duration_str((uint64_t)f->max * scale, high, sizeof(high));
	snprintf(buf, size, "a duration from %s to %s, written like 500ms, 2s, 5m or 4h", low, high);
}

static int duration_parse(const struct conf_field *f, uint64_t scale, const char *text, uint32_t *value,
                          struct err *err)
{
	char digits[20], expect[128];
	size_t len = strspn(text, "0123456789"), i = 0, units = sizeof(duration_units) / sizeof(duration_units[0]);
	uint64_t n;
	if (!len || len >= sizeof(digits))
		return -EINVAL;
	snprintf(digits, sizeof(digits), "%.*s", (int)len, text);
	if (!text[len] && strcmp(text, "0") != 0)
		return err_set(err, EINVAL, "%s has no unit: write %ss, or with ms, m or h", text, text);
	while (i < units && strcmp(duration_units[i].name, text + len) != 0)
		i++;
	if (!text[len])  /* a plain 0 */
		i = 2;
	if (i == units || !conf_digits(digits, UINT32_MAX, &n) || n * duration_units[i].us % scale)
		return -EINVAL;
	n = n * duration_units[i].us / scale;
	if (n < (uint64_t)f->min || n > (uint64_t)f->max) {
		duration_expect(f, scale, expect, sizeof(expect));
		return err_set(err, EINVAL, "%s is out of range: it takes %s", text, expect);
	}
	*value = (uint32_t)n;
	return 0;
}

static void ms_expect(const struct conf_field *f, char *buf, size_t size)
{
	duration_expect(f, 1000, buf, size);
}

static int ms_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	return duration_parse(f, 1000, text, value, err);
}

static bool ms_print(const void *root, const struct conf_field *f, const void *value, char *buf, size_t size)
{
	duration_str((uint64_t)*(const uint32_t *)value * 1000, buf, size);
	return true;
}

const struct conf_type conf_ms = {ms_expect, ms_parse, ms_print, false};

static void us_expect(const struct conf_field *f, char *buf, size_t size)
{
	duration_expect(f, 1, buf, size);
}

static int us_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	return duration_parse(f, 1, text, value, err);
}

static bool us_print(const void *root, const struct conf_field *f, const void *value, char *buf, size_t size)
{
	duration_str(*(const uint32_t *)value, buf, size);
	return true;
}

const struct conf_type conf_us = {us_expect, us_parse, us_print, false};

/* ---- addresses ---- */

static void address_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "an IPv4 or IPv6 address such as 192.0.2.1 or \"2001:db8::1\"");
}

static int address_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	return addr_parse(value, text, 0);
}

static bool address_print(const void *root, const struct conf_field *f, const void *value, char *buf, size_t size)
{
	char host[ADDR_STR_LEN];
	const struct addr *a = value;
	snprintf(buf, size, "%s", addr_host_str(a, host));
	return addr_family(a);
}

const struct conf_type conf_address = {address_expect, address_parse, address_print, false};

static void endpoint_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "an address with its port such as \"192.0.2.1:179\" or \"[2001:db8::1]:179\"");
}

static int endpoint_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	struct addr a;
	if (addr_parse_port(&a, text) || !addr_port(&a))
		return -EINVAL;
	*(struct addr *)value = a;
	return 0;
}

static bool endpoint_print(const void *root, const struct conf_field *f, const void *value, char *buf, size_t size)
{
	char text[ADDR_STR_LEN];
	snprintf(buf, size, "%s", addr_str(value, text));
	return addr_family(value);
}

const struct conf_type conf_endpoint = {endpoint_expect, endpoint_parse, endpoint_print, false};

/* The row is that of the port's bytes, at one place in both families: so an address and its port keep
 * their own places in the file. */
static struct addr *addr_of_port(const void *value)
{
	return (struct addr *)((char *)(uintptr_t)value - offsetof(struct addr, in.sin_port));
}

static int addr_port_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	uint64_t n;
	int ret = uint_text(f, text, &n, err);
	if (!ret)
		addr_set_port(addr_of_port(value), (uint16_t)n);
	return ret;
}

static bool addr_port_print(const void *root, const struct conf_field *f, const void *value, char *buf, size_t size)
{
	snprintf(buf, size, "%u", addr_port(addr_of_port(value)));
	return true;
}

const struct conf_type conf_addr_port = {uint_expect, addr_port_parse, addr_port_print, false};

static void prefix_expect(const struct conf_field *f, char *buf, size_t size)
{
	snprintf(buf, size, "a prefix such as 192.0.2.0/24 or \"2001:db8::/32\"");
}

/* For an address with bits set past the length: the network it is in, which is what may be meant. */
static int prefix_host_bits(const char *text, struct err *err)
{
	char host[ADDR_STR_LEN], network[ADDR_STR_LEN], whole[ADDR_STR_LEN];
	const char *slash = strchr(text, '/');
	struct addr a;
	uint64_t bits;
	unsigned len;
	if (!slash || slash - text >= (int)sizeof(host))
		return -EINVAL;
	snprintf(host, sizeof(host), "%.*s", (int)(slash - text), text);
	if (addr_parse(&a, host, 0))
		return -EINVAL;
	const uint8_t *bytes = addr_bytes(&a, &len);
	if (!conf_digits(slash + 1, len * 8, &bits))
		return err_set(err, EINVAL, "%s: the length after '/' is a number from 0 to %u", text, len * 8);
	struct prefix p = {.family = (uint8_t)addr_family(&a), .len = (uint8_t)bits};
	for (unsigned i = 0; i < bits; i++)
		p.bytes[i / 8] |= (uint8_t)(bytes[i / 8] & 0x80 >> i % 8);
	if (!memcmp(p.bytes, bytes, len))
		return -EINVAL;
	prefix_str(&p, network);
	addr_host_str(&a, whole);
	return err_set(err, EINVAL, "%s has bits set past its length: write %s for the network, or %s/%u for the host",
	               text, network, whole, len * 8);
}

static int prefix_parse_type(struct conf *c, const struct conf_field *f, const char *text, void *value,
                             struct err *err)
{
	return prefix_parse(value, text) ? prefix_host_bits(text, err) : 0;
}

static bool prefix_print(const void *root, const struct conf_field *f, const void *value, char *buf, size_t size)
{
	char text[ADDR_STR_LEN];
	const struct prefix *p = value;
	snprintf(buf, size, "%s", prefix_str(p, text));
	return p->family;
}

const struct conf_type conf_prefix = {prefix_expect, prefix_parse_type, prefix_print, false};

/* ---- enumerations ---- */

static void enum_expect(const struct conf_field *f, char *buf, size_t size)
{
	size_t len = (size_t)snprintf(buf, size, "one of");
	for (unsigned i = 0; f->word(i) && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s %s", i ? "," : "", f->word(i));
}

static int enum_parse(struct conf *c, const struct conf_field *f, const char *text, void *value, struct err *err)
{
	for (unsigned i = 0; f->word(i); i++) {
		if (!strcmp(f->word(i), text)) {
			*(unsigned *)value = i;
			return 0;
		}
	}
	return -EINVAL;
}

static bool enum_print(const void *root, const struct conf_field *f, const void *value, char *buf, size_t size)
{
	snprintf(buf, size, "%s", f->word(*(const unsigned *)value));
	return true;
}

const struct conf_type conf_enum = {enum_expect, enum_parse, enum_print, true};
