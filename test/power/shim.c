// A disk that loses power: an LD_PRELOAD library that remembers what was never synced.
//
// Files below POWER_DIR are watched. Before a write changes a range, the old bytes of the range go to an undo log
// in POWER_SHADOW; a successful fsync of the file empties that log. Creating, unlinking and renaming are undoable
// until the directory is synced. After the process was killed, restore.ts rolls back what was not synced, whole
// or in part: that is what a power cut may leave. The undo logs themselves need no fsync, since a kill takes
// nothing from the page cache.
//
// Environment
//   POWER_DIR              the directory to watch (all below it), an absolute real path
//   POWER_SHADOW           where the logs go: same file system (hard links), outside POWER_DIR
//   POWER_FAIL_SYNC=n      the n-th fsync or fdatasync of a watched file (from 1) fails with EIO. Its data stays
//                          unsynced for ever, as in Linux, where a later fsync may well report success
//   POWER_FAIL_SYNC_ALWAYS every one from there on fails
//   POWER_SLOW_SYNC_MS=n   each sync takes so much longer
//   POWER_KILL_AT=n        SIGKILL before the n-th watched operation (from 1: writes, truncations, syncs, names)
//   POWER_SPACE=n          after n bytes written, writes fail with ENOSPC, the first of them after a short write
//   POWER_SPACE_FAILS=n    after n such failures there is room again (0: never)
//
// Shadow files: f<inode>.undo (binary records, see struct record), d<inode>.log (text lines), k<number> (hard
// links that keep what was unlinked or replaced).
//
// Not modelled: mmap (the store does not use it), hard links, duplicated descriptors, mkdir, and what Node does by
// other calls than these: fs.copyFile (sendfile), fs.rm (unlinkat).

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define MAX_FD 65536

// One undoable change of a file's content. `old_bytes` bytes of old content follow.
struct record {
  uint32_t magic;
  uint32_t type; // 'W' = written at `offset` for `length`; 'T' = truncated or extended to `offset`
  uint64_t offset;
  uint64_t length;
  uint64_t old_size; // of the file, before
  uint64_t old_bytes;
};
#define MAGIC 0x57505350u

struct watched {
  ino_t inode;
  int log; // undo log of a file, name log of a directory
  int is_directory;
  int frozen; // an fsync failed: nothing of this file is known to be durable any more
  struct watched *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct watched *by_fd[MAX_FD];
static struct watched *all;
static char directory[PATH_MAX], shadow[PATH_MAX];
static size_t directory_length;
static long fail_sync, kill_at, slow_sync_ms, space = -1, space_fails;
static int fail_always;
static long sync_count, operation_count, kept_count;

static int (*real_open)(const char *, int, ...);
static int (*real_openat)(int, const char *, int, ...);
static int (*real_close)(int);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_pwritev)(int, const struct iovec *, int, off_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_fallocate)(int, int, off_t, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_unlink)(const char *);
static int (*real_rename)(const char *, const char *);

static void fail(const char *what) {
  dprintf(2, "power shim: %s: %s\n", what, strerror(errno));
  abort();
}

static long number_of(const char *name, long otherwise) {
  const char *text = getenv(name);
  return text != NULL && *text != 0 ? atol(text) : otherwise;
}

__attribute__((constructor)) static void start(void) {
  real_open = dlsym(RTLD_NEXT, "open64");
  real_openat = dlsym(RTLD_NEXT, "openat64");
  real_close = dlsym(RTLD_NEXT, "close");
  real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
  real_write = dlsym(RTLD_NEXT, "write");
  real_writev = dlsym(RTLD_NEXT, "writev");
  real_pwritev = dlsym(RTLD_NEXT, "pwritev64");
  real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
  real_fallocate = dlsym(RTLD_NEXT, "fallocate64");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  real_unlink = dlsym(RTLD_NEXT, "unlink");
  real_rename = dlsym(RTLD_NEXT, "rename");
  const char *watch = getenv("POWER_DIR"), *logs = getenv("POWER_SHADOW");
  if (watch == NULL || logs == NULL) return;
  snprintf(directory, sizeof directory, "%s", watch);
  snprintf(shadow, sizeof shadow, "%s", logs);
  fail_sync = number_of("POWER_FAIL_SYNC", 0);
  fail_always = getenv("POWER_FAIL_SYNC_ALWAYS") != NULL;
  slow_sync_ms = number_of("POWER_SLOW_SYNC_MS", 0);
  kill_at = number_of("POWER_KILL_AT", 0);
  space = number_of("POWER_SPACE", -1);
  space_fails = number_of("POWER_SPACE_FAILS", 0);
  directory_length = strlen(directory);
}

