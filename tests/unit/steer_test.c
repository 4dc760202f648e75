/* Which worker's socket a datagram comes to, by the real kernel. */
#include "proxy/sip/steer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/addr.h"
#include "tests/unit/unit.h"

enum { WORKERS = 5, NONE = -1, BIG = 4000 };

static int sockets[WORKERS], sender = -1;
static struct addr to;

static void close_all(void)
{
	for (unsigned i = 0; i < WORKERS; i++)
		close(sockets[i]);
	close(sender);
}

/* As workers open them. Returns 0, or -1 where this host has no such address. */
static int open_all(const char *loopback)
{
	int one = 1;
	socklen_t len = sizeof to;
	addr_parse(&to, loopback, 0);
	sender = socket(addr_family(&to), SOCK_DGRAM, 0);
	for (unsigned i = 0; i < WORKERS; i++) {
		sockets[i] = socket(addr_family(&to), SOCK_DGRAM | SOCK_NONBLOCK, 0);
		setsockopt(sockets[i], SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
		if (bind(sockets[i], &to.sa, addr_len(&to)) < 0)
			return -1;
		getsockname(sockets[i], &to.sa, &len);
	}
	return 0;
}

/* False where it is not permitted: then there is nothing to see but that. */
static bool steered(void)
{
	int program = steer_load(WORKERS);
	if (program < 0) {
		CU_ASSERT_EQUAL(program, -EPERM);
		printf("(not permitted here) ");
		return false;
	}
	CU_ASSERT_EQUAL(steer_attach(program, sockets[0]), 0);
	close(program);
	return true;
}

/* The one socket that it came to. */
static int arrives(const char *data, size_t len)
{
	char got[BIG];
	int where = NONE, times = 0;
	CU_ASSERT_EQUAL(sendto(sender, data, len, 0, &to.sa, addr_len(&to)), (ssize_t)len);
	for (int i = 0; i < WORKERS; i++)
		while (recv(sockets[i], got, sizeof got, 0) >= 0) {
			where = i;
			times++;
		}
	CU_ASSERT_EQUAL(times, 1);
	return where;
}

/* `before` bytes of a header that comes first. */
static size_t message(char out[BIG], const char *start, int before, const char *name, const char *call_id)
{
	static char filling[BIG];
	memset(filling, 'a', sizeof filling - 1);
	return (size_t)snprintf(out, BIG, "%s\r\nVia: %.*s\r\n%s%s\r\nFrom: \"Call-ID\" <sip:a@b>\r\n\r\n",
	                        start, before, filling, name, call_id);
}

static void random_id(char out[201])
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.@:[]";
	int len = 1 + rand() % 200;
	for (int i = 0; i < len; i++)
		out[i] = letters[rand() % (int)(sizeof letters - 1)];
	out[len] = 0;
}

static void come_to_their_owners(const char *loopback)
{
	static const char *names[] = {"Call-ID: ", "Call-ID:", "CALL-ID: ", "call-id: ", "i: ", "I:"};
	char data[BIG], id[201];
	if (open_all(loopback) == 0 && steered()) {
		unsigned seen[WORKERS] = {0};
		for (int i = 0; i < 3000; i++) {
			random_id(id);
			const char *start = i % 2 ? "SIP/2.0 180 Ringing" : "INVITE sip:a@b SIP/2.0";
			size_t len = message(data, start, rand() % 1200, names[i % 6], id);
			unsigned owner = steer_owner(id, strlen(id), WORKERS);
			CU_ASSERT_EQUAL(arrives(data, len), (int)owner);
			seen[owner]++;
		}
		for (unsigned i = 0; i < WORKERS; i++)
			CU_ASSERT(seen[i] > 400);
	}
	close_all();
}

static void test_owners(void) { come_to_their_owners("127.0.0.1"); }
static void test_owners_ipv6(void) { come_to_their_owners("::1"); }

/* It comes to some worker, and no harm is done. */
static void test_not_found(void)
{
	char data[BIG], id[401];
	memset(id, 'x', 400);
	id[400] = 0;
	if (open_all("127.0.0.1") == 0 && steered()) {
		for (size_t len = 0; len < 40; len++)
			CU_ASSERT_NOT_EQUAL(arrives("\r\n\r\nCall-ID:\r\n\r\nCall-ID: \r\ni:\r\ni: \n\n\n\n\n\n\n\n", len), NONE);
		CU_ASSERT_NOT_EQUAL(arrives(data, message(data, "OPTIONS sip:a@b SIP/2.0", 1600, "Call-ID: ", "far")), NONE);
		for (int before = 1400; before < 1700; before++)
			CU_ASSERT_NOT_EQUAL(arrives(data, message(data, "OPTIONS sip:a@b SIP/2.0", before, "Call-ID: ", id)), NONE);
		CU_ASSERT_NOT_EQUAL(arrives(data, message(data, "OPTIONS sip:a@b SIP/2.0", 3000, "Call-ID: ", "far")), NONE);
		memset(data, '\n', sizeof data);
		CU_ASSERT_NOT_EQUAL(arrives(data, 3000), NONE);
	}
	close_all();
}

static void test_owner(void)
{
	unsigned seen[3] = {0};
	char id[24];
	for (int i = 0; i < 3000; i++) {
		int len = snprintf(id, sizeof id, "%d-1234@192.0.2.2", i);
		CU_ASSERT_EQUAL(steer_owner(id, (size_t)len, 1), 0);
		seen[steer_owner(id, (size_t)len, 3)]++;
	}
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT(seen[i] > 900 && seen[i] < 1100);
}

/* Nobody's user, and no capability: an error, or a kernel that lets everybody. */
static void test_not_permitted(void)
{
	pid_t child = fork();
	if (child == 0) {
		if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
			_exit(2);
		int rc = steer_load(2);
		_exit(rc == -EPERM || rc >= 0 ? 0 : 1);
	}
	int status = -1;
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

UNIT_MAIN("steer", {"a Call-ID has one owner, and owners have alike many", test_owner},
          {"datagrams come to their owners", test_owners},
          {"by IPv6 as well", test_owners_ipv6},
          {"what is not found comes to somebody", test_not_found},
          {"where it is not permitted", test_not_permitted})
