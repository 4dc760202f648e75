/* Requests that wait for a name: see held.h. They look for themselves whether it is there by now. */
#include "proxy/held.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "proxy/dialog.h"

#define LOOK_US (20 * CLOCK_MS)
#define WAIT_US (5 * CLOCK_SEC)      /* DNS has had its time by then, and the sender repeats it */

struct held {
	struct held *next;
	struct worker *w;
	struct timer timer;
	int64_t until_us;
	struct sip_path path;
	struct addr source;
	size_t len;
	char data[];
};

static void leave(struct held *h)
{
	struct held **at = &h->w->held;
	while (*at != h)
		at = &(*at)->next;
	*at = h->next;
	h->w->n_held--;
	free(h);
}

/* The parser may write into the text: each time into another. */
static void serve(struct held *h)
{
	char *text = malloc(h->len + 1);
	struct sip_msg m;
	const char *why;
	if (!text)
		return;
	memcpy(text, h->data, h->len);
	if (sip_parse(&m, text, h->len, &why) == SIP_PARSED)
		dialog_again(h->w, &m, &h->path, &h->source, h);
	sip_release(&m);
	free(text);
}

static void on_look(struct timer *timer)
{
	struct held *h = (struct held *)(void *)((char *)timer - offsetof(struct held, timer));
	serve(h);
	if (!timer_running(&h->timer))
		leave(h);
}

static void look_soon(struct held *h) { timer_start(h->w->wheel, &h->timer, on_look, worker_now(h->w), LOOK_US); }

bool held_keep(struct worker *w, struct held *h, const struct sip_msg *m, const struct sip_path *path, const struct addr *source)
{
	if (h) {
		if (worker_now(w) >= h->until_us)
			return false;
		look_soon(h);
		return true;
	}
	h = w->n_held < HELD_MAX ? calloc(1, sizeof *h + m->len) : NULL;
	if (!h)
		return false;
	h->w = w;
	h->until_us = worker_now(w) + WAIT_US;
	h->path = *path;
	h->source = *source;
	h->len = m->len;
	memcpy(h->data, m->data, m->len);
	h->next = w->held;
	w->held = h;
	w->n_held++;
	stats_inc(&w->stats, STAT_NAME_WAITS);
	look_soon(h);
	return true;
}

void held_drop(struct worker *w)
{
	while (w->held) {
		timer_stop(w->wheel, &w->held->timer);
		leave(w->held);
	}
}