// Whether `path` (absolute) is POWER_DIR or below it.
static int is_below(const char *path) {
  return directory_length > 0 && strncmp(path, directory, directory_length) == 0 &&
         (path[directory_length] == 0 || path[directory_length] == '/');
}

// The absolute path of a name that may not exist yet; its directory must. 0 = it is not watched.
static int resolve(int at, const char *path, char *absolute) {
  if (directory_length == 0 || path == NULL) return 0;
  char parent[PATH_MAX], real[PATH_MAX];
  const char *slash = strrchr(path, '/');
  const char *name = slash == NULL ? path : slash + 1;
  if (slash == NULL) {
    snprintf(parent, sizeof parent, ".");
  } else {
    size_t length = slash == path ? 1 : (size_t)(slash - path);
    if (length >= sizeof parent) return 0;
    memcpy(parent, path, length);
    parent[length] = 0;
  }
  if (at != AT_FDCWD && path[0] != '/') return 0;
  if (realpath(parent, real) == NULL) return 0;
  if (snprintf(absolute, PATH_MAX, "%s/%s", strcmp(real, "/") == 0 ? "" : real, name) >= PATH_MAX) return 0;
  return is_below(absolute);
}

// Counts a watched operation, and ends the process if it is its turn.
static void count_operation(void) {
  if (++operation_count == kill_at) kill(getpid(), SIGKILL);
}

static void append(int log, const struct iovec *parts, int count, size_t bytes) {
  ssize_t written = real_writev(log, parts, count);
  if (written < 0 || (size_t)written != bytes) fail("cannot write a log");
}

static int open_log(char kind, ino_t inode, const char *suffix, int flags) {
  char path[PATH_MAX + 64];
  snprintf(path, sizeof path, "%s/%c%lu.%s", shadow, kind, (unsigned long)inode, suffix);
  int log = real_open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | flags, 0600);
  if (log < 0) fail("cannot open a log");
  return log;
}

static struct watched *watch(const struct stat *status, int is_new) {
  int is_directory = S_ISDIR(status->st_mode);
  for (struct watched *file = all; file != NULL; file = file->next) {
    if (file->inode != status->st_ino || file->is_directory != is_directory) continue;
    if (is_new && ftruncate(file->log, 0) != 0) fail("cannot empty a log");
    return file;
  }
  struct watched *file = calloc(1, sizeof *file);
  file->inode = status->st_ino;
  file->is_directory = is_directory;
  file->log = is_directory ? open_log('d', file->inode, "log", 0)
                           : open_log('f', file->inode, "undo", is_new ? O_TRUNC : 0);
  file->next = all;
  all = file;
  return file;
}

// The name log of the directory that holds `path`.
static struct watched *parent_of(const char *path) {
  char parent[PATH_MAX];
  snprintf(parent, sizeof parent, "%s", path);
  *strrchr(parent, '/') = 0;
  struct stat status;
  if (stat(parent, &status) != 0) fail("cannot look at a directory");
  return watch(&status, 0);
}

static void log_name(const char *path, const char *line) {
  struct iovec part = {(void *)line, strlen(line)};
  append(parent_of(path)->log, &part, 1, part.iov_len);
}

// Keeps what `path` names now under a name of the shadow. 0 = there is nothing.
static long keep(const char *path) {
  struct stat status;
  if (lstat(path, &status) != 0 || !S_ISREG(status.st_mode)) return 0;
  for (;;) {
    char kept[PATH_MAX + 32];
    snprintf(kept, sizeof kept, "%s/k%ld", shadow, ++kept_count);
    if (link(path, kept) == 0) return kept_count;
    if (errno != EEXIST) fail("cannot keep a file");
  }
}

