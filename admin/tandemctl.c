/* tandemctl: one command, one request to the node's admin API, one answer shown.
 *
 * Exit codes: 0 done; 1 the node refused, with its words; 2 the command line is wrong; 3 the node
 * cannot be reached, or what answers is no tandem. Errors are one line on standard error. */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin/ctl.h"

enum { EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_UNREACHABLE = 3 };

#define HEADERS_MAX 32

struct options {
	struct ctl_node node;
	bool json, sips;
	const char *trunk, *from, *to, *at, *policy;
	const char *headers[HEADERS_MAX];
	unsigned n_headers;
};

struct command {
	const char *word, *sub;          /* `sub` NULL: the word is all */
	unsigned args_min, args_max;
	const char *args;                /* for the help */
	const char *help;
	const char *method, *path;       /* a path that ends in '/' takes the first argument */
	/* The request's body, owned by the caller; NULL without one, after a usage error too: *ok false. */
	json_t *(*body)(const struct command *command, const struct options *options, char **args, bool *ok);
	ctl_show_fn *show;               /* NULL: the text as it is */
};

static int usage_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int usage_error(const char *fmt, ...)
{
	va_list ap;

	fputs("tandemctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("; see tandemctl --help\n", stderr);
	return EXIT_USAGE;
}

/* ---- bodies ---- */

static json_t *state_body(const struct command *command, const struct options *options, char **args, bool *ok)
{
	return json_pack("{ss}", "state", command->sub);
}

static json_t *weight_body(const struct command *command, const struct options *options, char **args, bool *ok)
{
	char *end;
	long weight;

	if (strcmp(args[1], "default") == 0)
		return json_pack("{sn}", "weight");
	errno = 0;
	weight = strtol(args[1], &end, 10);
	if (errno || end == args[1] || *end || weight < 0 || weight > 65535) {
		usage_error("the weight must be 0 to 65535 or \"default\", not \"%s\"", args[1]);
		*ok = false;
		return NULL;
	}
	return json_pack("{si}", "weight", (int)weight);
}

/* "cluster region drain NAME": the word is the first argument here, the name the second. */
static json_t *fleet_body(const struct command *command, const struct options *options, char **args, bool *ok)
{
	bool weight = strcmp(args[0], "weight") == 0;

	if (!weight && strcmp(args[0], "drain") != 0 && strcmp(args[0], "ready") != 0 && strcmp(args[0], "maint") != 0)
		usage_error("\"cluster region\" takes drain, ready, maint or weight, not \"%s\"", args[0]);
	else if (weight != (args[2] != NULL))
		usage_error("\"cluster region %s\" takes %s", args[0], weight ? "NAME N" : "NAME");
	else
		return weight ? weight_body(command, options, args + 1, ok) : json_pack("{ss}", "state", args[0]);
	*ok = false;
	return NULL;
}

static json_t *policy_body(const struct command *command, const struct options *options, char **args, bool *ok)
{
	char text[64 * 1024];
	FILE *f = fopen(args[0], "r");
	size_t n = f ? fread(text, 1, sizeof text, f) : 0;
	json_t *body = f && n < sizeof text ? json_pack("{ss#}", "text", text, (int)n) : NULL;

	if (!body) {
		usage_error("%s: %s", args[0], f ? "it takes UTF-8 text of less than 64 kB" : strerror(errno));
		*ok = false;
	}
	if (f)
		fclose(f);
	return body;
}

static json_t *prefix_body(const struct command *command, const struct options *options, char **args, bool *ok)
{
	return args[0] ? json_pack("{ss}", "prefix", args[0]) : NULL;
}

static bool add_headers(json_t *body, const struct options *options)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < options->n_headers; i++) {
		if (json_array_append_new(list, json_string(options->headers[i])) < 0) {
			json_decref(list);
			return false;
		}
	}
	return json_object_set_new(body, "headers", list) == 0;
}

static json_t *explain_body(const struct command *command, const struct options *options, char **args, bool *ok)
{
	json_t *body;

	if (!options->trunk || !options->from || !options->to) {
		usage_error("explain wants --trunk, --from and --to");
		*ok = false;
		return NULL;
	}
	body = json_pack("{ssssss}", "trunk", options->trunk, "from", options->from, "to", options->to);
	if (body && options->at && json_object_set_new(body, "at", json_string(options->at)) < 0) {
		json_decref(body);
		body = NULL;
	}
	if (body && options->sips)
		json_object_set_new(body, "sips", json_true());
	if (body && options->n_headers && !add_headers(body, options)) {
		json_decref(body);
		body = NULL;
	}
	if (!body) {
		usage_error("what explain is asked must be UTF-8");
		*ok = false;
	}
	return body;
}

