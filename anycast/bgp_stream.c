/* Framing and buffers of one BGP connection. See bgp_stream.h; the anycast thread, which owns it.
 *
 * Input is kept until a message is whole, wherever TCP has cut it; one turn takes a bounded amount, so
 * that one busy peer does not keep the others, or a timer, waiting. */
#include "anycast/bgp_stream.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READS_A_TURN = 4, DISCARDS = 64 };

struct bgp_stream {
	int fd;
	bool connecting, stopped;      /* stopped: no more reading */
	struct event *readable, *writable;
	const struct bgp_stream_ops *ops;
	void *arg;
	bool *freed;                   /* of the callback under way: tells it that we are gone */
	size_t max;                    /* longest message allowed */
	size_t in_len, out_len;
	size_t head_left;              /* of the message that is partly sent; 0: out[] begins with a header */
	uint8_t in[BGP_MSG_MAX_EXTENDED];
	uint8_t out[BGP_STREAM_OUT_MAX];
};

/* Runs a callback; the stream is gone afterwards if this is true. */
#define CALLBACK_FREED(s, call) __extension__ ({ \
	bool gone_ = false, *outer_ = (s)->freed; \
	(s)->freed = &gone_; \
	call; \
	if (!gone_) \
		(s)->freed = outer_; \
	else if (outer_) \
		*outer_ = true; \
	gone_; })

/* The messages that are whole. True when the stream is gone. */
static bool take_messages(struct bgp_stream *s)
{
	size_t at = 0;

	while (!s->stopped) {
		enum bgp_msg_type type;
		struct bgp_error error;
		const uint8_t *body;
		int n = bgp_msg_frame(s->in + at, s->in_len - at, s->max, &type, &error);

		if (n == -EAGAIN)
			break;
		if (n < 0) {
			s->stopped = true;
			event_del(s->readable);
			return CALLBACK_FREED(s, s->ops->malformed(s->arg, &error));
		}
		body = s->in + at + BGP_HEADER_LEN;
		at += (size_t)n;
		if (CALLBACK_FREED(s, s->ops->message(s->arg, type, body, (size_t)n - BGP_HEADER_LEN)))
			return true;
	}
	memmove(s->in, s->in + at, s->in_len - at);
	s->in_len -= at;
	return false;
}

void bgp_stream_poll(struct bgp_stream *s)
{
	for (int i = 0; i < READS_A_TURN && !s->stopped && !s->connecting; i++) {
		/* a message never fills the buffer without being taken: there is always room */
		ssize_t n = recv(s->fd, s->in + s->in_len, sizeof s->in - s->in_len, MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			s->stopped = true;
			event_del(s->readable);
			s->ops->failed(s->arg, n < 0 ? errno : 0);
			return;
		}
		s->in_len += (size_t)n;
		if (take_messages(s))
			return;
	}
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	bgp_stream_poll(arg);
}

static size_t message_length(const uint8_t *header) { return (size_t)header[16] << 8 | header[17]; }

/* How many messages end in the first n bytes of out[], which are sent. */
static unsigned whole_messages(struct bgp_stream *s, size_t n)
{
	unsigned whole = 0;

	for (size_t at = 0; at < n;) {
		size_t left = s->head_left ? s->head_left : message_length(s->out + at), take = left < n - at ? left : n - at;

		at += take;
		s->head_left = left - take;
		whole += s->head_left == 0;
	}
	return whole;
}

/* An error of sending is left to reading, which sees it too, and after what the peer said last. */
static unsigned flush(struct bgp_stream *s)
{
	size_t at = 0;
	unsigned whole;

	while (at < s->out_len) {
		ssize_t n = send(s->fd, s->out + at, s->out_len - at, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n <= 0)
			break;
		at += (size_t)n;
	}
	whole = whole_messages(s, at);
	memmove(s->out, s->out + at, s->out_len - at);
	s->out_len -= at;
	return whole;
}

static void on_connected(struct bgp_stream *s)
{
	int error = 0;
	socklen_t len = sizeof error;

	s->connecting = false;
	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len))
		error = errno;
	if (error) {
		s->stopped = true;
		s->ops->failed(s->arg, error);
		return;
	}
	event_add(s->readable, NULL);
	s->ops->connected(s->arg);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct bgp_stream *s = arg;

	if (s->connecting) {
		on_connected(s);
		return;
	}
	if (flush(s) > 0)
		s->ops->sent(s->arg);
	if (s->out_len > 0)
		event_add(s->writable, NULL);
	else
		s->ops->drained(s->arg);
}

struct bgp_stream *bgp_stream_new(struct event_base *base, int fd, bool connecting, const struct bgp_stream_ops *ops,
                                  void *arg)
{
	struct bgp_stream *s = malloc(sizeof *s);

	if (!s) {
		close(fd);
		return NULL;
	}
	memset(s, 0, offsetof(struct bgp_stream, in));  /* the buffers need no zeroes */
	s->fd = fd;
	s->connecting = connecting;
	s->ops = ops;
	s->arg = arg;
	s->max = BGP_MSG_MAX;
	s->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, s);
	s->writable = event_new(base, fd, EV_WRITE, on_writable, s);
	if (!s->readable || !s->writable || event_add(connecting ? s->writable : s->readable, NULL)) {
		bgp_stream_free(s);
		return NULL;
	}
	return s;
}

void bgp_stream_free(struct bgp_stream *s)
{
	char scrap[4096];

	if (!s)
		return;
	if (s->freed)
		*s->freed = true;
	if (!s->connecting) {
		flush(s);
		shutdown(s->fd, SHUT_WR);
		/* bytes left unread would make close() send a reset, which can overtake our last words */
		for (int i = 0; i < DISCARDS && recv(s->fd, scrap, sizeof scrap, MSG_DONTWAIT) > 0; i++)
			;
	}
	if (s->readable)
		event_free(s->readable);
	if (s->writable)
		event_free(s->writable);
	close(s->fd);
	free(s);
}

void bgp_stream_allow_extended(struct bgp_stream *s)
{
	s->max = BGP_MSG_MAX_EXTENDED;
}

int bgp_stream_send(struct bgp_stream *s, const void *data, size_t len)
{
	if (len > sizeof s->out - s->out_len)
		return -ENOBUFS;
	memcpy(s->out + s->out_len, data, len);
	s->out_len += len;
	flush(s);
	if (s->out_len > 0)
		event_add(s->writable, NULL);
	return 0;
}

size_t bgp_stream_unsent(const struct bgp_stream *s)
{
	return s->out_len;
}

int bgp_stream_fd(const struct bgp_stream *s)
{
	return s->fd;
}
