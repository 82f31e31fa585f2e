/* The limit for shell steps: starts `sh -c :` N times, P at a time, by posix_spawn, and keeps nothing; or a program that is named.  usage: spawn N P [program] */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

extern char **environ;

int main(int argc, char **argv) {
  int count = argc > 1 ? atoi(argv[1]) : 1000, parallel = argc > 2 ? atoi(argv[2]) : 2, running = 0, status;
  char *shell[] = {"sh", "-c", ":", NULL}, **command = argc > 3 ? argv + 3 : shell, *program = argc > 3 ? argv[3] : "/bin/sh";
  for (int started = 0; started < count || running > 0;) {
    if (started < count && running < parallel) {
      pid_t pid;
      if (posix_spawn(&pid, program, NULL, NULL, command, environ) != 0) return 1;
      started++;
      running++;
    } else {
      if (wait(&status) < 0 || status != 0) return 1;
      running--;
    }
  }
  return 0;
}