/* ---- the commands ---- */

static const struct command commands[] = {
	{"status", NULL, 0, 0, "", "the node at a glance", "GET", "/v1/status", NULL, ctl_show_status},
	{"regions", NULL, 0, 0, "", "all regions: state, health, load, latency", "GET", "/v1/regions", NULL, ctl_show_regions},
	{"region", "show", 1, 1, "NAME", "one region, with its targets", "GET", "/v1/regions/", NULL, ctl_show_region},
	{"region", "drain", 1, 1, "NAME", "no new calls to it", "PATCH", "/v1/regions/", state_body, ctl_show_region},
	{"region", "ready", 1, 1, "NAME", "calls to it again", "PATCH", "/v1/regions/", state_body, ctl_show_region},
	{"region", "maint", 1, 1, "NAME", "out of service", "PATCH", "/v1/regions/", state_body, ctl_show_region},
	{"region", "weight", 2, 2, "NAME N", "its share of calls, 0 to 65535; default: as configured", "PATCH", "/v1/regions/",
	 weight_body, ctl_show_region},
	{"trunks", NULL, 0, 0, "", "all trunks: calls and limits", "GET", "/v1/trunks", NULL, ctl_show_trunks},
	{"anycast", NULL, 0, 0, "", "the prefixes: announced or not, and why", "GET", "/v1/anycast", NULL, ctl_show_anycast},
	{"anycast", "withdraw", 0, 1, "[PREFIX]", "withdraw it, or all", "POST", "/v1/anycast/withdraw", prefix_body,
	 ctl_show_order},
	{"anycast", "announce", 0, 1, "[PREFIX]", "leave it, or all, to the gate again", "POST", "/v1/anycast/announce",
	 prefix_body, ctl_show_order},
	{"anycast", "force", 0, 1, "[PREFIX]", "announce it, or all, whatever regions and load say", "POST",
	 "/v1/anycast/force", prefix_body, ctl_show_order},
	{"drain", NULL, 0, 0, "", "take this node out of service", "POST", "/v1/drain", NULL, ctl_show_drain},
	{"undrain", NULL, 0, 0, "", "back into service", "POST", "/v1/undrain", NULL, ctl_show_drain},
	{"cluster", NULL, 0, 0, "", "the fleet: its nodes, their load, who runs which revision", "GET", "/v1/cluster", NULL,
	 ctl_show_cluster},
	{"cluster", "set", 1, 1, "FILE", "its pools, rules and tuning in place of those in all nodes' files", "POST",
	 "/v1/cluster/policy", policy_body, ctl_show_fleet},
	{"cluster", "get", 0, 0, "", "what is set so", "GET", "/v1/cluster", NULL, ctl_show_policy},
	{"cluster", "region", 2, 3, "drain|ready|maint|weight NAME [N]", "the same in the whole fleet", "PATCH",
	 "/v1/cluster/regions/", fleet_body, ctl_show_fleet},
	{"peers", NULL, 0, 0, "", "the BGP sessions", "GET", "/v1/peers", NULL, ctl_show_peers},
	{"explain", NULL, 0, 0, "--trunk T --from N --to N [--header 'NAME: VALUE'] [--at TIME] [--sips]", "where this call would go, and why", "POST", "/v1/explain",
	 explain_body, ctl_show_explain},
	{"replay", NULL, 1, 1, "LOG --policy FILE", "a call log's decisions under another policy; asks no node", NULL, NULL,
	 NULL, NULL},
	{"reload", NULL, 0, 0, "", "load the configuration anew; on any error the old one stays", "POST", "/v1/reload", NULL,
	 ctl_show_reload},
	{"config", NULL, 0, 0, "", "the configuration in force", "GET", "/v1/config", NULL, NULL},
	{"metrics", NULL, 0, 0, "", "all figures, as Prometheus reads them", "GET", "/metrics", NULL, NULL},
};
#define COMMANDS_N (sizeof commands / sizeof commands[0])

