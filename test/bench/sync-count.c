/*
 * Counts every sync of a file, so that a benchmark can tell whether what was acknowledged was synced first. Preloaded
 * into the servers by test/bench; all processes of an ensemble add to the eight bytes of the file that
 * SYNC_COUNT_FILE names.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static _Atomic unsigned long *count;
static int (*next_fsync)(int);
static int (*next_fdatasync)(int);

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("SYNC_COUNT_FILE");
  int file = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
  if (file >= 0) {
    void *shared = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (shared != MAP_FAILED) count = shared;
    close(file);
  }
  next_fsync = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  next_fdatasync = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
}

int fsync(int file) {
  if (count != NULL) atomic_fetch_add(count, 1);
  return next_fsync(file);
}

int fdatasync(int file) {
  if (count != NULL) atomic_fetch_add(count, 1);
  return next_fdatasync(file);
}
