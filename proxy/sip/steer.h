/* Which worker a call belongs to, and a BPF program that has the kernel bring each datagram to that worker's socket.
 *
 * Without it the kernel chooses among the workers' sockets of an address (SO_REUSEPORT) by the addresses and ports, and the
 * workers hand over what is not theirs. That they do in any case: the program only guesses, if well, so that nothing depends
 * on it but the price. What it does not find goes where the addresses say.
 *
 * Any thread. */
#ifndef PROXY_SIP_STEER_H
#define PROXY_SIP_STEER_H

#include <stddef.h>

/* Of `n` workers, by the Call-ID. */
unsigned steer_owner(const char *call_id, size_t len, unsigned n);

/* The program for `n` workers: a descriptor, to be closed once it is attached; or a negative errno, -EPERM where neither
 * CAP_BPF nor CAP_SYS_ADMIN is at hand. */
int steer_load(unsigned n);

/* Attaches it to the group of sockets that `socket` is one of, in which worker i's was bound as the i-th, from 0. Returns 0
 * or a negative errno. */
int steer_attach(int program, int socket);

#endif
