/* Is a configuration of anycast one that can work? Whoever calls anycast_new(). */
#ifndef ANYCAST_CHECK_H
#define ANYCAST_CHECK_H

#include "anycast/address.h"
#include "anycast/anycast.h"

/* 0, or -EINVAL and what is wrong, and what would be right. */
int anycast_check_config(const struct anycast_config *config, struct err *err);
/* 0, or -EPERM where an address is to be managed and may not be. */
int anycast_check_privilege(const struct anycast_config *config, struct address_table *addresses, struct err *err);

#endif