// Saves the old bytes of [offset, end) that exist, before they change.
static void save(struct watched *file, int fd, uint32_t type, off_t offset, size_t length, off_t from, off_t end) {
  struct stat status;
  if (fstat(fd, &status) != 0) fail("cannot look at a file");
  off_t old_end = end < status.st_size ? end : status.st_size;
  size_t old_bytes = old_end > from ? (size_t)(old_end - from) : 0;
  struct record record = {MAGIC, type, (uint64_t)offset, length, (uint64_t)status.st_size, old_bytes};
  char small[4096];
  char *old = old_bytes <= sizeof small ? small : malloc(old_bytes);
  if (old_bytes > 0) {
    // The descriptor may be write-only.
    char self[64];
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    int reader = -1;
    if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY) {
      reader = real_open(self, O_RDONLY | O_CLOEXEC);
      if (reader < 0) fail("cannot read a file");
    }
    if (pread(reader < 0 ? fd : reader, old, old_bytes, from) != (ssize_t)old_bytes) fail("cannot read old bytes");
    if (reader >= 0) real_close(reader);
  }
  struct iovec parts[2] = {{&record, sizeof record}, {old, old_bytes}};
  append(file->log, parts, 2, sizeof record + old_bytes);
  if (old != small) free(old);
}

static struct watched *watched_file(int fd) {
  struct watched *file = fd >= 0 && fd < MAX_FD ? by_fd[fd] : NULL;
  return file != NULL && !file->is_directory ? file : NULL;
}

static int opened(int fd, const char *absolute, int is_new) {
  struct stat status;
  if (fd < 0 || fd >= MAX_FD || fstat(fd, &status) != 0) return fd;
  if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) return fd;
  if (is_new) {
    char line[PATH_MAX + 8];
    snprintf(line, sizeof line, "C\t%s\n", absolute);
    log_name(absolute, line);
  }
  by_fd[fd] = watch(&status, is_new);
  return fd;
}

static int open_watched(int at, const char *path, int flags, mode_t mode) {
  char absolute[PATH_MAX];
  if (!resolve(at, path, absolute)) return real_openat(at, path, flags, mode);
  pthread_mutex_lock(&lock);
  struct stat status;
  int is_new = (flags & O_CREAT) != 0 && lstat(absolute, &status) != 0;
  if (is_new) count_operation();
  if (!is_new && (flags & O_TRUNC) != 0 && stat(absolute, &status) == 0 && status.st_size > 0) {
    int old = real_open(absolute, O_RDONLY | O_CLOEXEC);
    if (old >= 0) {
      count_operation();
      save(watch(&status, 0), old, 'T', 0, 0, 0, status.st_size);
      real_close(old);
    }
  }
  int fd = opened(real_openat(at, path, flags, mode), absolute, is_new);
  int error = errno;
  pthread_mutex_unlock(&lock);
  errno = error;
  return fd;
}

#define MODE(flags, mode)                                   \
  mode_t mode = 0;                                          \
  if (((flags) & O_CREAT) != 0 || ((flags) & O_TMPFILE) == O_TMPFILE) { \
    va_list rest;                                           \
    va_start(rest, flags);                                  \
    mode = (mode_t)va_arg(rest, int);                       \
    va_end(rest);                                           \
  }

