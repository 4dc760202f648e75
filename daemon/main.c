/* tandemd: reads its arguments and its configuration, builds a node, runs it, takes it down. */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include <config.h>
#include "daemon/build.h"
#include "daemon/config.h"
#include "daemon/node.h"

#define HEAP_STEP (1 << 20)
#define HEAP_KEPT (64 << 20)

enum { EXIT_CLEAN = 0, EXIT_BAD_CONFIG = 1, EXIT_CANNOT_START = 2 };

struct arguments {
	const char *config;
	bool check, print;
};

static void usage(FILE *out)
{
	fputs("usage: tandemd -c FILE [-t | -T]\n"
	      "  -c FILE    run a node with this configuration, in the foreground\n"
	      "  -t         check the configuration only; every error is printed\n"
	      "  -T         print the configuration in full, defaults filled in, secrets masked\n"
	      "  --version  print the version\n", out);
}

/* True: go on; false: *code is the exit code. */
static bool read_arguments(int argc, char **argv, struct arguments *a, int *code)
{
	static const struct option longs[] = {
		{"version", no_argument, NULL, 'V'}, {"help", no_argument, NULL, 'h'}, {0},
	};
	int o;
	*code = EXIT_CLEAN;
	while ((o = getopt_long(argc, argv, "c:tTh", longs, NULL)) >= 0) {
		switch (o) {
		case 'c': a->config = optarg; break;
		case 't': a->check = true; break;
		case 'T': a->print = true; break;
		case 'V': puts("tandemd " PACKAGE_VERSION); return false;
		case 'h': usage(stdout); return false;
		default: usage(stderr); *code = EXIT_BAD_CONFIG; return false;
		}
	}
	if (a->config && optind == argc)
		return true;
	usage(stderr);
	*code = EXIT_BAD_CONFIG;
	return false;
}

static void report(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "%s\n", line);
}

/* A worker's heap grows and shrinks with every burst of calls; each step is an mprotect() and pages to be cleared
 * again. It grows in larger steps, and keeps what it has: memory is for the busiest minute anyway. */
static void keep_heap(void)
{
	mallopt(M_TOP_PAD, HEAP_STEP);
	mallopt(M_TRIM_THRESHOLD, HEAP_KEPT);
}

static int run(struct config *config)
{
	struct err err;
	keep_heap();
	struct node *node = node_new(config, &err);
	if (!node || node_start(node, &err)) {
		fprintf(stderr, "tandemd: %s\n", err.text);
		node_free(node);
		return EXIT_CANNOT_START;
	}
	node_run(node);
	node_free(node);
	return EXIT_CLEAN;
}

/* What a start would find besides: certificates that cannot be used. */
static int check(const struct config *config, const char *file)
{
	static struct proxy_config pc;
	struct err err;
	int rc = build_streams(config, &pc, &err);
	if (rc)
		fprintf(stderr, "%s: %s\n", file, err.text);
	else
		build_streams_release(&pc);
	return rc ? EXIT_BAD_CONFIG : EXIT_CLEAN;
}

int main(int argc, char **argv)
{
	struct arguments args = {0};
	bool unreadable = false;
	int code;
	if (!read_arguments(argc, argv, &args, &code))
		return code;
	signal(SIGPIPE, SIG_IGN);
	struct config *config = config_load(args.config, report, NULL, &unreadable);
	if (!config)
		return unreadable ? EXIT_CANNOT_START : EXIT_BAD_CONFIG;
	log_set_level(config->log.level);
	if (!args.check && !args.print)
		return run(config);
	if (args.print)
		config_print(config, stdout);
	code = args.check ? check(config, args.config) : EXIT_CLEAN;
	config_free(config);
	return code;
}
