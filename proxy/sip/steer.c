/* See steer.h. The program is made here, instruction by instruction: no compiler for BPF is needed, and nothing but bpf(2).
 *
 * Its type is the socket filter, which returns the place of the chosen socket in the group, or nobody's. It reads the
 * beginning of the datagram into a room of its CPU (an array map), looks behind each end of line for "Call-ID:" or "i:" in
 * any case, and computes steer_owner() of what follows. Both loops are bounded, as the verifier wants it (Linux 5.3).
 *
 * Registers: r6 the datagram, r9 the room, r8 how many bytes of it there are, r7 the place in it. */
#include "proxy/sip/steer.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bpf.h>

#define FNV_BASIS 2166136261u
#define FNV_PRIME 16777619u
#define FOLD 15

enum {
	ROOM = 2048,
	READ = 1536,                 /* of a datagram: headers that come before Call-ID are shorter, all together */
	LONGEST = 256,               /* of a Call-ID; what a longer one makes is handed over */
	PLACE = ROOM - 8,            /* in the room, behind what is read */
	SHORTEST = 16,
	INSNS_MAX = 96,
	GIVE_UPS_MAX = 8
};

unsigned steer_owner(const char *call_id, size_t len, unsigned n)
{
	uint32_t h = FNV_BASIS;
	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)call_id[i]) * FNV_PRIME;
	h ^= h >> FOLD;
	return n > 1 ? (unsigned)(((uint64_t)h * n) >> 32) : 0;
}

struct program {
	struct bpf_insn insns[INSNS_MAX];
	int n;
	int give_ups[GIVE_UPS_MAX];  /* jumps to where it returns nobody's place */
	int n_give_ups;
};

enum { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10 };

#define MOV (BPF_ALU64 | BPF_MOV)
#define MOV32 (BPF_ALU | BPF_MOV)
#define ADD (BPF_ALU64 | BPF_ADD)
#define LOAD(size) (BPF_LDX | BPF_MEM | (size))
#define STORE(size) (BPF_STX | BPF_MEM | (size))
#define IF(how) (BPF_JMP | (how))

/* Each of these returns the place of what it has put. */
static int put(struct program *p, int code, uint8_t dst, uint8_t src, int offset, uint32_t number)
{
	p->insns[p->n] = (struct bpf_insn){.code = (uint8_t)code, .dst_reg = dst, .src_reg = src, .off = (int16_t)offset,
	                                   .imm = (int32_t)number};
	return p->n++;
}

static int with_reg(struct program *p, int code, uint8_t dst, uint8_t src, int offset)
{
	return put(p, code | BPF_X, dst, src, offset, 0);
}

static int with_num(struct program *p, int code, uint8_t dst, uint32_t number, int offset)
{
	return put(p, code, dst, 0, offset, number);
}

static int load(struct program *p, int size, uint8_t dst, uint8_t from, int offset)
{
	return put(p, LOAD(size), dst, from, offset, 0);
}

static int set_64(struct program *p, uint8_t dst, uint8_t kind, uint64_t value)
{
	put(p, BPF_LD | BPF_DW | BPF_IMM, dst, kind, 0, (uint32_t)value);
	return put(p, 0, 0, 0, 0, (uint32_t)(value >> 32));
}

static void call(struct program *p, uint32_t function) { with_num(p, BPF_JMP | BPF_CALL, 0, function, 0); }
static void land(struct program *p, int jump) { p->insns[jump].off = (int16_t)(p->n - jump - 1); }
static int back(const struct program *p, int to) { return to - p->n - 1; }
static void give_up(struct program *p, int jump) { p->give_ups[p->n_give_ups++] = jump; }

static void take_in(struct program *p, int map)
{
	with_reg(p, MOV, R6, R1, 0);
	with_num(p, BPF_ST | BPF_MEM | BPF_W, R10, 0, -4);
	set_64(p, R1, BPF_PSEUDO_MAP_FD, (uint64_t)map);
	with_reg(p, MOV, R2, R10, 0);
	with_num(p, ADD, R2, (uint32_t)-4, 0);
	call(p, BPF_FUNC_map_lookup_elem);
	give_up(p, with_num(p, IF(BPF_JEQ), R0, 0, 0));
	with_reg(p, MOV, R9, R0, 0);
	load(p, BPF_W, R8, R6, offsetof(struct __sk_buff, len));
	int fits = with_num(p, IF(BPF_JLE), R8, READ, 0);
	with_num(p, MOV, R8, READ, 0);
	land(p, fits);
	give_up(p, with_num(p, IF(BPF_JLT), R8, SHORTEST, 0));
	with_reg(p, MOV, R1, R6, 0);
	with_num(p, MOV, R2, 0, 0);
	with_reg(p, MOV, R3, R9, 0);
	with_reg(p, MOV, R4, R8, 0);
	call(p, BPF_FUNC_skb_load_bytes);
	give_up(p, with_num(p, IF(BPF_JNE), R0, 0, 0));
}

