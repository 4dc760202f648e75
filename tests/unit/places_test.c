/* proxy/places: what a lookup found, in the slots of a name; what is known of an address stays with it. */
#include "proxy/places.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "tests/unit/unit.h"

static struct target slots[3];
static struct target *const all[3] = {&slots[0], &slots[1], &slots[2]};

static void set_up(void)
{
	clock_test_set(1000 * CLOCK_SEC, 2000 * CLOCK_SEC);
	for (unsigned i = 0; i < 3; i++)
		target_init(&slots[i], &(struct proxy_target_config){.uri = "sip:a.example", .host = "a.example", .port = 5060}, i);
}

static struct target_place place(const char *address, enum sip_transport transport, uint32_t priority)
{
	struct target_place p = {.transport = transport, .priority = priority, .weight = 1};
	CU_ASSERT_EQUAL_FATAL(addr_parse_port(&p.address, address), 0);
	return p;
}

static void add(struct places *s, const char *address, enum sip_transport transport, uint32_t priority)
{
	struct target_place p = place(address, transport, priority);
	places_add(s, &p);
}

static bool at(unsigned slot, const char *address, enum sip_transport transport)
{
	struct target_place p, want = place(address, transport, 0);
	return target_place(&slots[slot], &p) && target_place_same(&p, &want);
}

static bool nowhere(unsigned slot)
{
	struct target_place p;
	return !target_place(&slots[slot], &p);
}

static void test_stay(void)
{
	struct places s = {.n = 0}, t = {.n = 0};
	set_up();
	add(&s, "192.0.2.1:5060", SIP_UDP, 0);
	add(&s, "192.0.2.2:5060", SIP_UDP, 0);
	add(&s, "192.0.2.1:5060", SIP_UDP, 7);   /* once is enough */
	CU_ASSERT_EQUAL(s.n, 2);
	places_take(&s, all, 3, 60, PLACES_BOTH);
	CU_ASSERT(at(0, "192.0.2.1:5060", SIP_UDP) && at(1, "192.0.2.2:5060", SIP_UDP) && nowhere(2));
	CU_ASSERT_EQUAL(slots[0].expires_us, clock_us() + 60 * CLOCK_SEC);
	target_set_health(&slots[0], true, "");
	target_set_health(&slots[1], true, "");
	/* the other way round, one gone, one new, another priority */
	add(&t, "192.0.2.3:5060", SIP_UDP, 9);
	add(&t, "192.0.2.2:5060", SIP_UDP, 5);
	places_take(&t, all, 3, 60, PLACES_BOTH);
	CU_ASSERT(at(0, "192.0.2.3:5060", SIP_UDP) && at(1, "192.0.2.2:5060", SIP_UDP) && nowhere(2));
	CU_ASSERT_FALSE(slots[0].healthy);
	CU_ASSERT(slots[1].healthy);
	CU_ASSERT_EQUAL(slots[1].priority, 5);
	t.n = 0;
	places_take(&t, all, 3, 0, PLACES_BOTH);
	CU_ASSERT(nowhere(0) && nowhere(1) && nowhere(2));
	CU_ASSERT_FALSE(slots[1].healthy);
}

/* By another transport it is another target, of which nothing is known. */
static void test_transport(void)
{
	struct places s = {.n = 0}, t = {.n = 0};
	set_up();
	add(&s, "192.0.2.1:5060", SIP_UDP, 0);
	places_take(&s, all, 3, 60, PLACES_BOTH);
	target_set_health(&slots[0], true, "");
	add(&t, "192.0.2.1:5060", SIP_TCP, 0);
	places_take(&t, all, 3, 60, PLACES_BOTH);
	CU_ASSERT(at(0, "192.0.2.1:5060", SIP_TCP) && nowhere(1));
	CU_ASSERT_FALSE(slots[0].healthy);
}

