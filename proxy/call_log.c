/* The log thread: see call_log.h. */
#include "proxy/call_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/json_writer.h"
#include "base/log.h"
#include "base/loop.h"
#include "proxy/record.h"

#define RING_BYTES (4u << 20)
#define TURN_MS 100
#define LOOK_TURNS 10          /* look whether the file was moved, every second */
#define CHUNK_BYTES (256 * 1024)

struct call_log {
	struct loop *loop;
	struct event *turn;
	struct ring **rings;
	unsigned n_rings;
	int fd;
	dev_t dev;
	ino_t ino;
	unsigned turns;
	bool mask;
	char path[256], node_id[64];
	struct jw out;
	unsigned out_records;
	struct log_limit limit;
	_Atomic uint64_t lost;
};

static int open_file(struct call_log *log)
{
	struct stat st;
	int fd = open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0) {
		close(fd);
		return -EIO;
	}
	if (log->fd >= 0)
		close(log->fd);
	log->fd = fd;
	log->dev = st.st_dev;
	log->ino = st.st_ino;
	return 0;
}

static void complain(struct call_log *log, int e)
{
	uint64_t more;
	if (log_allowed(&log->limit, 2, &more))
		log_error("call log %s: %s; calls go on, their records are lost and counted", log->path, strerror(e));
}

static void write_out(struct call_log *log)
{
	const char *p = log->out.data;
	size_t left = log->out.len;
	while (left && log->fd >= 0) {
		ssize_t n = write(log->fd, p, left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			complain(log, n < 0 ? errno : EIO);
			break;
		}
		p += n;
		left -= (size_t)n;
	}
	if (left || log->out.bad)
		atomic_fetch_add_explicit(&log->lost, log->out_records, memory_order_relaxed);
	log->out_records = 0;
	jw_reset(&log->out);
}

static void take(struct call_log *log, const struct record *r)
{
	if (r->kind == RECORD_LINE) {
		dprintf(STDERR_FILENO, "%.*s\n", (int)r->call_id_len, (const char *)(r + 1));  /* has its time and level */
		return;
	}
	record_json(&log->out, r, log->node_id, log->mask);
	record_done(r);
	log->out_records++;
	if (log->out.len >= CHUNK_BYTES)
		write_out(log);
}

static void drain(struct call_log *log)
{
	const void *r;
	size_t len;
	for (unsigned i = 0; i < log->n_rings; i++)
		while ((r = ring_peek(log->rings[i], &len))) {
			take(log, r);
			ring_release(log->rings[i]);
		}
	if (log->out.len)
		write_out(log);
}

static void look_at_file(struct call_log *log)
{
	struct stat st;
	if (!*log->path || (log->fd >= 0 && stat(log->path, &st) == 0 && st.st_dev == log->dev && st.st_ino == log->ino))
		return;
	int rc = open_file(log);
	if (rc)
		complain(log, -rc);
	else
		log_info("call log %s opened anew", log->path);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct call_log *log = arg;
	(void)fd;
	(void)what;
	drain(log);
	if (++log->turns % LOOK_TURNS == 0)
		look_at_file(log);
}

static int make_rings(struct call_log *log, unsigned n)
{
	log->rings = calloc(n, sizeof *log->rings);
	if (!log->rings)
		return -ENOMEM;
	for (; log->n_rings < n; log->n_rings++)
		if (!(log->rings[log->n_rings] = ring_new(RING_BYTES)))
			return -ENOMEM;
	return 0;
}

struct call_log *call_log_new(const char *path, const char *node_id, bool mask_numbers, unsigned n_rings,
                              struct err *err)
{
	struct call_log *log = calloc(1, sizeof *log);
	int rc = log ? 0 : -ENOMEM;
	if (!log)
		goto fail;
	log->fd = -1;
	log->mask = mask_numbers;
	snprintf(log->path, sizeof log->path, "%s", path);
	snprintf(log->node_id, sizeof log->node_id, "%s", node_id);
	jw_init(&log->out);
	log->loop = loop_new("log");
	if (!log->loop || make_rings(log, n_rings)) {
		rc = -ENOMEM;
		goto fail;
	}
	if (*path && (rc = open_file(log)))
		goto fail;
	return log;
fail:
	err_sys(err, -rc, "call log %s", path);
	call_log_free(log);
	return NULL;
}

int call_log_start(struct call_log *log)
{
	struct timeval every = {0, TURN_MS * 1000};
	log->turn = event_new(loop_base(log->loop), -1, EV_PERSIST, on_turn, log);
	if (!log->turn || event_add(log->turn, &every))
		return -ENOMEM;
	return loop_start(log->loop);
}

void call_log_stop(struct call_log *log)
{
	loop_stop(log->loop);
	drain(log);
}

void call_log_free(struct call_log *log)
{
	if (!log)
		return;
	if (log->turn)
		event_free(log->turn);
	if (log->loop)
		loop_free(log->loop);
	for (unsigned i = 0; i < log->n_rings; i++)
		ring_free(log->rings[i]);
	free(log->rings);
	if (log->fd >= 0)
		close(log->fd);
	jw_free(&log->out);
	free(log);
}

struct ring *call_log_ring(struct call_log *log, unsigned i) { return log->rings[i]; }
bool call_log_wanted(const struct call_log *log) { return log->path[0] != 0; }
uint64_t call_log_lost(const struct call_log *log) { return atomic_load_explicit(&log->lost, memory_order_relaxed); }
