/* rtnetlink through libmnl. See address.h; the anycast thread.
 *
 * The kernel answers within the system call that asks, so the blocking socket does not block; a
 * time limit guards against the day it does. */
#include "anycast/address.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

enum { TABLE_MAX = 4096, DUMP_TRIES = 3, ANSWER_SECONDS = 1 };

struct address_entry {
	struct addr addr;
	unsigned ifindex;
	bool ours, usable;     /* usable: duplicate address detection is over, and went well */
};

struct address_list {
	struct address_entry *entries;
	unsigned n, size;
};

struct address_table {
	struct mnl_socket *socket;
	unsigned seq, lo;
	struct address_list list;
};

struct address_table *address_new(struct err *err)
{
	const struct timeval limit = {.tv_sec = ANSWER_SECONDS};
	struct address_table *t = calloc(1, sizeof *t);

	if (!t) {
		err_set(err, ENOMEM, "out of memory");
		return NULL;
	}
	t->lo = if_nametoindex("lo");
	t->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (t->lo == 0 || !t->socket || mnl_socket_bind(t->socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(mnl_socket_get_fd(t->socket), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit)) {
		err_sys(err, errno, "cannot ask the kernel for addresses (rtnetlink)");
		address_free(t);
		return NULL;
	}
	return t;
}

void address_free(struct address_table *t)
{
	if (!t)
		return;
	free(t->list.entries);
	if (t->socket)
		mnl_socket_close(t->socket);
	free(t);
}

/* ---- the list ---- */

static int list_append(struct address_list *list, const struct address_entry *entry)
{
	if (list->n == list->size) {
		unsigned size = list->size ? list->size * 2 : 32;
		struct address_entry *entries = NULL;

		if (size <= TABLE_MAX)
			entries = realloc(list->entries, size * sizeof *entries);
		if (!entries)
			return -ENOMEM;
		list->entries = entries;
		list->size = size;
	}
	list->entries[list->n++] = *entry;
	return 0;
}

static struct address_entry *list_find(const struct address_list *list, const struct addr *addr)
{
	for (unsigned i = 0; i < list->n; i++) {
		if (list->entries[i].usable && addr_same_host(&list->entries[i].addr, addr))
			return &list->entries[i];
	}
	return NULL;
}

enum address_state address_state(const struct address_table *t, const struct addr *addr)
{
	const struct address_entry *e = list_find(&t->list, addr);

