/* Listening sockets, made here and handed to libmicrohttpd, so that a failure is one line that names
 * the address, and so that the Unix socket's file is as its owner wants it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/listen.h"

#define BACKLOG 64

int listen_tcp(const struct addr *addr, struct err *err)
{
	char text[ADDR_STR_LEN];
	int on = 1, r;
	int fd = socket(addr_family(addr), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		goto fail;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
		goto fail;
	if (addr_family(addr) == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0)
		goto fail;
	if (bind(fd, &addr->sa, addr_len(addr)) < 0 || listen(fd, BACKLOG) < 0)
		goto fail;
	return fd;
fail:
	r = err_sys(err, errno, "admin: cannot listen on %s", addr_str(addr, text));
	if (fd >= 0)
		close(fd);
	return r;
}

/* The directory of `path`, if it is missing; its parent has to be there. */
static int make_directory(const char *path)
{
	char dir[108];
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return 0;
	snprintf(dir, sizeof dir, "%.*s", (int)(slash - path), path);
	return mkdir(dir, 0755) == 0 || errno == EEXIST ? 0 : -errno;
}

/* Whether the file at the address is a socket that nobody answers: what a killed process leaves. */
static bool is_stale(const struct sockaddr_un *un)
{
	struct stat st;
	bool refused;
	int fd;

	if (lstat(un->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	refused = connect(fd, (const struct sockaddr *)un, sizeof *un) < 0 && errno == ECONNREFUSED;
	close(fd);
	return refused;
}

static int bind_unix(int fd, const struct sockaddr_un *un)
{
	if (bind(fd, (const struct sockaddr *)un, sizeof *un) == 0)
		return 0;
	if (errno != EADDRINUSE || !is_stale(un))
		return -errno;
	if (unlink(un->sun_path) < 0)
		return -errno;
	return bind(fd, (const struct sockaddr *)un, sizeof *un) == 0 ? 0 : -errno;
}

int listen_unix(const char *path, struct listen_file *file, struct err *err)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct stat st;
	int fd, r;

	if (strlen(path) >= sizeof un.sun_path)
		return err_set(err, ENAMETOOLONG, "admin: the path of a Unix socket has at most %zu bytes: unix:%s",
		               sizeof un.sun_path - 1, path);
	snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
	r = make_directory(path);
	if (r < 0)
		return err_sys(err, -r, "admin: cannot make the directory of unix:%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(err, errno, "admin: cannot listen on unix:%s", path);
	/* The mode before the name, so that the file is never open to more than its mode says; bind()
	 * takes the umask's bits away, chmod() gives them back. */
	r = fchmod(fd, 0660) < 0 ? -errno : bind_unix(fd, &un);
	if (r == 0 && (chmod(path, 0660) < 0 || listen(fd, BACKLOG) < 0 || lstat(path, &st) < 0))
		r = -errno;
	if (r < 0) {
		close(fd);
		return err_sys(err, -r, "admin: cannot listen on unix:%s", path);
	}
	*file = (struct listen_file){.dev = st.st_dev, .ino = st.st_ino};
	snprintf(file->path, sizeof file->path, "%s", path);
	return fd;
}

void listen_unlink(const struct listen_file *file)
{
	struct stat st;

	if (lstat(file->path, &st) == 0 && st.st_dev == file->dev && st.st_ino == file->ino)
		unlink(file->path);
}
