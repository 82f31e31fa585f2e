/* Runs a program and writes what it took: wall time and CPU time of its whole tree in microseconds, and the largest resident set in kB.
   What the program leaves behind comes to this process and is waited for, outside the wall time: its CPU time counts as well (where there
   is no such thing as a subreaper, that of orphans does not), and what has not ended after 10 s is complained of, with exit code 99.
   With --first the wall time, and the CPU time of the program alone, end with the first byte on its standard output.
   Ends as the program did.  usage: measure REPORT [--first] program [argument ...] */
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

extern char **environ;

static double micros(struct timespec t) { return t.tv_sec * 1e6 + t.tv_nsec / 1e3; }

static double clockMicros(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return micros(t);
}

/* False when something is still there after 10 s. */
static int reapOrphans(void) {
  struct timespec pause = {0, 1000000};
  for (int waited = 0; waited < 10000; waited++) {
    pid_t ended;
    while ((ended = waitpid(-1, NULL, WNOHANG)) > 0) {}
    if (ended < 0) return 1;
    nanosleep(&pause, NULL);
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
#ifdef __linux__
  prctl(PR_SET_CHILD_SUBREAPER, 1);
#endif
  int first = strcmp(argv[2], "--first") == 0, ends[2] = {-1, -1}, status;
  char **command = argv + 2 + first;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (first) {
    if (pipe(ends) != 0) return 2;
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
  }
  pid_t pid;
  double began = clockMicros(CLOCK_MONOTONIC), wall = -1, cpu = -1;
  if (posix_spawnp(&pid, command[0], &actions, NULL, command, environ) != 0) return 127;
  if (first) {
    char buffer[65536];
    clockid_t clock;
    close(ends[1]);
    clock_getcpuclockid(pid, &clock);
    while (read(ends[0], buffer, sizeof buffer) > 0) {
      if (wall >= 0) continue;
      wall = clockMicros(CLOCK_MONOTONIC) - began;
      cpu = clockMicros(clock);
    }
  }
  if (waitpid(pid, &status, 0) != pid) return 2;
  if (!first) wall = clockMicros(CLOCK_MONOTONIC) - began;
  if (!reapOrphans()) {
    fprintf(stderr, "processes are left\n");
    return 99;
  }
  struct rusage usage;
  getrusage(RUSAGE_CHILDREN, &usage);
  if (!first) cpu = usage.ru_utime.tv_sec * 1e6 + usage.ru_utime.tv_usec + usage.ru_stime.tv_sec * 1e6 + usage.ru_stime.tv_usec;
  FILE *report = fopen(argv[1], "w");
  if (report == NULL) return 2;
  fprintf(report, "%.0f %.0f %ld\n", wall, cpu, usage.ru_maxrss);
  if (fclose(report) != 0) return 2;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