static void print_help(void)
{
	printf("usage: tandemctl [-s URL|--socket PATH] [--json] COMMAND\n\n");
	for (unsigned i = 0; i < COMMANDS_N; i++) {
		char words[64];
		snprintf(words, sizeof words, "%s%s%s %s", commands[i].word, commands[i].sub ? " " : "",
		         commands[i].sub ? commands[i].sub : "", commands[i].args);
		printf("  %-34s %s\n", words, commands[i].help);
	}
	printf("\n"
	       "  -s, --server URL   the node's admin API (or TANDEM_URL)\n"
	       "      --socket PATH  its Unix socket (or TANDEM_SOCKET)\n"
	       "      --json         what the node said, as it said it\n"
	       "  -h, --help         this\n"
	       "  -V, --version      the version\n\n"
	       "Without any of these: %s if it is there, else %s.\n"
	       "Exit codes: 0 done, 1 the node refused, 2 wrong usage, 3 the node cannot be reached.\n",
	       CTL_SOCKET, CTL_URL);
}

/* The command of the words at `argv`; sets how many words it is. NULL after a usage error. */
static const struct command *command_find(int n, char **argv, int *words)
{
	const struct command *bare = NULL;
	bool known = false;

	for (unsigned i = 0; i < COMMANDS_N; i++) {
		const struct command *c = &commands[i];
		if (strcmp(c->word, argv[0]) != 0)
			continue;
		known = true;
		*words = 2;
		if (c->sub && n > 1 && strcmp(c->sub, argv[1]) == 0)
			return c;
		if (!c->sub)
			bare = c;
	}
	*words = 1;
	if (bare && (n == 1 || bare->args_max))
		return bare;
	if (!known)
		usage_error("unknown command \"%s\"", argv[0]);
	else if (n == 1)
		usage_error("\"%s\" wants more words", argv[0]);
	else
		usage_error("\"%s\" does not go with \"%s\"", argv[1], argv[0]);
	return NULL;
}

/* ---- running one ---- */

static char *path_of(const struct command *command, char **args)
{
	char *name, *path = NULL;

	if (command->path[strlen(command->path) - 1] != '/')
		return strdup(command->path);
	name = ctl_http_escape(command->body == fleet_body ? args[1] : args[0]);
	if (name && asprintf(&path, "%s%s", command->path, name) < 0)
		path = NULL;
	free(name);
	return path;
}

