/* Makes threads of a process hang, and no others: attaches to every thread whose name begins with a prefix,
 * stops it, says "stuck N", and holds it until ended itself; then they run on.
 *
 *   stick PID PREFIX
 *
 * A signal would stop the whole process. This is what a worker caught in an endless loop or a lock looks
 * like from outside: its sockets stay open, and the rest of the process goes on. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_named(const char *pid, const char *tid, const char *prefix)
{
	char path[300], name[64] = "";
	FILE *f;

	snprintf(path, sizeof path, "/proc/%s/task/%s/comm", pid, tid);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (!fgets(name, sizeof name, f))
		name[0] = 0;
	fclose(f);
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

static int stick(pid_t tid)
{
	int status;

	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) || ptrace(PTRACE_INTERRUPT, tid, NULL, NULL))
		return -errno;
	return waitpid(tid, &status, __WALL) == tid ? 0 : -errno;
}

int main(int argc, char **argv)
{
	char path[64];
	struct dirent *entry;
	unsigned stuck = 0;
	DIR *tasks;

	if (argc != 3) {
		fprintf(stderr, "usage: stick PID PREFIX\n");
		return 2;
	}
	snprintf(path, sizeof path, "/proc/%s/task", argv[1]);
	tasks = opendir(path);
	if (!tasks) {
		fprintf(stderr, "stick: there is no process %s\n", argv[1]);
		return 1;
	}
	while ((entry = readdir(tasks))) {
		int rc;

		if (!isdigit((unsigned char)entry->d_name[0]) || !is_named(argv[1], entry->d_name, argv[2]))
			continue;
		rc = stick((pid_t)strtol(entry->d_name, NULL, 10));
		if (rc) {
			fprintf(stderr, "stick: thread %s cannot be attached to: %s\n", entry->d_name, strerror(-rc));
			return 1;
		}
		stuck++;
	}
	closedir(tasks);
	if (!stuck) {
		fprintf(stderr, "stick: no thread of process %s is named %s...\n", argv[1], argv[2]);
		return 1;
	}
	printf("stuck %u\n", stuck);
	fflush(stdout);
	for (;;)  /* the kernel lets them go when we end */
		pause();
}
