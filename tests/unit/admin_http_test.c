/* The API through real sockets on loopback and in a directory of its own: HTTP itself, the listening
 * sockets' manners, and clients that are slow, many or rude. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/loop.h"
#include "tests/unit/admin_fakes.h"
#include "tests/unit/unit.h"

static struct fakes *fakes;
static struct loop *loop;
static struct admin *admin;
static struct addr tcp;
static char dir[64], path[100];

/* A port of 127.0.0.1 that is free right now. */
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

static struct admin_config config_of(bool with_tcp, const char *socket_path)
{
	struct admin_config config = {.n_listen = with_tcp};

	config.listen[0] = tcp;
	snprintf(config.socket, sizeof config.socket, "%s", socket_path);
	return config;
}

static void begin(void)
{
	struct admin_config config;
	struct err err;

	snprintf(dir, sizeof dir, "/tmp/admin_http_test.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/run/admin.sock", dir);
	tcp = free_port();
	fakes = fakes_new();
	loop = loop_new("control");
	config = config_of(true, path);
	admin = admin_new(loop, &config, &fakes->sources, &err);
	if (!admin)
		printf("\n  %s\n", err.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(admin);
	CU_ASSERT_EQUAL_FATAL(loop_start(loop), 0);
}

static void end(void)
{
	char run[80];

	loop_stop(loop);
	admin_free(admin);
	loop_free(loop);
	fakes_free(fakes);
	snprintf(run, sizeof run, "%s/run", dir);
	CU_ASSERT_EQUAL(access(path, F_OK), -1);
	CU_ASSERT_EQUAL(rmdir(run), 0);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

/* ---- a raw client ---- */

static int open_client(bool unix_socket)
{
	struct timeval limit = {.tv_sec = 10};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(unix_socket ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r;

	snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	r = unix_socket ? connect(fd, (struct sockaddr *)&un, sizeof un) : connect(fd, &tcp.sa, sizeof tcp.in);
	CU_ASSERT_EQUAL_FATAL(r, 0);
	return fd;
}

static void send_text(int fd, const char *text)
{
	send(fd, text, strlen(text), MSG_NOSIGNAL);
}

/* Reads until `n` answers with their bodies are there (HEAD: without), or the end. */
static char answer[256 * 1024];

static bool complete(size_t len, unsigned n, bool head)
{
	const char *p = answer;

	while (n--) {
		const char *body = strstr(p, "\r\n\r\n"), *length = strstr(p, "Content-Length: ");
		if (!body || !length || length > body)
			return false;
		p = body + 4 + (head ? 0 : strtoul(length + 16, NULL, 10));
		if (p > answer + len)
			return false;
	}
	return true;
}

static size_t read_answers(int fd, unsigned n, bool head)
{
	size_t len = 0;
	ssize_t r;

	answer[0] = 0;
	while (!complete(len, n, head) && (r = recv(fd, answer + len, sizeof answer - 1 - len, 0)) > 0) {
		len += (size_t)r;
		answer[len] = 0;
	}
	return len;
}

/* One request, one answer; returns the status. */
static int ask(bool unix_socket, const char *text)
{
	int fd = open_client(unix_socket);

	send_text(fd, text);
	read_answers(fd, 1, strncmp(text, "HEAD", 4) == 0);
	close(fd);
	return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? (int)strtol(answer + 9, NULL, 10) : -1;
}

static bool says(const char *text)
{
	return strstr(answer, text) != NULL;
}

#define HOST "Host: 127.0.0.1\r\n"
#define JSON_TYPE "Content-Type: application/json\r\n"

/* ---- HTTP ---- */

static void test_get(void)
{
	begin();
	CU_ASSERT_EQUAL(ask(false, "GET /health HTTP/1.1\r\n" HOST "\r\n"), 200);
	CU_ASSERT_TRUE(says("\r\n\r\n{\"status\":\"ok\"}"));
	CU_ASSERT_TRUE(says("Content-Type: application/json\r\n"));
	CU_ASSERT_TRUE(says("Cache-Control: no-store\r\n"));
	CU_ASSERT_EQUAL(ask(true, "GET /v1/regions/us%2Deast-1?x=%41&y HTTP/1.1\r\n" HOST "\r\n"), 200);
	CU_ASSERT_TRUE(says("\"name\":\"us-east-1\""));
	CU_ASSERT_EQUAL(ask(true, "GET /v1/regions%2Fus-east-1 HTTP/1.1\r\n" HOST "\r\n"), 404);
	CU_ASSERT_TRUE(says("Content-Type: application/problem+json\r\n"));
	CU_ASSERT_EQUAL(ask(false, "DELETE /health HTTP/1.1\r\n" HOST "\r\n"), 405);
	CU_ASSERT_TRUE(says("Allow: GET, HEAD\r\n"));
	CU_ASSERT_EQUAL(ask(false, "GET /metrics HTTP/1.1\r\n" HOST "\r\n"), 200);
	CU_ASSERT_TRUE(says("\ntandem_ready 1\n"));
	fakes->n_reasons = 1;
	fakes->reasons[0] = "draining";
	CU_ASSERT_EQUAL(ask(false, "GET /ready HTTP/1.1\r\n" HOST "\r\n"), 503);
	end();
}

static void test_head(void)
{
	begin();
	CU_ASSERT_EQUAL(ask(false, "HEAD /health HTTP/1.1\r\n" HOST "\r\n"), 200);
	CU_ASSERT_TRUE(says("Content-Length: 15\r\n"));
	CU_ASSERT_STRING_EQUAL(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
	CU_ASSERT_EQUAL(ask(false, "HEAD /nothing HTTP/1.1\r\n" HOST "\r\n"), 404);
	CU_ASSERT_EQUAL(ask(false, "HEAD /v1/explain HTTP/1.1\r\n" HOST "\r\n"), 405);
	end();
}

static void test_keep_alive(void)
{
	int fd;

	begin();
	fd = open_client(false);
	send_text(fd, "GET /health HTTP/1.1\r\n" HOST "\r\nGET /v1/regions HTTP/1.1\r\n" HOST "\r\n");
	read_answers(fd, 2, false);
	CU_ASSERT_TRUE(says("\"status\":\"ok\""));
	CU_ASSERT_TRUE(says("us-west-2"));
	send_text(fd, "GET /v1/trunks HTTP/1.1\r\n" HOST "\r\n");
	read_answers(fd, 1, false);
	CU_ASSERT_TRUE(says("carrier-a"));
	close(fd);
	end();
}

static void test_who(void)
{
	char want[40];

	begin();
	snprintf(want, sizeof want, "socket uid %u", (unsigned)getuid());
	CU_ASSERT_EQUAL(ask(true, "POST /v1/anycast/withdraw HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"), 200);
	CU_ASSERT_STRING_EQUAL(fakes->anycast.who, want);
	CU_ASSERT_EQUAL(ask(false, "POST /v1/anycast/withdraw HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"), 200);
	CU_ASSERT_EQUAL(strncmp(fakes->anycast.who, "api from 127.0.0.1:", 19), 0);
	end();
}

/* ---- bodies ---- */

static void test_body(void)
{
	int fd;

	begin();
	CU_ASSERT_EQUAL(ask(false, "PATCH /v1/regions/us-east-1 HTTP/1.1\r\n" HOST JSON_TYPE
	                           "Content-Length: 17\r\n\r\n{\"state\":\"maint\"}"), 200);
	CU_ASSERT_EQUAL(atomic_load(&fakes->proxy.live[0].admin), POLICY_MAINT);
	CU_ASSERT_EQUAL(ask(false, "PATCH /v1/regions/us-east-1 HTTP/1.1\r\n" HOST JSON_TYPE
	                           "Transfer-Encoding: chunked\r\n\r\n7\r\n{\"state\r\na\r\n\":\"drain\"}\r\n0\r\n\r\n"), 200);
	CU_ASSERT_EQUAL(atomic_load(&fakes->proxy.live[0].admin), POLICY_DRAIN);
	fd = open_client(false);
	send_text(fd, "PATCH /v1/regions/us-east-1 HTTP/1.1\r\n" HOST JSON_TYPE "Content-Length: 12\r\n\r\n{\"wei");
	usleep(20000);
	send_text(fd, "ght\":7}");
	read_answers(fd, 1, false);
	close(fd);
	CU_ASSERT_EQUAL(atomic_load(&fakes->proxy.live[0].weight), 7);
	CU_ASSERT_EQUAL(ask(false, "PATCH /v1/regions/us-east-1 HTTP/1.1\r\n" HOST JSON_TYPE
	                           "Content-Length: 2\r\n\r\n{,"), 400);
	CU_ASSERT_TRUE(says("line 1 column 2"));
	end();
}

/* A body of `len` bytes of spaces after `head`; returns the status. */
static int ask_padded(const char *head, size_t len)
{
	static char spaces[4096];
	int fd = open_client(true);

	memset(spaces, ' ', sizeof spaces);
	send_text(fd, head);
	while (len) {
		size_t n = len < sizeof spaces ? len : sizeof spaces;
		if (send(fd, spaces, n, MSG_NOSIGNAL) < 0)
			break;
		len -= n;
	}
	read_answers(fd, 1, false);
	close(fd);
	return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? (int)strtol(answer + 9, NULL, 10) : -1;
}

#define EXPLAIN "POST /v1/explain HTTP/1.1\r\n" HOST JSON_TYPE

static void test_large_body(void)
{
	begin();
	CU_ASSERT_EQUAL(ask_padded(EXPLAIN "Content-Length: 65536\r\n\r\n", 65536), 400);
	CU_ASSERT_EQUAL(ask_padded(EXPLAIN "Content-Length: 65537\r\n\r\n", 65537), 413);
	CU_ASSERT_TRUE(says("Content-Type: application/problem+json"));
	CU_ASSERT_EQUAL(ask_padded(EXPLAIN "Content-Length: 500000\r\n\r\n", 500000), 413);
	CU_ASSERT_EQUAL(ask_padded(EXPLAIN "Content-Length: 99000000000\r\n\r\n", 0), 413);
	CU_ASSERT_EQUAL(ask_padded(EXPLAIN "Transfer-Encoding: chunked\r\n\r\n1000000\r\n", 0x1000000), -1);
	CU_ASSERT_EQUAL(ask(true, "GET /health HTTP/1.1\r\n" HOST "\r\n"), 200);
	end();
}

static void test_rude(void)
{
	static const char *const texts[] = {
		"", "\r\n", "\r\n\r\n", "GET\r\n\r\n", "GET /health\r\n\r\n", "\x16\x03\x01\x02\x01", "GET /health HTTP/9.9\r\n\r\n",
		"PATCH /v1/regions/us-east-1 HTTP/1.1\r\n" HOST "Content-Length: -5\r\n\r\nx",
		"PATCH /v1/regions/us-east-1 HTTP/1.1\r\n" HOST "Content-Length: 9999\r\n\r\n{",
		"POST /v1/explain HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
		"GET /%ff%00%2 HTTP/1.1\r\n" HOST "\r\n", "GET http://x/ HTTP/1.1\r\n" HOST "\r\n",
		"OPTIONS * HTTP/1.1\r\n" HOST "\r\n",
	};

	begin();
	for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		int fd = open_client(i % 2 == 0);
		send_text(fd, texts[i]);
		shutdown(fd, SHUT_WR);
		read_answers(fd, 1, false);
		CU_ASSERT_FALSE(says("HTTP/1.1 200"));
		close(fd);
	}
	CU_ASSERT_EQUAL(ask_padded("GET /health HTTP/1.1\r\n" HOST "X-Long: ", 200000) >= 400, 1);
	CU_ASSERT_EQUAL(ask(false, "GET /health HTTP/1.1\r\n" HOST "\r\n"), 200);
	end();
}

/* ---- slow and many ---- */

static void test_slow(void)
{
	int fd;
	char byte;

	begin();
	fd = open_client(false);
	send_text(fd, "GET /health HTTP/1.1\r\nX-Slow: ");
	usleep(50000);
	for (unsigned i = 0; i < 4; i++) {   /* never silent for long, and never done */
		clock_test_advance(9 * CLOCK_SEC);
		send_text(fd, "x");
	}
	CU_ASSERT_EQUAL(recv(fd, &byte, 1, 0), 0);
	close(fd);
	fd = open_client(false);             /* one that finishes requests may stay */
	for (unsigned i = 0; i < 4; i++) {
		send_text(fd, "GET /health HTTP/1.1\r\n" HOST "\r\n");
		CU_ASSERT_TRUE(read_answers(fd, 1, false) > 0);
		clock_test_advance(20 * CLOCK_SEC);
		usleep(10000);
	}
	close(fd);
	end();
}

static int64_t cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * CLOCK_SEC + ts.tv_nsec / 1000;
}

/* More connections than are taken: the rest waits, costs nothing meanwhile, and has its turn. */
static void test_many(void)
{
	enum { N = 90 };
	int fds[N];
	int64_t before;

	begin();
	for (unsigned i = 0; i < N; i++)
		fds[i] = open_client(true);
	usleep(100000);
	before = cpu_us();
	usleep(300000);
	CU_ASSERT_TRUE(cpu_us() - before < 150000);
	for (unsigned i = 0; i < N; i++) {
		send_text(fds[i], "GET /health HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
		read_answers(fds[i], 1, false);
		CU_ASSERT_TRUE(says("\"ok\""));
		close(fds[i]);
	}
	end();
}

/* ---- listening sockets ---- */

static struct admin *try_new(const struct admin_config *config, struct err *err)
{
	err->text[0] = 0;
	return admin_new(loop, config, &fakes->sources, err);
}

static void test_port_in_use(void)
{
	struct admin_config config;
	char want[128], text[ADDR_STR_LEN];
	struct err err;

	begin();
	config = config_of(true, "");
	CU_ASSERT_PTR_NULL(try_new(&config, &err));
	snprintf(want, sizeof want, "admin: cannot listen on %s: Address already in use", addr_str(&tcp, text));
	CU_ASSERT_STRING_EQUAL(err.text, want);
	addr_parse(&config.listen[0], "192.0.2.1", 8080);
	CU_ASSERT_PTR_NULL(try_new(&config, &err));
	CU_ASSERT_STRING_EQUAL(err.text, "admin: cannot listen on 192.0.2.1:8080: Cannot assign requested address");
	end();
}

static void test_socket_taken(void)
{
	struct admin_config config;
	char want[200];
	struct err err;

	begin();
	config = config_of(false, path);
	CU_ASSERT_PTR_NULL(try_new(&config, &err));
	snprintf(want, sizeof want, "admin: cannot listen on unix:%s: Address already in use", path);
	CU_ASSERT_STRING_EQUAL(err.text, want);
	CU_ASSERT_EQUAL(ask(true, "GET /health HTTP/1.1\r\n" HOST "\r\n"), 200);
	end();
}

/* After admin_free() the port is free again, and what was open is closed. */
static void test_free(void)
{
	struct admin_config config;
	struct err err;
	int fd;
	char byte;

	begin();
	fd = open_client(false);
	send_text(fd, "GET /health HTTP/1.1\r\n" HOST "\r\nPOST /v1/explain HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\n{");
	read_answers(fd, 1, false);
	loop_stop(loop);
	admin_free(admin);
	CU_ASSERT_TRUE(recv(fd, &byte, 1, 0) <= 0);
	close(fd);
	config = config_of(true, path);
	admin = try_new(&config, &err);
	CU_ASSERT_PTR_NOT_NULL(admin);
	end();
}

UNIT_MAIN("admin http",
	{"GET", test_get},
	{"HEAD", test_head},
	{"one connection, many requests", test_keep_alive},
	{"who asked", test_who},
	{"bodies, whole, in chunks and in pieces", test_body},
	{"bodies too large", test_large_body},
	{"rude clients", test_rude},
	{"slow clients are cut", test_slow},
	{"many clients wait their turn", test_many},
	{"a port in use", test_port_in_use},
	{"a socket somebody answers", test_socket_taken},
	{"the end", test_free})