int open(const char *path, int flags, ...) {
  MODE(flags, mode)
  return open_watched(AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
  MODE(flags, mode)
  return open_watched(AT_FDCWD, path, flags, mode);
}
int openat(int at, const char *path, int flags, ...) {
  MODE(flags, mode)
  return open_watched(at, path, flags, mode);
}
int openat64(int at, const char *path, int flags, ...) {
  MODE(flags, mode)
  return open_watched(at, path, flags, mode);
}

int close(int fd) {
  if (fd >= 0 && fd < MAX_FD) by_fd[fd] = NULL;
  return real_close(fd);
}

// How many of `length` bytes there is room for; -1 = none at all.
static ssize_t room_for(size_t length) {
  if (space < 0) return (ssize_t)length;
  if (space == 0 && length > 0) {
    if (space_fails > 0 && --space_fails == 0) space = -1;
    return -1;
  }
  ssize_t fits = (size_t)space < length ? (ssize_t)space : (ssize_t)length;
  space -= fits;
  return fits;
}

static ssize_t write_watched(struct watched *file, int fd, const void *bytes, size_t length, off_t offset, int at_offset) {
  pthread_mutex_lock(&lock);
  count_operation();
  ssize_t result = room_for(length);
  if (result < 0) {
    errno = ENOSPC;
  } else {
    off_t where = offset;
    if (!at_offset) where = lseek(fd, 0, (fcntl(fd, F_GETFL) & O_APPEND) != 0 ? SEEK_END : SEEK_CUR);
    save(file, fd, 'W', where, (size_t)result, where, where + result);
    result = at_offset ? real_pwrite(fd, bytes, (size_t)result, offset) : real_write(fd, bytes, (size_t)result);
  }
  int error = errno;
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  struct watched *file = watched_file(fd);
  return file == NULL ? real_pwrite(fd, bytes, length, offset) : write_watched(file, fd, bytes, length, offset, 1);
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
  return pwrite64(fd, bytes, length, offset);
}
ssize_t write(int fd, const void *bytes, size_t length) {
  struct watched *file = watched_file(fd);
  return file == NULL ? real_write(fd, bytes, length) : write_watched(file, fd, bytes, length, 0, 0);
}

// One by one: a vector is as divisible as its parts.
static ssize_t writev_watched(struct watched *file, int fd, const struct iovec *parts, int count, off_t offset, int at) {
  ssize_t total = 0;
  for (int i = 0; i < count; i++) {
    if (parts[i].iov_len == 0) continue;
    ssize_t written = write_watched(file, fd, parts[i].iov_base, parts[i].iov_len, offset + total, at);
    if (written < 0) return total > 0 ? total : -1;
    total += written;
    if ((size_t)written < parts[i].iov_len) break;
  }
  return total;
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
  struct watched *file = watched_file(fd);
  return file == NULL ? real_writev(fd, parts, count) : writev_watched(file, fd, parts, count, 0, 0);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
  struct watched *file = watched_file(fd);
  return file == NULL ? real_pwritev(fd, parts, count, offset) : writev_watched(file, fd, parts, count, offset, 1);
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
  return pwritev64(fd, parts, count, offset);
}

int ftruncate64(int fd, off64_t size) {
  struct watched *file = watched_file(fd);
  if (file == NULL) return real_ftruncate(fd, size);
  pthread_mutex_lock(&lock);
  count_operation();
  save(file, fd, 'T', size, 0, size, INT64_MAX);
  int result = real_ftruncate(fd, size);
  int error = errno;
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

// Preallocation changes the size only; callers fall back to writing.
int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
  if (watched_file(fd) == NULL) return real_fallocate(fd, mode, offset, length);
  errno = EOPNOTSUPP;
  return -1;
}
int fallocate(int fd, int mode, off_t offset, off_t length) { return fallocate64(fd, mode, offset, length); }
int posix_fallocate64(int fd, off64_t offset, off64_t length) {
  if (watched_file(fd) != NULL) return EOPNOTSUPP;
  return real_fallocate(fd, 0, offset, length) == 0 ? 0 : errno;
}
int posix_fallocate(int fd, off_t offset, off_t length) { return posix_fallocate64(fd, offset, length); }

static int sync_watched(int fd, int (*real)(int)) {
  struct watched *file = fd >= 0 && fd < MAX_FD ? by_fd[fd] : NULL;
  if (file == NULL) return real(fd);
  pthread_mutex_lock(&lock);
  count_operation();
  int result = 0;
  if (slow_sync_ms > 0) {
    struct timespec pause = {slow_sync_ms / 1000, slow_sync_ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
  }
  if (!file->is_directory) {
    sync_count += 1;
    if (fail_sync > 0 && (sync_count == fail_sync || (fail_always && sync_count > fail_sync))) {
      file->frozen = 1;
      result = -1;
      errno = EIO;
    }
  }
  // The disk itself is not asked: what counts as durable is decided here.
  if (result == 0 && !file->frozen && ftruncate(file->log, 0) != 0) fail("cannot empty a log");
  int error = errno;
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}
int fsync(int fd) { return sync_watched(fd, real_fsync); }
int fdatasync(int fd) { return sync_watched(fd, real_fdatasync); }

int unlink(const char *path) {
  char absolute[PATH_MAX], line[PATH_MAX + 64];
  if (!resolve(AT_FDCWD, path, absolute)) return real_unlink(path);
  pthread_mutex_lock(&lock);
  long kept = keep(absolute);
  if (kept > 0) {
    count_operation();
    snprintf(line, sizeof line, "U\t%s\tk%ld\n", absolute, kept);
    log_name(absolute, line);
  }
  int result = real_unlink(path);
  int error = errno;
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}

int rename(const char *from, const char *to) {
  char source[PATH_MAX], target[PATH_MAX], line[2 * PATH_MAX + 64];
  if (!resolve(AT_FDCWD, from, source) || !resolve(AT_FDCWD, to, target)) return real_rename(from, to);
  pthread_mutex_lock(&lock);
  count_operation();
  long kept = keep(target);
  snprintf(line, sizeof line, "R\t%s\t%s\tk%ld\n", target, source, kept);
  log_name(target, line);
  int result = real_rename(from, to);
  int error = errno;
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}
