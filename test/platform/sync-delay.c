/*
 * Makes every sync of a file slow, or fail, so that a test can tell what the runtime holds back until a
 * write is durable. Preloaded into the runtime by test/platform; the file named by SYNC_DELAY_FILE says
 * what to do at each sync: empty or missing nothing, a number that many milliseconds more, "fail" an
 * input/output error.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int before_sync(void) {
  const char *path = getenv("SYNC_DELAY_FILE");
  char text[32] = {0};
  int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  if (length <= 0) return 0;
  if (strncmp(text, "fail", 4) == 0) {
    errno = EIO;
    return -1;
  }
  long milliseconds = strtol(text, NULL, 10);
  struct timespec pause = {milliseconds / 1000, (milliseconds % 1000) * 1000000L};
  nanosleep(&pause, NULL);
  return 0;
}

int fsync(int file) {
  int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  return before_sync() != 0 ? -1 : next(file);
}

int fdatasync(int file) {
  int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  return before_sync() != 0 ? -1 : next(file);
}
