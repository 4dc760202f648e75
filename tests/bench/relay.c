/* A bare UDP relay: what it costs to move a call's packets and do nothing with them. It is the floor
 * under the figures of tests/bench/calls, no part of tandem.
 *
 * relay LISTEN-IP:PORT CARRIER-IP:PORT REGION-IP:PORT
 *
 * One thread, one socket, one epoll: a batch is read with recvmmsg(2), each datagram that came from the
 * region is addressed to the carrier and every other one to the region, and the same buffers leave with
 * sendmmsg(2). It looks at no byte of them, so the two SIPp must send along it whatever the messages
 * say (they send to their peer's address, not along Route or Contact). IPv4 only. Ends on SIGTERM. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH 32
#define DATAGRAM_MAX 4096

static char buffers[BATCH][DATAGRAM_MAX];
static struct sockaddr_in sources[BATCH];
static struct iovec iov[BATCH];
static struct mmsghdr batch[BATCH];
static volatile sig_atomic_t stopping;

static void on_term(int signo)
{
	stopping = 1;
}

static bool parse(const char *text, struct sockaddr_in *out)
{
	char ip[INET_ADDRSTRLEN];
	unsigned port;

	memset(out, 0, sizeof(*out));
	out->sin_family = AF_INET;
	if (sscanf(text, "%15[0-9.]:%u", ip, &port) != 2 || port > UINT16_MAX || inet_pton(AF_INET, ip, &out->sin_addr) != 1)
		return false;
	out->sin_port = htons((uint16_t)port);
	return true;
}

static void prepare(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		iov[i] = (struct iovec){buffers[i], DATAGRAM_MAX};
		batch[i].msg_hdr = (struct msghdr){
			.msg_name = &sources[i], .msg_namelen = sizeof(sources[i]), .msg_iov = &iov[i], .msg_iovlen = 1};
	}
}

static bool same(const struct sockaddr_in *a, const struct sockaddr_in *b)
{
	return a->sin_addr.s_addr == b->sin_addr.s_addr && a->sin_port == b->sin_port;
}

/* Moves one batch; false when there is nothing to read. */
static bool move(int fd, const struct sockaddr_in *carrier, const struct sockaddr_in *region)
{
	prepare(BATCH);
	int n = recvmmsg(fd, batch, BATCH, MSG_DONTWAIT, NULL);
	if (n <= 0)
		return false;
	for (int i = 0; i < n; i++) {
		sources[i] = same(&sources[i], region) ? *carrier : *region;
		iov[i].iov_len = batch[i].msg_len;
	}
	if (sendmmsg(fd, batch, (unsigned)n, 0) < 0)
		perror("relay: sendmmsg");
	return n == BATCH;
}

int main(int argc, char **argv)
{
	struct sockaddr_in listen_on, carrier, region;

	if (argc != 4 || !parse(argv[1], &listen_on) || !parse(argv[2], &carrier) || !parse(argv[3], &region)) {
		fprintf(stderr, "usage: relay LISTEN-IP:PORT CARRIER-IP:PORT REGION-IP:PORT\n");
		return 1;
	}
	struct sigaction term = {.sa_handler = on_term};
	sigaction(SIGTERM, &term, NULL);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&listen_on, sizeof(listen_on)) < 0) {
		perror("relay: bind");
		return 2;
	}
	int ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event want = {.events = EPOLLIN}, got;
	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &want) < 0) {
		perror("relay: epoll");
		return 2;
	}
	while (!stopping)
		if (epoll_wait(ep, &got, 1, -1) == 1)
			while (move(fd, &carrier, &region))
				;
	close(ep);
	close(fd);
	return 0;
}
