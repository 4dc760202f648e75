/* base/loop: posting, calling, breaking, freeing; from several threads at once. */
#include "base/loop.h"

#include "base/clock.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void nap_ms(unsigned ms)
{
	usleep(ms * 1000);
}

struct seen {
	pthread_t thread;
	char name[16];
	sigset_t blocked;
};

static void look(void *arg)
{
	struct seen *seen = arg;
	seen->thread = pthread_self();
	pthread_getname_np(pthread_self(), seen->name, sizeof(seen->name));
	pthread_sigmask(SIG_BLOCK, NULL, &seen->blocked);
}

static void test_call(void)
{
	struct loop *loop = loop_new("a-name-much-too-long");
	struct seen seen;
	sigset_t mine;
	CU_ASSERT_STRING_EQUAL(loop_name(loop), "a-name-much-too");
	CU_ASSERT_PTR_NOT_NULL(loop_base(loop));
	CU_ASSERT_EQUAL(loop_start(loop), 0);
	CU_ASSERT_EQUAL(loop_call(loop, look, &seen, 5000), 0);
	CU_ASSERT(!pthread_equal(seen.thread, pthread_self()));
	CU_ASSERT_STRING_EQUAL(seen.name, "a-name-much-too");
	CU_ASSERT(sigismember(&seen.blocked, SIGTERM) && sigismember(&seen.blocked, SIGHUP));
	pthread_sigmask(SIG_BLOCK, NULL, &mine);
	CU_ASSERT(!sigismember(&mine, SIGTERM));
	loop_stop(loop);
	loop_stop(loop);  /* once more is nothing */
	loop_free(loop);
	loop_free(NULL);
}

/* Four threads post numbered letters; each thread's must arrive in its order. */

#define POSTERS 4
#define LETTERS 5000

struct letter_no {
	struct poster *poster;
	unsigned no;
};

struct poster {
	struct loop *loop;
	pthread_t thread;
	unsigned next;  /* the loop's */
	unsigned wrong;
	struct letter_no letters[LETTERS];
};

static void on_letter(void *arg)
{
	struct letter_no *letter = arg;
	letter->poster->wrong += letter->no != letter->poster->next;
	letter->poster->next++;
}

static void *post_all(void *arg)
{
	struct poster *poster = arg;
	for (unsigned i = 0; i < LETTERS; i++) {
		poster->letters[i] = (struct letter_no){poster, i};
		if (loop_post(poster->loop, on_letter, &poster->letters[i]))
			abort();
	}
	return NULL;
}

static void nothing(void *arg)
{
}

static void test_post_order(void)
{
	struct loop *loop = loop_new("post");
	struct poster *posters = calloc(POSTERS, sizeof(*posters));
	CU_ASSERT_EQUAL_FATAL(loop_start(loop), 0);
	for (int i = 0; i < POSTERS; i++) {
		posters[i].loop = loop;
		CU_ASSERT_FATAL(!pthread_create(&posters[i].thread, NULL, post_all, &posters[i]));
	}
	for (int i = 0; i < POSTERS; i++)
		pthread_join(posters[i].thread, NULL);
	CU_ASSERT_EQUAL(loop_call(loop, nothing, NULL, 5000), 0);  /* behind all of them */
	for (int i = 0; i < POSTERS; i++) {
		CU_ASSERT_EQUAL(posters[i].next, LETTERS);
		CU_ASSERT_EQUAL(posters[i].wrong, 0);
	}
	loop_stop(loop);
	loop_free(loop);
	free(posters);
}

static atomic_bool blocking;

static void block(void *arg)
{
	atomic_store(&blocking, true);
	nap_ms(150);
	atomic_fetch_add((atomic_int *)arg, 1);
}

static void count(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
}

static void test_call_timeout(void)
{
	struct loop *loop = loop_new("slow");
	static atomic_int blocked, counted;
	CU_ASSERT_EQUAL_FATAL(loop_start(loop), 0);
	CU_ASSERT_EQUAL(loop_post(loop, block, &blocked), 0);
	int64_t before = clock_us();
	CU_ASSERT_EQUAL(loop_call(loop, count, &counted, 20), -ETIMEDOUT);
	CU_ASSERT(clock_us() - before >= 20 * CLOCK_MS);
	CU_ASSERT_EQUAL(loop_call(loop, nothing, NULL, 5000), 0);
	CU_ASSERT_EQUAL(atomic_load(&counted), 1);  /* late, but called */
	CU_ASSERT_EQUAL(atomic_load(&blocked), 1);
	CU_ASSERT_EQUAL(loop_call(loop, nothing, NULL, 1234), 0);
	loop_stop(loop);
	loop_free(loop);
}

static void test_not_started(void)
{
	struct loop *loop = loop_new("idle");
	static atomic_int counted;
	CU_ASSERT_EQUAL(loop_heartbeat_us(loop), 0);
	CU_ASSERT_EQUAL(loop_post(loop, count, &counted), 0);
	CU_ASSERT_EQUAL(loop_call(loop, count, &counted, 1), -ETIMEDOUT);
	CU_ASSERT_EQUAL(atomic_load(&counted), 0);
	loop_stop(loop);
	loop_free(loop);
	CU_ASSERT_EQUAL(atomic_load(&counted), 2);  /* what was left is run */
}

