/* Listening sockets: the Unix socket's file from its making to its end, and errors in one line. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/listen.h"
#include "tests/unit/unit.h"

static char dir[64], path[100];

static void begin(void)
{
	snprintf(dir, sizeof dir, "/tmp/admin_listen_test.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/admin.sock", dir);
}

static void end(void)
{
	CU_ASSERT_EQUAL(access(path, F_OK), -1);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

static bool answers(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), r;

	snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
	r = connect(fd, (struct sockaddr *)&un, sizeof un);
	close(fd);
	return r == 0;
}

static void test_file(void)
{
	struct listen_file file;
	struct stat st;
	mode_t mask;
	int fd;

	begin();
	mask = umask(0077);
	fd = listen_unix(path, &file, NULL);
	umask(mask);
	CU_ASSERT_TRUE_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_TRUE(S_ISSOCK(st.st_mode));
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0660);
	CU_ASSERT_TRUE(answers());
	close(fd);
	listen_unlink(&file);
	end();
}

static void test_directory(void)
{
	char run[80], sock[100];
	struct listen_file file;
	struct stat st;
	struct err err;
	int fd;

	begin();
	snprintf(run, sizeof run, "%s/run", dir);
	snprintf(sock, sizeof sock, "%s/admin.sock", run);
	fd = listen_unix(sock, &file, NULL);
	CU_ASSERT_TRUE_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(stat(run, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0755);
	close(fd);
	listen_unlink(&file);
	CU_ASSERT_EQUAL(rmdir(run), 0);
	fd = listen_unix(sock, &file, NULL);   /* and once more, from nothing */
	CU_ASSERT_TRUE(fd >= 0);
	close(fd);
	listen_unlink(&file);
	CU_ASSERT_EQUAL(rmdir(run), 0);
	snprintf(sock, sizeof sock, "%s/no/such/admin.sock", dir);
	CU_ASSERT_EQUAL(listen_unix(sock, &file, &err), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "admin: cannot make the directory of unix:"));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "no/such/admin.sock: No such file or directory"));
	end();
}

static void test_long_path(void)
{
	struct listen_file file;
	struct err err;
	char text[200];

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	CU_ASSERT_EQUAL(listen_unix(text, &file, &err), -ENAMETOOLONG);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "has at most 107 bytes"));
}

/* A socket that somebody answers stays theirs. */
static void test_taken(void)
{
	struct listen_file file, other;
	struct err err;
	int fd;

	begin();
	fd = listen_unix(path, &file, NULL);
	CU_ASSERT_EQUAL(listen_unix(path, &other, &err), -EADDRINUSE);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "admin.sock: Address already in use"));
	CU_ASSERT_TRUE(answers());
	close(fd);
	listen_unlink(&file);
	end();
}

/* What a killed process leaves is replaced, and the dead one's file is not ours to know. */
static void test_stale(void)
{
	struct listen_file dead, file;
	int fd;

	begin();
	close(listen_unix(path, &dead, NULL));
	CU_ASSERT_EQUAL(access(path, F_OK), 0);
	CU_ASSERT_FALSE(answers());
	fd = listen_unix(path, &file, NULL);
	CU_ASSERT_TRUE(fd >= 0);
	CU_ASSERT_TRUE(answers());
	close(fd);
	listen_unlink(&file);
	end();
}

/* A file that is no socket is neither replaced nor removed. */
static void test_other_file(void)
{
	struct listen_file file;
	struct err err;
	int fd;

	begin();
	fd = listen_unix(path, &file, NULL);
	CU_ASSERT_EQUAL(unlink(path), 0);
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	close(fd);
	listen_unlink(&file);
	CU_ASSERT_EQUAL(access(path, F_OK), 0);
	CU_ASSERT_EQUAL(listen_unix(path, &file, &err), -EADDRINUSE);
	CU_ASSERT_EQUAL(unlink(path), 0);
	end();
}

static void test_tcp(void)
{
	socklen_t len = sizeof(struct sockaddr_in6);
	struct addr addr, bound;
	char want[128], text[ADDR_STR_LEN];
	struct err err;
	int fd;

	addr_parse(&addr, "127.0.0.1", 0);
	fd = listen_tcp(&addr, &err);
	CU_ASSERT_TRUE_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(getsockname(fd, &bound.sa, &len), 0);
	CU_ASSERT_EQUAL(listen_tcp(&bound, &err), -EADDRINUSE);
	snprintf(want, sizeof want, "admin: cannot listen on %s: Address already in use", addr_str(&bound, text));
	CU_ASSERT_STRING_EQUAL(err.text, want);
	close(fd);
	addr_parse(&addr, "192.0.2.1", 8080);
	CU_ASSERT_EQUAL(listen_tcp(&addr, &err), -EADDRNOTAVAIL);
	CU_ASSERT_STRING_EQUAL(err.text, "admin: cannot listen on 192.0.2.1:8080: Cannot assign requested address");
}

UNIT_MAIN("admin listen",
	{"the socket's file", test_file},
	{"the socket's directory", test_directory},
	{"a path too long", test_long_path},
	{"a socket somebody answers", test_taken},
	{"a socket nobody answers", test_stale},
	{"a file that is no socket", test_other_file},
	{"TCP", test_tcp})
