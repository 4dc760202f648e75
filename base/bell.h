/* Wakes a thread that sleeps in its loop when there is something for it: an eventfd that is written once however often
 * it is rung before it is answered. Work is put where the other finds it first, then the bell is rung; who hears it
 * answers first, then looks for work until there is none. So no work is left lying, whatever comes between. */
#ifndef BASE_BELL_H
#define BASE_BELL_H

#include <stdatomic.h>
#include <stdbool.h>

struct bell {
	int fd;                  /* readable while it rings: for the loop */
	_Atomic bool rung;
};

/* 0, or a negative errno. */
int bell_init(struct bell *bell);
void bell_free(struct bell *bell);  /* also one that is {.fd = -1} */
/* Any thread. */
void bell_ring(struct bell *bell);
/* The thread that is woken. */
void bell_answer(struct bell *bell);

#endif
