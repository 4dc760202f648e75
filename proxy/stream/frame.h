/* Messages out of a stream of bytes (RFC 3261 section 18.3): a message ends where its Content-Length says, which on a
 * stream has to be there (section 20.14). Between messages line ends are let pass, two of them are a ping that wants one
 * back (RFC 5626 section 4.4.1). Pure; no thread of its own. */
#ifndef PROXY_STREAM_FRAME_H
#define PROXY_STREAM_FRAME_H

#include <stddef.h>

enum frame_found {
	FRAME_MORE,              /* nothing whole yet: come again with what is there and more */
	FRAME_PING,              /* `used` bytes of line ends, to be answered by one */
	FRAME_BLANK,             /* `used` bytes of line ends between messages */
	FRAME_MESSAGE,           /* the first `used` bytes are a message */
	FRAME_BAD                /* no message can be told from here on: the connection is of no more use */
};

/* What is known of the message at the beginning of the buffer, so that bytes that trickle in are not looked at again and
 * again. {0} for a new stream and after each message. */
struct frame {
	size_t scanned;          /* no empty line ends before here */
	size_t whole;            /* the message's length once its head is there; 0: not known */
};

/* Looks at the `len` bytes of the stream that are not used yet. `most`: the longest message taken. FRAME_BAD gives its
 * reason in `why`, a static text. */
enum frame_found frame_next(struct frame *f, const char *data, size_t len, size_t most, size_t *used, const char **why);

#endif