	return !e ? ADDRESS_ABSENT : e->ours ? ADDRESS_OURS : ADDRESS_FOREIGN;
}

bool address_any_in(const struct address_table *t, const struct prefix *prefix)
{
	for (unsigned i = 0; i < t->list.n; i++) {
		if (t->list.entries[i].usable && prefix_contains(prefix, &t->list.entries[i].addr))
			return true;
	}
	return false;
}

/* Good for a router to send to: neither link-local nor loopback. */
static bool routable(const struct addr *addr)
{
	if (addr_family(addr) == AF_INET)
		return ntohl(addr->in.sin_addr.s_addr) >> 24 != 127;
	return !IN6_IS_ADDR_LINKLOCAL(&addr->in6.sin6_addr) && !IN6_IS_ADDR_LOOPBACK(&addr->in6.sin6_addr);
}

bool address_beside(const struct address_table *t, const struct addr *local, int family, struct addr *out)
{
	const struct address_entry *here = list_find(&t->list, local);

	for (unsigned i = 0; here && i < t->list.n; i++) {
		const struct address_entry *e = &t->list.entries[i];

		if (e->ifindex != here->ifindex || addr_family(&e->addr) != family || !e->usable || e->ours ||
		    !routable(&e->addr))
			continue;
		*out = e->addr;
		return true;
	}
	return false;
}

/* ---- reading the kernel's ---- */

struct dump {
	const struct address_table *table;
	struct address_list list;
	bool full;
};

/* The local address is IFA_LOCAL, or IFA_ADDRESS where there is no other (IPv6). */
static int on_attr(const struct nlattr *attr, void *arg)
{
	const struct nlattr **attrs = arg;

	if (mnl_attr_type_valid(attr, IFA_MAX) > 0)
		attrs[mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

static int on_address(const struct nlmsghdr *msg, void *arg)
{
	const struct nlattr *attrs[IFA_MAX + 1] = {NULL}, *address;
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(msg);
	struct address_entry e = {.ifindex = ifa->ifa_index};
	struct dump *dump = arg;
	uint32_t flags;

	mnl_attr_parse(msg, sizeof *ifa, on_attr, attrs);
	address = attrs[IFA_LOCAL] ? attrs[IFA_LOCAL] : attrs[IFA_ADDRESS];
	if (msg->nlmsg_type != RTM_NEWADDR || !address ||
	    mnl_attr_get_payload_len(address) != (ifa->ifa_family == AF_INET6 ? 16 : 4))
		return MNL_CB_OK;
	addr_from_bytes(&e.addr, mnl_attr_get_payload(address), mnl_attr_get_payload_len(address), 0);
	flags = attrs[IFA_FLAGS] ? mnl_attr_get_u32(attrs[IFA_FLAGS]) : ifa->ifa_flags;
	e.usable = !(flags & IFA_F_DADFAILED) && (!(flags & IFA_F_TENTATIVE) || flags & IFA_F_OPTIMISTIC);
	e.ours = attrs[IFA_PROTO] && mnl_attr_get_u8(attrs[IFA_PROTO]) == ADDRESS_PROTO && e.ifindex == dump->table->lo;
	if (list_append(&dump->list, &e))
		dump->full = true;
	return MNL_CB_OK;
}

static struct nlmsghdr *request(struct address_table *t, char *buf, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);

	msg->nlmsg_type = type;
	msg->nlmsg_flags = NLM_F_REQUEST | flags;
	msg->nlmsg_seq = ++t->seq;
	return msg;
}

/* Sends `msg` and reads its answer to the end. 0 or a negative errno. */
static int transact(struct address_table *t, const struct nlmsghdr *msg, mnl_cb_t fn, void *arg)
{
	char buf[8192];
	int rc;

	if (mnl_socket_sendto(t->socket, msg, msg->nlmsg_len) < 0)
		return -errno;
	do {
		ssize_t n = mnl_socket_recvfrom(t->socket, buf, sizeof buf);

		if (n < 0)
			return -errno;
		errno = 0;
		rc = mnl_cb_run(buf, (size_t)n, t->seq, mnl_socket_get_portid(t->socket), fn, arg);
		if (rc < 0 && errno == ESRCH)  /* the answer to a question given up before */
			rc = MNL_CB_OK;
	} while (rc > MNL_CB_STOP);
	return rc < 0 ? -errno : 0;
}

/* What we added keeps its mark in our memory too, for kernels that do not keep it. */
static void carry_marks(const struct address_table *t, struct address_list *list)
{
	for (unsigned i = 0; i < list->n; i++) {
		struct address_entry *e = &list->entries[i], *before = list_find(&t->list, &e->addr);

		if (before && before->ours && e->ifindex == t->lo)
			e->ours = true;
	}
}

int address_refresh(struct address_table *t, struct err *err)
{
	char buf[256];
	int rc = -EINTR;

	for (int i = 0; i < DUMP_TRIES && rc == -EINTR; i++) {  /* EINTR: the list changed meanwhile */
		struct dump dump = {.table = t};
		struct nlmsghdr *msg = request(t, buf, RTM_GETADDR, NLM_F_DUMP);
		struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(msg, sizeof *ifa);

		ifa->ifa_family = AF_UNSPEC;
		rc = transact(t, msg, on_address, &dump);
		if (!rc && dump.full)
			rc = -ENOMEM;
		if (!rc) {
			carry_marks(t, &dump.list);
			free(t->list.entries);
			t->list = dump.list;
		} else {
			free(dump.list.entries);
		}
	}
	return rc ? err_sys(err, -rc, "cannot read the addresses of this host") : 0;
}

/* ---- changing them ---- */

static struct nlmsghdr *change(struct address_table *t, char *buf, uint16_t type, uint16_t flags,
                               const struct addr *addr)
{
	struct nlmsghdr *msg = request(t, buf, type, NLM_F_ACK | flags);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(msg, sizeof *ifa);
	unsigned len;
	const uint8_t *bytes = addr_bytes(addr, &len);

	ifa->ifa_family = (uint8_t)addr_family(addr);
	ifa->ifa_prefixlen = (uint8_t)(len * 8);
	ifa->ifa_flags = addr_family(addr) == AF_INET6 ? IFA_F_NODAD : 0;
	ifa->ifa_scope = RT_SCOPE_UNIVERSE;
	ifa->ifa_index = t->lo;
	mnl_attr_put(msg, IFA_LOCAL, len, bytes);
	mnl_attr_put(msg, IFA_ADDRESS, len, bytes);
	return msg;
}

static int no_privilege(struct err *err)
{
	return err_set(err, EPERM, "manage_address needs the capability CAP_NET_ADMIN: grant it (systemd: "
	               "AmbientCapabilities=CAP_NET_ADMIN), or put the address on lo yourself and set "
	               "manage_address: false");
}

int address_may_change(struct address_table *t, struct err *err)
{
	struct addr nowhere;
	struct nlmsghdr *msg;
	char buf[256];
	int rc;

	/* taking an address off an interface that does not exist: refused first for want of privilege */
	addr_parse(&nowhere, "192.0.2.1", 0);
	msg = change(t, buf, RTM_DELADDR, 0, &nowhere);
	((struct ifaddrmsg *)mnl_nlmsg_get_payload(msg))->ifa_index = 0;
	rc = transact(t, msg, NULL, NULL);
	return rc == -EPERM ? no_privilege(err) : 0;
}

int address_add(struct address_table *t, const struct addr *addr, struct err *err)
{
	const struct ifa_cacheinfo deprecated = {.ifa_prefered = 0, .ifa_valid = UINT32_MAX};
	struct address_entry e = {.addr = *addr, .ifindex = t->lo, .ours = true, .usable = true};
	char buf[256], text[ADDR_STR_LEN];
	struct nlmsghdr *msg = change(t, buf, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, addr);
	int rc;

	mnl_attr_put_u8(msg, IFA_PROTO, ADDRESS_PROTO);
	if (addr_family(addr) == AF_INET6)  /* deprecated: never this host's own choice of a source address */
		mnl_attr_put(msg, IFA_CACHEINFO, sizeof deprecated, &deprecated);
	rc = transact(t, msg, NULL, NULL);
	if (rc == -EPERM)
		return no_privilege(err);
	if (rc == -EEXIST)
		e.ours = false;
	else if (rc)
		return err_sys(err, -rc, "cannot add %s to lo", addr_host_str(addr, text));
	if (!list_find(&t->list, addr) && list_append(&t->list, &e))
		return err_set(err, ENOMEM, "out of memory");
	return 0;
}

int address_remove(struct address_table *t, const struct addr *addr, struct err *err)
{
	struct address_entry *e = list_find(&t->list, addr);
	char buf[256], text[ADDR_STR_LEN];
	int rc;

	if (!e || !e->ours)
		return 0;
	rc = transact(t, change(t, buf, RTM_DELADDR, 0, addr), NULL, NULL);
	if (rc && rc != -EADDRNOTAVAIL)
		return err_sys(err, -rc, "cannot remove %s from lo", addr_host_str(addr, text));
	*e = t->list.entries[--t->list.n];
	return 0;
}