struct relay {
	struct loop *loop;
	int left;
};

static void repost(void *arg)
{
	struct relay *relay = arg;
	if (relay->left-- > 0)
		loop_post(relay->loop, repost, relay);
}

static void test_free_runs_reposted(void)
{
	struct relay relay = {loop_new("relay"), 10};
	loop_post(relay.loop, repost, &relay);
	loop_free(relay.loop);
	CU_ASSERT_EQUAL(relay.left, -1);
}

static void break_it(void *arg)
{
	loop_break(arg);
}

static void test_run_here(void)
{
	struct loop *loop = loop_new("main");
	atomic_int counted = 0;
	for (int turn = 0; turn < 3; turn++) {
		CU_ASSERT_EQUAL(loop_post(loop, break_it, loop), 0);
		CU_ASSERT_EQUAL(loop_post(loop, count, &counted), 0);
		loop_run(loop);
		CU_ASSERT_EQUAL(atomic_load(&counted), turn + 1);
	}
	loop_break(loop);  /* before the run: the run ends at once */
	loop_run(loop);
	loop_free(loop);
}

static void *break_later(void *arg)
{
	nap_ms(30);
	loop_break(arg);
	return NULL;
}

static void test_break_from_elsewhere(void)
{
	struct loop *loop = loop_new("main");
	pthread_t thread;
	CU_ASSERT_FATAL(!pthread_create(&thread, NULL, break_later, loop));
	loop_run(loop);
	pthread_join(thread, NULL);
	loop_free(loop);
}

static void test_heartbeat(void)
{
	struct loop *loop = loop_new("beat");
	static atomic_int blocked;
	atomic_store(&blocking, false);
	CU_ASSERT_EQUAL_FATAL(loop_start(loop), 0);
	CU_ASSERT_EQUAL(loop_call(loop, nothing, NULL, 5000), 0);
	nap_ms(20);
	int64_t first = loop_heartbeat_us(loop);
	CU_ASSERT(first > 0 && first <= clock_us());
	for (int i = 0; i < 100 && loop_heartbeat_us(loop) == first; i++)
		nap_ms(20);
	int64_t second = loop_heartbeat_us(loop);
	CU_ASSERT(second > first);
	/* a loop that is stuck does not beat */
	loop_post(loop, block, &blocked);
	for (int i = 0; i < 1000 && !atomic_load(&blocking); i++)
		nap_ms(1);
	int64_t stuck = loop_heartbeat_us(loop);
	nap_ms(110);
	int64_t still = loop_heartbeat_us(loop);
	CU_ASSERT(atomic_load(&blocked) || still == stuck);
	loop_stop(loop);
	loop_free(loop);
}

struct pieces { struct loop *loop; bool hurry; atomic_int taken; };

/* One piece of many a turn, as a connection is read. */
static void take_piece(evutil_socket_t fd, short what, void *arg)
{
	struct pieces *p = arg;
	uint64_t one;
	(void)what;
	if (read(fd, &one, sizeof one) != sizeof one)
		return;
	atomic_fetch_add(&p->taken, 1);
	if (p->hurry)
		loop_hurry(p->loop);
}

/* So many are taken in `ms`, or as soon as it is all of them. */
static int pieces_taken(bool hurry, int all, unsigned ms)
{
	struct pieces p = {.loop = loop_new("gather"), .hurry = hurry};
	int fd = eventfd((unsigned)all, EFD_NONBLOCK | EFD_SEMAPHORE);
	struct event *event = event_new(loop_base(p.loop), fd, EV_READ | EV_PERSIST, take_piece, &p);
	event_add(event, NULL);
	loop_set_gather(p.loop, 50000);
	CU_ASSERT_EQUAL_FATAL(loop_start(p.loop), 0);
	for (unsigned waited = 0; waited < ms && atomic_load(&p.taken) < all; waited += 5)
		nap_ms(5);
	loop_stop(p.loop);
	int taken = atomic_load(&p.taken);
	event_free(event);
	loop_free(p.loop);
	close(fd);
	return taken;
}

static void test_gather(void)
{
	/* a turn in 50 ms, which a slow machine may make longer, never shorter */
	int64_t before = clock_us();
	int taken = pieces_taken(false, 1000, 300);
	CU_ASSERT(taken > 0 && taken <= (clock_us() - before) / 50000 + 3);
	/* what can be done at once is not kept waiting: it would take 50 s */
	CU_ASSERT_EQUAL(pieces_taken(true, 1000, 20000), 1000);
}

UNIT_MAIN("loop", {"a call runs on the loop's thread", test_call}, {"letters keep their order", test_post_order},
	  {"a call that times out", test_call_timeout}, {"a loop never started", test_not_started},
	  {"what a last letter posts is run", test_free_runs_reposted}, {"runs on this thread", test_run_here},
	  {"is broken from another thread", test_break_from_elsewhere}, {"beats", test_heartbeat},
	  {"gathers what comes densely, and hurries where it is asked to", test_gather})
