/* Listening sockets of the admin API. Control thread. */
#ifndef ADMIN_LISTEN_H
#define ADMIN_LISTEN_H

#include <sys/stat.h>

#include "base/addr.h"
#include "base/err.h"

/* A listening TCP socket, non-blocking, or a negative errno and `err`. */
int listen_tcp(const struct addr *addr, struct err *err);

/* The file behind a Unix socket, to know it again when it is to be removed. */
struct listen_file {
	char path[108];
	dev_t dev;
	ino_t ino;
};

/* A listening Unix socket at `path`, mode 0660; its directory is made if missing, a socket that nobody
 * answers is replaced. Fills *file. Returns the descriptor, or a negative errno and `err`. */
int listen_unix(const char *path, struct listen_file *file, struct err *err);
/* Removes the socket's file, unless somebody else has put another there. */
void listen_unlink(const struct listen_file *file);

#endif
