/* See bell.h. That answering comes before looking is the whole of it: a producer whose exchange saw `rung` still true
 * did so before the answer's exchange, which then makes the producer's work visible (acquire, release). */
#include "base/bell.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

int bell_init(struct bell *bell)
{
	atomic_init(&bell->rung, false);
	bell->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return bell->fd < 0 ? -errno : 0;
}

void bell_free(struct bell *bell)
{
	if (bell->fd >= 0)
		close(bell->fd);
	bell->fd = -1;
}

void bell_ring(struct bell *bell)
{
	if (!atomic_exchange_explicit(&bell->rung, true, memory_order_acq_rel))
		eventfd_write(bell->fd, 1);
}

void bell_answer(struct bell *bell)
{
	eventfd_t n;
	eventfd_read(bell->fd, &n);
	atomic_exchange_explicit(&bell->rung, false, memory_order_acq_rel);
}
