/* tandemctl as its users have it: the program itself, run against a node that is played, over TCP and
 * a Unix socket; what it prints, where, and how it exits. */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "tests/unit/admin_fakes.h"
#include "tests/unit/unit.h"

static struct fakes *fakes;
static struct loop *loop;
static struct admin *admin;
static char dir[64], path[100], url[100];

static void on_log(void *arg, enum log_level level, const char *line, size_t len)
{
}

static void quiet(void *arg)
{
	log_set_sink(on_log, NULL);
}

static struct addr free_port(void)
{
	struct addr a;
	socklen_t len = sizeof a.in;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	addr_parse(&a, "127.0.0.1", 0);
	CU_ASSERT_EQUAL_FATAL(bind(fd, &a.sa, len), 0);
	CU_ASSERT_EQUAL_FATAL(getsockname(fd, &a.sa, &len), 0);
	close(fd);
	return a;
}

static void begin(void)
{
	struct admin_config config = {.n_listen = 1};
	char text[ADDR_STR_LEN];

	snprintf(dir, sizeof dir, "/tmp/tandemctl_test.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/admin.sock", dir);
	snprintf(config.socket, sizeof config.socket, "%s", path);
	config.listen[0] = free_port();
	snprintf(url, sizeof url, "http://%s", addr_str(&config.listen[0], text));
	fakes = fakes_new();
	loop = loop_new("control");
	admin = admin_new(loop, &config, &fakes->sources, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(admin);
	CU_ASSERT_EQUAL_FATAL(loop_start(loop), 0);
	loop_post(loop, quiet, NULL);
	setenv("TANDEM_SOCKET", path, 1);
	unsetenv("TANDEM_URL");
	unsetenv("NO_COLOR");
	setenv("TERM", "xterm", 1);
}

static void end(void)
{
	loop_stop(loop);
	admin_free(admin);
	loop_free(loop);
	loop = NULL;
	fakes_free(fakes);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

/* ---- running the program ---- */

static struct { char out[65536], err[4096]; } got;

static const char *program(void)
{
	const char *set = getenv("TANDEMCTL");

	return set ? set : "./tandemctl";
}

static size_t take(int fd, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t r;

	while (len + 1 < size && (r = read(fd, buf + len, size - 1 - len)) > 0)
		len += (size_t)r;
	buf[len] = 0;
	return len;
}

static int exit_code(pid_t pid)
{
	int status;

	CU_ASSERT_EQUAL_FATAL(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Becomes the program, with the words of `line`. */
static void exec_words(const char *line)
{
	char copy[512], *argv[32], *save = NULL;
	unsigned n = 0;

	snprintf(copy, sizeof copy, "%s", line);
	argv[n++] = (char *)program();
	for (char *word = strtok_r(copy, " ", &save); word && n < 31; word = strtok_r(NULL, " ", &save))
		argv[n++] = word;
	argv[n] = NULL;
	execv(argv[0], argv);
	_exit(127);
}

static void nothing(void *arg)
{
}

/* The node's thread has seen what the test set, and the test will see what the node did. */
static void meet(void)
{
	if (loop)
		CU_ASSERT_EQUAL(loop_call(loop, nothing, NULL, 10000), 0);
}

/* Runs it to its end; returns the exit code. What it prints on standard error fits a pipe. */
static int run(const char *line)
{
	int out[2], err[2], code;
	pid_t pid;

	meet();
	CU_ASSERT_EQUAL_FATAL(pipe(out), 0);
	CU_ASSERT_EQUAL_FATAL(pipe(err), 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		exec_words(line);
	}
	close(out[1]);
	close(err[1]);
	take(out[0], got.out, sizeof got.out);
	take(err[0], got.err, sizeof got.err);
	close(out[0]);
	close(err[0]);
	code = exit_code(pid);
	meet();
	return code;
}

static int run_on_terminal(const char *line)
{
	int terminal;
	pid_t pid;

	fflush(stdout);
	pid = forkpty(&terminal, NULL, NULL, NULL);
	CU_ASSERT_TRUE_FATAL(pid >= 0);
	if (pid == 0)
		exec_words(line);
	take(terminal, got.out, sizeof got.out);
	close(terminal);
	return exit_code(pid);
}

#define CHECK_OUT(line, code, want) do { \
		CU_ASSERT_EQUAL(run(line), code); \
		if (strcmp(got.out, want) != 0) \
			printf("\n--- got\n%s%s--- want\n%s", got.out, got.err, want); \
		CU_ASSERT_STRING_EQUAL(got.out, want); \
		CU_ASSERT_STRING_EQUAL(got.err, ""); \
	} while (0)

#define CHECK_ERR(line, code, want) do { \
		CU_ASSERT_EQUAL(run(line), code); \
		if (strcmp(got.err, want) != 0) \
			printf("\n--- got\n%s--- want\n%s", got.err, want); \
		CU_ASSERT_STRING_EQUAL(got.err, want); \
	} while (0)

static void says(const char *text)
{
	if (!strstr(got.out, text))
		printf("\n--- got\n%s--- without\n%s\n", got.out, text);
	CU_ASSERT_PTR_NOT_NULL(strstr(got.out, text));
}

/* ---- what it shows ---- */

static void test_status(void)
{
	begin();
	CHECK_OUT("status", 0,
	          "node     iad-1, tandem 0.1.0\n"
	          "state    ready\n"
	          "up       1h 00m, since 2026-01-31T11:00:00Z\n"
	          "workers  4 of 4 alive\n"
	          "calls    247 established, 8 being set up, 17 transactions\n"
	          "regions  2 of 2 reachable\n"
	          "anycast  1 of 1 prefixes announced, 1 of 2 peers established\n");
	fakes->reasons[0] = "draining";
	fakes->reasons[1] = "no region reachable";
	fakes->n_reasons = 2;
	CU_ASSERT_EQUAL(run("status"), 0);
	says("\nstate    not ready: draining, no region reachable\n");
	end();
}

static void test_regions(void)
{
	begin();
	CHECK_OUT("regions", 0,
	          "REGION     STATE  HEALTH     CALLS  SETUPS    CPS  HOT  LATENCY      RTT  ERRORS  WEIGHT\n"
	          "us-east-1  ready  up      123/4000       4  0/100  no   81.2 ms  12.3 ms    0.0%     100\n"
	          "us-west-2  ready  up           124       4      0  no         -  12.3 ms    0.0%      50\n");
	CHECK_OUT("region show us-west-2", 0,
	          "REGION     STATE  HEALTH  CALLS  SETUPS  CPS  HOT  LATENCY      RTT  ERRORS  WEIGHT\n"
	          "us-west-2  ready  up        124       4    0  no         -  12.3 ms    0.0%      50\n"
	          "\n"
	          "TARGET                  ADDRESS             BY   PRIORITY  WEIGHT  TTL  HEALTH  SINCE                     RTT  LAST ERROR\n"
	          "sip:198.51.100.21:5060  198.51.100.21:5060  udp         0       0    -  up      2026-01-31T11:59:00Z  22.0 ms  -\n"
	          "sip:west.example:5060   -                   -           0       0    -  down    2026-01-31T11:59:00Z        -  no answer in 500 ms\n");
	end();
}

static void test_region_changes(void)
{
	struct region_live *east;

	begin();
	east = &fakes->proxy.live[0];
	CU_ASSERT_EQUAL(run("region drain us-east-1"), 0);
	CU_ASSERT_EQUAL(atomic_load(&east->admin), POLICY_DRAIN);
	says("us-east-1  drain  up");
	CU_ASSERT_EQUAL(run("region maint us-east-1"), 0);
	CU_ASSERT_EQUAL(atomic_load(&east->admin), POLICY_MAINT);
	CU_ASSERT_EQUAL(run("region ready us-east-1"), 0);
	CU_ASSERT_EQUAL(atomic_load(&east->admin), POLICY_READY);
	CU_ASSERT_EQUAL(run("region weight us-east-1 0"), 0);
	CU_ASSERT_EQUAL(atomic_load(&east->weight), 0);
	CU_ASSERT_EQUAL(run("region weight us-east-1 default"), 0);
	CU_ASSERT_EQUAL(atomic_load(&east->weight), -1);
	CHECK_ERR("region drain us/east?1%", 1,
	          "tandemctl: refused: there is no region \"us/east?1%\"; /v1/regions lists them (HTTP 404)\n");
	end();
}

static void test_anycast(void)
{
	begin();
	CHECK_OUT("anycast", 0,
	          "PREFIX           ACTION    PEERS  ADDRESS  ORDER  SINCE                 REASON\n"
	          "203.0.113.10/32  announce    1/2  present  auto   2026-01-31T11:59:30Z  ready\n");
	CHECK_OUT("peers", 0,
	          "PEER            ADDRESS          AS  STATE        SINCE                 HOLD  IN  OUT  SENT  BFD         LAST ERROR\n"
	          "cloud-router-1  169.254.10.1  64600  Established  2026-01-31T11:59:10Z  60 s   5    6     1  Up 5000 ms  -\n"
	          "cloud-router-2  169.254.11.1  64600  Active       2026-01-31T11:59:55Z     -   0    0     0  -           "
	          "connect: Connection refused\n");
	CHECK_OUT("anycast withdraw 203.0.113.10/32", 0,
	          "203.0.113.10/32: withdrawn until \"tandemctl anycast announce\"\n");
	CU_ASSERT_EQUAL(fakes->anycast.order, POLICY_ORDER_WITHDRAW);
	CU_ASSERT_FALSE(fakes->anycast.all);
	CHECK_OUT("anycast announce", 0, "all prefixes: announced again while the node is ready\n");
	CU_ASSERT_TRUE(fakes->anycast.all);
	CHECK_OUT("anycast force", 0,
	          "all prefixes: announced, whatever regions and load say, until \"tandemctl anycast announce\"\n");
	CU_ASSERT_EQUAL(fakes->anycast.order, POLICY_ORDER_ANNOUNCE);
	CHECK_OUT("drain", 0,
	          "route made worse: 3 new calls since it began, 2 requests under way, 7 calls established\n");
	CHECK_OUT("undrain", 0, "in service\n");
	CHECK_ERR("anycast withdraw 10.0.0.0/8", 1,
	          "tandemctl: refused: 10.0.0.0/8 is not one of this node's prefixes; /v1/anycast lists them (HTTP 404)\n");
	fakes->sources.anycast = NULL;
	end();
}

static void test_explain(void)
{
	begin();
	CU_ASSERT_EQUAL(run("explain --trunk carrier-a --from +15550001 --to +18005550100"), 0);
	CU_ASSERT_EQUAL(strncmp(got.out, "rule      premium\npool      default\nstrategy  priority\n\n", 55), 0);
	says("\n   REGION     ELIGIBLE  REASON  HEALTH     CALLS  SETUPS  LATENCY      RTT  ERRORS  HOT  LOAD  SCORE\n");
	says("\n>  us-east-1  yes       ok      up      123/4000       4  81.2 ms  12.3 ms    0.0%  no   0.");
	says("\n   us-west-2  yes       ok      up           124       4        -  12.3 ms    0.0%  no   0.");
	says("\n\nchosen    us-east-1\nbecause   first in order\n");
	CU_ASSERT_EQUAL(run("explain --trunk carrier-a --from +15550001 --to +18005550100 --sips"), 0);
	says("   us-east-1  no        no_sips_target  up");
	says("chosen    us-west-2\nbecause   only eligible region\n");
	fakes->proxy.live[0].admin = POLICY_DRAIN;
	fakes->proxy.live[1].healthy = false;
	CU_ASSERT_EQUAL(run("explain --to +18005550100 --trunk carrier-a --from +15550001"), 0);
	says("   us-east-1  no        draining   up");
	says("   us-west-2  no        unhealthy  down");
	says("chosen    none\nbecause   no region eligible\n");
	CHECK_OUT("explain --trunk carrier-a --from 1 --to +44", 0,
	          "rule      -\npool      -\nstrategy  -\nchosen    none\nbecause   no rule matches\n"
	          "otherwise a rule that matches trunk, numbers, header fields and time\n");
	CHECK_ERR("explain --trunk nobody --from 1 --to 2", 1,
	          "tandemctl: refused: there is no trunk \"nobody\" (HTTP 400)\n");
	end();
}

static void test_others(void)
{
	begin();
	CHECK_OUT("trunks", 0,
	          "TRUNK      SOURCES     CALLS  SETUPS  MAX CPS  CALLS TOTAL  OVER MAX CALLS  OVER MAX CPS\n"
	          "carrier-a        2  200/5000       8      200       123456              70             8\n"
	          "carrier-b        1        47       0        -           99               0             0\n");
	CHECK_OUT("config", 0, "node:\n  id: iad-1\n");
	CHECK_OUT("--version", 0, "tandemctl 0.1.0\n");
	CU_ASSERT_EQUAL(run("metrics"), 0);
	says("\ntandem_ready 1\n");
	CU_ASSERT_EQUAL(run("--help"), 0);
	says("\n  region weight NAME N ");
	fakes->proxy.n_trunks = 0;
	fakes->sources.anycast = NULL;
	CHECK_OUT("trunks", 0, "no trunks\n");
	end();
}

static void test_json(void)
{
	begin();
	CHECK_OUT("--json anycast withdraw", 0, "{\"order\":\"withdraw\",\"prefix\":null}\n");
	CU_ASSERT_EQUAL(run("regions --json"), 0);
	CU_ASSERT_EQUAL(strncmp(got.out, "{\"regions\":[{\"name\":\"us-east-1\",", 31), 0);
	CU_ASSERT_EQUAL(run("region drain nowhere --json"), 1);
	CU_ASSERT_EQUAL(strncmp(got.out, "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,", 55), 0);
	CU_ASSERT_EQUAL(strncmp(got.err, "tandemctl: refused: ", 20), 0);
	end();
}

static void test_colours(void)
{
	begin();
	CU_ASSERT_EQUAL(run_on_terminal("regions"), 0);
	says("\033[32mready\033[0m");
	CU_ASSERT_EQUAL(run_on_terminal("--json regions"), 0);
	CU_ASSERT_PTR_NULL(strchr(got.out, '\033'));
	setenv("NO_COLOR", "1", 1);
	CU_ASSERT_EQUAL(run_on_terminal("regions"), 0);
	says("us-east-1  ready");
	CU_ASSERT_PTR_NULL(strchr(got.out, '\033'));
	end();
}

/* ---- where the node is ---- */

static void test_where(void)
{
	char line[300];

	begin();
	unsetenv("TANDEM_SOCKET");
	snprintf(line, sizeof line, "-s %s/ anycast withdraw", url);
	CU_ASSERT_EQUAL(run(line), 0);
	CU_ASSERT_EQUAL(strncmp(fakes->anycast.who, "api from 127.0.0.1:", 19), 0);
	snprintf(line, sizeof line, "anycast --socket %s withdraw", path);
	CU_ASSERT_EQUAL(run(line), 0);
	CU_ASSERT_EQUAL(strncmp(fakes->anycast.who, "socket uid ", 11), 0);
	setenv("TANDEM_URL", url, 1);
	CU_ASSERT_EQUAL(run("status"), 0);
	setenv("TANDEM_SOCKET", "/nowhere", 1);
	CU_ASSERT_EQUAL(run("status"), 0);
	snprintf(line, sizeof line, "--socket %s status", path);
	CU_ASSERT_EQUAL(run(line), 0);
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	CU_ASSERT_EQUAL(run("status"), 0);
	unsetenv("http_proxy");
	end();
}

/* Answers one request with `answer`, then is gone. */
static pid_t other_server(const struct addr *addr, const char *answer)
{
	char buf[4096];
	int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	pid_t pid;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	CU_ASSERT_EQUAL_FATAL(bind(fd, &addr->sa, sizeof addr->in), 0);
	CU_ASSERT_EQUAL_FATAL(listen(fd, 1), 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct pollfd waiting = {.fd = fd, .events = POLLIN};
		int c = poll(&waiting, 1, 10000) == 1 ? accept(fd, NULL, NULL) : -1;
		if (c >= 0 && read(c, buf, sizeof buf) > 0)
			send(c, answer, strlen(answer), MSG_NOSIGNAL);
		_exit(0);
	}
	close(fd);
	return pid;
}

static void test_unreachable(void)
{
	struct addr addr = free_port();
	char line[200], want[300], text[ADDR_STR_LEN];
	pid_t pid;

	unsetenv("TANDEM_URL");
	unsetenv("TANDEM_SOCKET");
	snprintf(line, sizeof line, "-s http://%s status", addr_str(&addr, text));
	snprintf(want, sizeof want, "tandemctl: cannot reach http://%s: Connection refused\n", text);
	CHECK_ERR(line, 3, want);
	CHECK_ERR("--socket /nowhere/admin.sock status", 3,
	          "tandemctl: cannot reach unix:/nowhere/admin.sock: No such file or directory\n");
	pid = other_server(&addr, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
	snprintf(want, sizeof want, "tandemctl: what answers at http://%s is not tandem's admin API (HTTP 200)\n", text);
	CHECK_ERR(line, 3, want);
	CU_ASSERT_EQUAL(exit_code(pid), 0);
	pid = other_server(&addr, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
	CHECK_ERR(line, 1, "tandemctl: refused: no reason given (HTTP 502)\n");
	CU_ASSERT_EQUAL(exit_code(pid), 0);
	pid = other_server(&addr, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{");
	CU_ASSERT_EQUAL(run(line), 3);
	CU_ASSERT_EQUAL(exit_code(pid), 0);
}

static void test_usage(void)
{
	static const struct { const char *line, *want; } cases[] = {
		{"", "a command is missing"},
		{"staus", "unknown command \"staus\""},
		{"region", "\"region\" wants more words"},
		{"region explode us-east-1", "\"explode\" does not go with \"region\""},
		{"status now", "\"now\" does not go with \"status\""},
		{"region drain", "region drain takes NAME"},
		{"region drain a b", "region drain takes NAME"},
		{"region weight a", "region weight takes NAME N"},
		{"region weight a 65536", "the weight must be 0 to 65535 or \"default\", not \"65536\""},
		{"region weight a 1x", "the weight must be 0 to 65535 or \"default\", not \"1x\""},
		{"region weight a -1", "unknown option -1"},
		{"anycast withdraw a b", "anycast withdraw takes [PREFIX]"},
		{"explain --trunk a --from b", "explain wants --trunk, --from and --to"},
		{"status --trunk a", "--trunk, --from, --to, --header, --at and --sips are for explain"},
		{"status --sips", "--trunk, --from, --to, --header, --at and --sips are for explain"},
		{"replay", "replay takes LOG --policy FILE"},
		{"replay calls.jsonl", "replay wants --policy"},
		{"status --policy x", "--policy is for replay"},
		{"--wrong status", "unknown option --wrong"},
		{"status -s", "-s wants a value"},
		{"-s http://x --socket /x status", "-s and --socket exclude each other"},
	};
	char want[200];

	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(want, sizeof want, "tandemctl: %s; see tandemctl --help\n", cases[i].want);
		CHECK_ERR(cases[i].line, 2, want);
		CU_ASSERT_STRING_EQUAL(got.out, "");
	}
}

UNIT_MAIN("tandemctl",
	{"status", test_status},
	{"regions", test_regions},
	{"changing regions", test_region_changes},
	{"anycast and peers", test_anycast},
	{"explain", test_explain},
	{"trunks, config, metrics, help", test_others},
	{"JSON", test_json},
	{"colours", test_colours},
	{"where the node is", test_where},
	{"nodes that cannot be reached", test_unreachable},
	{"wrong usage", test_usage})