static bool colours_wanted(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

static void print_text(const struct ctl_answer *answer)
{
	fwrite(answer->text ? answer->text : "", 1, answer->len, stdout);
	if (answer->len && answer->text[answer->len - 1] != '\n')
		putchar('\n');
}

/* Where one line does not say all. */
static void all_errors(const json_t *problem)
{
	const json_t *errors = json_object_get(problem, "errors");

	for (size_t i = 0; i < json_array_size(errors); i++) {
		ctl_print(stderr, false, CTL_PLAIN, json_string_value(json_array_get(errors, i)));
		fputc('\n', stderr);
	}
}

/* The node said no: its reason, from the problem document. */
static int refused(const struct options *options, const struct ctl_answer *answer)
{
	const char *detail = json_string_value(json_object_get(answer->json, "detail"));
	const char *title = json_string_value(json_object_get(answer->json, "title"));

	if (options->json && answer->json)
		print_text(answer);
	fputs("tandemctl: refused: ", stderr);
	ctl_print(stderr, false, CTL_PLAIN, detail ? detail : title ? title : "no reason given");
	fprintf(stderr, " (HTTP %ld)\n", answer->status);
	if (!options->json)
		all_errors(answer->json);
	return EXIT_REFUSED;
}

static int show(const struct command *command, const struct options *options, const struct ctl_answer *answer)
{
	struct ctl_view view = {.out = stdout, .colours = colours_wanted()};

	if (answer->status >= 400)
		return refused(options, answer);
	if (answer->status != 200 || (command->show && !json_is_object(answer->json))) {
		fprintf(stderr, "tandemctl: what answers at %s%s is not tandem's admin API (HTTP %ld)\n",
		        options->node.socket ? "unix:" : "", options->node.socket ? options->node.socket : options->node.url,
		        answer->status);
		return EXIT_UNREACHABLE;
	}
	if (options->json || !command->show)
		print_text(answer);
	else
		command->show(&view, answer->json);
	if (fflush(stdout) == 0)
		return 0;
	fprintf(stderr, "tandemctl: cannot write the answer: %s\n", strerror(errno));
	return EXIT_REFUSED;
}

static int run(const struct command *command, const struct options *options, char **args)
{
	struct ctl_answer answer;
	struct err err;
	bool ok = true;
	json_t *body = command->body ? command->body(command, options, args, &ok) : NULL;
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL, *path = path_of(command, args);
	int code = EXIT_USAGE;

	if (!ok)
		goto out;
	if (!path) {
		code = usage_error("no memory");
	} else if (ctl_http_ask(&options->node, command->method, path, text, &answer, &err) < 0) {
		fprintf(stderr, "tandemctl: %s\n", err.text);
		code = EXIT_UNREACHABLE;
	} else {
		code = show(command, options, &answer);
		ctl_answer_free(&answer);
	}
out:
	json_decref(body);
	free(text);
	free(path);
	return code;
}

/* ---- options ---- */

/* What the command line does not say, the environment does, or else what is there. */
static void node_default(struct ctl_node *node)
{
	if (node->socket || node->url)
		return;
	node->url = getenv("TANDEM_URL");
	if (node->url && node->url[0])
		return;
	node->url = CTL_URL;
	node->socket = getenv("TANDEM_SOCKET");
	if (node->socket && node->socket[0])
		return;
	node->socket = access(CTL_SOCKET, F_OK) == 0 ? CTL_SOCKET : NULL;
}

/* Cuts slashes off the end of the URL, so that a path can follow. `copy` keeps what is cut. */
static void node_trim(struct ctl_node *node, char copy[512])
{
	size_t len;

	if (!node->url)
		return;
	len = strlen(node->url);
	while (len && node->url[len - 1] == '/')
		len--;
	snprintf(copy, 512, "%.*s", (int)len, node->url);
	node->url = copy;
}

/* -1: go on; else the exit code. */
static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option longs[] = {
		{"server", required_argument, NULL, 's'}, {"socket", required_argument, NULL, 'S'},
		{"json", no_argument, NULL, 'j'}, {"trunk", required_argument, NULL, 't'},
		{"from", required_argument, NULL, 'f'}, {"to", required_argument, NULL, 'o'},
		{"header", required_argument, NULL, 'H'}, {"at", required_argument, NULL, 'a'},
		{"policy", required_argument, NULL, 'p'}, {"sips", no_argument, NULL, 'x'},
		{"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}
	};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":s:hV", longs, NULL)) != -1) {
		switch (c) {
		case 's': options->node.url = optarg; break;
		case 'S': options->node.socket = optarg; break;
		case 'j': options->json = true; break;
		case 't': options->trunk = optarg; break;
		case 'f': options->from = optarg; break;
		case 'o': options->to = optarg; break;
		case 'p': options->policy = optarg; break;
		case 'a': options->at = optarg; break;
		case 'x': options->sips = true; break;
		case 'H':
			if (options->n_headers == HEADERS_MAX)
				return usage_error("more than %d header fields", HEADERS_MAX);
			options->headers[options->n_headers++] = optarg;
			break;
		case 'h': print_help(); return 0;
		case 'V': puts("tandemctl " PACKAGE_VERSION); return 0;
		case ':': return usage_error("%s wants a value", argv[optind - 1]);
		default: return usage_error("unknown option %s", argv[optind - 1]);
		}
	}
	if (options->node.url && options->node.socket)
		return usage_error("-s and --socket exclude each other");
	return -1;
}

int main(int argc, char **argv)
{
	struct options options = {.json = false};
	const struct command *command;
	char url[512];
	int code = parse_options(argc, argv, &options), words = 0, n;

	if (code >= 0)
		return code;
	if (optind == argc)
		return usage_error("a command is missing");
	command = command_find(argc - optind, argv + optind, &words);
	if (!command)
		return EXIT_USAGE;
	n = argc - optind - words;
	if (n < (int)command->args_min || n > (int)command->args_max)
		return usage_error("%s%s%s takes %s", command->word, command->sub ? " " : "",
		                   command->sub ? command->sub : "", command->args[0] ? command->args : "no arguments");
	if (command->body != explain_body && (options.trunk || options.from || options.to || options.at ||
	    options.n_headers || options.sips))
		return usage_error("--trunk, --from, --to, --header, --at and --sips are for explain");
	if (!command->path) {
		if (!options.policy)
			return usage_error("replay wants --policy");
		return ctl_replay(argv[optind + words], options.policy, options.json);
	}
	if (options.policy)
		return usage_error("--policy is for replay");
	node_default(&options.node);
	node_trim(&options.node, url);
	return run(command, &options, argv + optind + words);
}