/* A lookup that failed in part has not said that the others are gone. */
static void test_partial(void)
{
	struct places s = {.n = 0}, t = {.n = 0};
	set_up();
	add(&s, "192.0.2.1:5060", SIP_UDP, 0);
	add(&s, "192.0.2.2:5060", SIP_UDP, 0);
	places_take(&s, all, 3, 60, PLACES_BOTH);
	add(&t, "192.0.2.3:5060", SIP_UDP, 0);
	add(&t, "192.0.2.4:5060", SIP_UDP, 0);
	places_take(&t, all, 3, 60, 0);
	CU_ASSERT(at(0, "192.0.2.1:5060", SIP_UDP) && at(1, "192.0.2.2:5060", SIP_UDP) && at(2, "192.0.2.3:5060", SIP_UDP));
}

/* Of a family that has answered, what it did not name is gone; were it kept, the slots would be full of such one day. */
static void test_one_family(void)
{
	struct places s = {.n = 0};
	set_up();
	add(&s, "192.0.2.1:5060", SIP_UDP, 0);
	add(&s, "[2001:db8::1]:5060", SIP_UDP, 0);
	places_take(&s, all, 3, 60, PLACES_BOTH);
	for (unsigned i = 2; i < 9; i++) {
		char address[32];
		struct places t = {.n = 0};
		snprintf(address, sizeof address, "192.0.2.%u:5060", i);
		add(&t, address, SIP_UDP, 0);
		places_take(&t, all, 3, 60, PLACES_IPV4);
		CU_ASSERT(at(0, address, SIP_UDP) && at(1, "[2001:db8::1]:5060", SIP_UDP) && nowhere(2));
	}
}

/* Whatever the order of the answers, the same ones are used: by priority, weight and family. */
static void test_crowded(void)
{
	static const char *const hosts[] = {"192.0.2.4:5060", "192.0.2.3:5060", "192.0.2.1:5060", "192.0.2.2:5060"};
	for (unsigned turn = 0; turn < 4; turn++) {
		struct places s = {.n = 0};
		set_up();
		for (unsigned i = 0; i < 4; i++)
			add(&s, hosts[(i + turn) % 4], SIP_UDP, (i + turn) % 4 == 0);
		CU_ASSERT_EQUAL(places_order(&s, 3), 4);
		CU_ASSERT_EQUAL(s.n, 3);
		places_take(&s, all, 3, 60, PLACES_BOTH);
		CU_ASSERT(at(0, "192.0.2.1:5060", SIP_UDP) && at(1, "192.0.2.2:5060", SIP_UDP) && at(2, "192.0.2.3:5060", SIP_UDP));
	}
}

static void test_order(void)
{
	struct places s = {.n = 0};
	set_up();
	add(&s, "192.0.2.1:5060", SIP_UDP, 1);
	add(&s, "192.0.2.2:5060", SIP_UDP, 0);
	add(&s, "[2001:db8::2]:5060", SIP_UDP, 0);
	add(&s, "192.0.2.3:5060", SIP_UDP, 0);
	s.all[1].rank = 9;
	s.all[2].rank = 3;
	s.all[3].weight = 5;
	CU_ASSERT_EQUAL(places_order(&s, 8), 4);
	places_take(&s, all, 3, 60, PLACES_BOTH);
	CU_ASSERT(at(0, "192.0.2.3:5060", SIP_UDP) && at(1, "[2001:db8::2]:5060", SIP_UDP) && at(2, "192.0.2.2:5060", SIP_UDP));
}

/* Two records lead to one address: it counts by the better of them, whichever answer came first. */
static void test_twice(void)
{
	for (unsigned turn = 0; turn < 2; turn++) {
		struct places s = {.n = 0};
		add(&s, "192.0.2.1:5060", SIP_UDP, turn ? 20 : 10);
		add(&s, "192.0.2.1:5060", SIP_UDP, turn ? 10 : 20);
		CU_ASSERT_EQUAL(s.n, 1);
		CU_ASSERT_EQUAL(s.all[0].priority, 10);
	}
}

UNIT_MAIN("places", {"what stays", test_stay}, {"another transport", test_transport}, {"a lookup that failed in part", test_partial},
          {"one family that failed", test_one_family}, {"more than slots", test_crowded}, {"which first", test_order},
          {"one address of two records", test_twice})