/* Leaves r9 where the value begins. Setting one bit makes lower case of letters, and leaves '-' and ':' as they are. */
static void find_call_id(struct program *p)
{
	uint64_t name, bits;
	uint16_t compact;
	memcpy(&name, "call-id:", sizeof name);
	memcpy(&compact, "i:", sizeof compact);
	memset(&bits, 0x20, sizeof bits);
	set_64(p, R4, 0, bits);
	set_64(p, R5, 0, name);
	with_num(p, MOV, R7, 0, 0);
	int loop = p->n;
	give_up(p, with_reg(p, IF(BPF_JGE), R7, R8, 0));
	with_reg(p, MOV, R1, R9, 0);
	with_reg(p, ADD, R1, R7, 0);
	with_num(p, ADD, R7, 1, 0);
	load(p, BPF_B, R2, R1, 0);
	with_num(p, IF(BPF_JNE), R2, '\n', back(p, loop));
	load(p, BPF_DW, R2, R1, 1);
	with_reg(p, BPF_ALU64 | BPF_OR, R2, R4, 0);
	with_num(p, MOV, R3, sizeof name, 0);
	int whole = with_reg(p, IF(BPF_JEQ), R2, R5, 0);
	load(p, BPF_H, R2, R1, 1);
	with_num(p, BPF_ALU64 | BPF_OR, R2, (uint16_t)bits, 0);
	with_num(p, MOV, R3, sizeof compact, 0);
	with_num(p, IF(BPF_JNE), R2, compact, back(p, loop));
	land(p, whole);
	with_reg(p, ADD, R7, R3, 0);
	/* The verifier is to forget which byte it was: else it walks what follows once for each. */
	with_reg(p, STORE(BPF_DW), R9, R7, PLACE);
	load(p, BPF_DW, R7, R9, PLACE);
	give_up(p, with_num(p, IF(BPF_JGT), R7, READ, 0));
	with_reg(p, ADD, R9, R7, 0);
}

static void return_owner(struct program *p, unsigned n)
{
	load(p, BPF_B, R2, R9, 0);
	int tight = with_num(p, IF(BPF_JNE), R2, ' ', 0);
	with_num(p, ADD, R9, 1, 0);
	land(p, tight);
	with_num(p, MOV32, R0, FNV_BASIS, 0);
	with_num(p, MOV, R3, 0, 0);
	int loop = p->n;
	load(p, BPF_B, R2, R9, 0);
	int end = with_num(p, IF(BPF_JLE), R2, ' ', 0);
	with_reg(p, BPF_ALU | BPF_XOR, R0, R2, 0);
	with_num(p, BPF_ALU | BPF_MUL, R0, FNV_PRIME, 0);
	with_num(p, ADD, R9, 1, 0);
	with_num(p, ADD, R3, 1, 0);
	with_num(p, IF(BPF_JLT), R3, LONGEST, back(p, loop));
	give_up(p, with_num(p, IF(BPF_JA), 0, 0, 0));
	land(p, end);
	with_reg(p, MOV32, R2, R0, 0);
	with_num(p, BPF_ALU | BPF_RSH, R2, FOLD, 0);
	with_reg(p, BPF_ALU | BPF_XOR, R0, R2, 0);
	with_num(p, BPF_ALU64 | BPF_MUL, R0, n, 0);
	with_num(p, BPF_ALU64 | BPF_RSH, R0, 32, 0);
	with_num(p, IF(BPF_EXIT), 0, 0, 0);
}

static void write_program(struct program *p, int map, unsigned n)
{
	take_in(p, map);
	find_call_id(p);
	return_owner(p, n);
	for (int i = 0; i < p->n_give_ups; i++)
		land(p, p->give_ups[i]);
	with_num(p, MOV, R0, UINT32_MAX, 0);
	with_num(p, IF(BPF_EXIT), 0, 0, 0);
}

static int bpf(int command, union bpf_attr *attr)
{
	int fd = (int)syscall(SYS_bpf, command, attr, sizeof *attr);
	return fd < 0 ? -errno : fd;
}

int steer_load(unsigned n)
{
	struct program p = {.n = 0};
	union bpf_attr room = {.map_type = BPF_MAP_TYPE_PERCPU_ARRAY, .key_size = 4, .value_size = ROOM, .max_entries = 1};
	int map = bpf(BPF_MAP_CREATE, &room);
	if (map < 0)
		return map;
	write_program(&p, map, n);
	union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insns = (uintptr_t)p.insns, .insn_cnt = (uint32_t)p.n,
	                       .license = (uintptr_t)""};
	int program = bpf(BPF_PROG_LOAD, &attr);
	close(map);  /* the program keeps it */
	return program;
}

int steer_attach(int program, int socket)
{
	return setsockopt(socket, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &program, sizeof program) ? -errno : 0;
}
