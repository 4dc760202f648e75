/* The host's addresses: reading them needs no privilege; changing them is tried in a network namespace
 * of the test's own, where the kernel permits one. */
#include "anycast/address.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static struct addr address(const char *text)
{
	struct addr a;

	CU_ASSERT_EQUAL_FATAL(addr_parse(&a, text, 0), 0);
	return a;
}

static bool any_in(const struct address_table *t, const char *text)
{
	struct prefix p;

	CU_ASSERT_EQUAL_FATAL(prefix_parse(&p, text), 0);
	return address_any_in(t, &p);
}

static void test_read(void)
{
	struct err err = {""};
	struct address_table *t = address_new(&err);
	struct addr loopback = address("127.0.0.1"), nowhere = address("203.0.113.10"), out;

	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	CU_ASSERT_EQUAL(address_state(t, &loopback), ADDRESS_ABSENT);  /* nothing read yet */
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(address_refresh(t, &err), 0);
	CU_ASSERT_EQUAL(address_state(t, &loopback), ADDRESS_FOREIGN);
	CU_ASSERT_EQUAL(address_state(t, &nowhere), ADDRESS_ABSENT);
	CU_ASSERT_TRUE(any_in(t, "127.0.0.0/8"));
	CU_ASSERT_FALSE(any_in(t, "203.0.113.0/24"));
	CU_ASSERT_FALSE(address_beside(t, &loopback, AF_INET6, &out));  /* ::1 is no next hop */
	CU_ASSERT_FALSE(address_beside(t, &nowhere, AF_INET, &out));
	CU_ASSERT_EQUAL(address_remove(t, &loopback, &err), 0);         /* not ours: left alone */
	CU_ASSERT_EQUAL(address_refresh(t, &err), 0);
	CU_ASSERT_EQUAL(address_state(t, &loopback), ADDRESS_FOREIGN);
	address_free(t);
}

static void lo_up(void)
{
	struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	CU_ASSERT_EQUAL(ioctl(fd, SIOCSIFFLAGS, &ifr), 0);
	close(fd);
}

static void change(struct address_table *t, const char *text)
{
	struct err err = {""};
	struct addr a = address(text);
	struct address_table *next;

	CU_ASSERT_EQUAL(address_add(t, &a, &err), 0);
	CU_ASSERT_EQUAL(address_state(t, &a), ADDRESS_OURS);
	CU_ASSERT_EQUAL(address_refresh(t, &err), 0);
	CU_ASSERT_EQUAL(address_state(t, &a), ADDRESS_OURS);
	CU_ASSERT_TRUE(any_in(t, text));
	CU_ASSERT_EQUAL(address_add(t, &a, &err), 0);          /* again: nothing */
	/* the process that comes after a crash knows it by its mark */
	next = address_new(&err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(next);
	CU_ASSERT_EQUAL(address_refresh(next, &err), 0);
	CU_ASSERT_EQUAL(address_state(next, &a), ADDRESS_OURS);
	CU_ASSERT_EQUAL(address_remove(next, &a, &err), 0);
	CU_ASSERT_EQUAL(address_state(next, &a), ADDRESS_ABSENT);
	address_free(next);
	/* and who has it in mind still notices */
	CU_ASSERT_EQUAL(address_remove(t, &a, &err), 0);
	CU_ASSERT_EQUAL(address_refresh(t, &err), 0);
	CU_ASSERT_EQUAL(address_state(t, &a), ADDRESS_ABSENT);
}

static void test_change(void)
{
	struct err err = {""};
	struct address_table *t;

	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
		printf("(no network namespace permitted: not tried) ");
		return;
	}
	lo_up();
	t = address_new(&err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	CU_ASSERT_EQUAL(address_may_change(t, &err), 0);
	CU_ASSERT_EQUAL(address_refresh(t, &err), 0);
	change(t, "203.0.113.10");
	change(t, "2001:db8:ac::10");
	address_free(t);
}

static void test_no_privilege(void)
{
	struct err err = {""};
	struct address_table *t;
	struct addr a = address("203.0.113.10");

	if (geteuid() != 0 || seteuid(65534)) {
		printf("(not root: not tried) ");
		return;
	}
	t = address_new(&err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	CU_ASSERT_EQUAL(address_may_change(t, &err), -EPERM);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "CAP_NET_ADMIN"));
	CU_ASSERT_EQUAL(address_add(t, &a, &err), -EPERM);
	CU_ASSERT_EQUAL(address_state(t, &a), ADDRESS_ABSENT);
	address_free(t);
	CU_ASSERT_EQUAL(seteuid(0), 0);
}

UNIT_MAIN("address", {"reading", test_read}, {"adding and removing, in a namespace", test_change},
          {"no privilege", test_no_privilege})
