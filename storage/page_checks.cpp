#include "storage/page_checks.h"

#include <sqlite3.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <set>
#include <span>
#include <vector>

#include "engine/base/hash.h"

namespace storage {
namespace {

constexpr int kCountDamage = 0x4c6563;  // a file control of our own
// Of a page that was damaged when it was read and has been written again since: it may hold what
// the damage left in it.
constexpr std::uint64_t kDamagedBefore = 0xd9a5a4e2b3c86f17u;
constexpr int kHeaderBytes = 100, kReservedAt = 20, kPageBytesMin = 512;

struct FreeFile {
  void operator()(sqlite3_file* file) const noexcept { sqlite3_free(file); }
};

struct File {
  sqlite3_file base{};
  std::unique_ptr<sqlite3_file, FreeFile> real;
  bool has_checks = false;
  std::set<sqlite3_int64> damaged;  // offsets
  std::vector<std::byte> page;
};

File& fileOf(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
const sqlite3_io_methods& methods(File& file) { return *file.real->pMethods; }
// Looked up at every use: the file system below may be another one by then.
sqlite3_vfs* realVfs() { return sqlite3_vfs_find(nullptr); }

bool isPage(int n_bytes, sqlite3_int64 offset) {
  return n_bytes >= kPageBytesMin && (n_bytes & (n_bytes - 1)) == 0 && offset % n_bytes == 0;
}

std::uint64_t hashOf(const std::byte* page, int n_bytes, sqlite3_int64 offset) {
  const std::span<const std::byte> covered(page,
                                           static_cast<std::size_t>(n_bytes - kPageCheckBytes));
  const auto number = static_cast<std::uint64_t>(offset / n_bytes) + 1;
  return base::payloadHash(covered) ^ (number * 0x9e3779b97f4a7c15u);
}

// The header tells whether pages have room for the hash.
void learn(File& file, const std::byte* bytes, int n_bytes, sqlite3_int64 offset) {
  if (offset == 0 && n_bytes >= kHeaderBytes)
    file.has_checks = std::to_integer<int>(bytes[kReservedAt]) == kPageCheckBytes;
}

int closeFile(sqlite3_file* base) {
  File& file = fileOf(base);
  const int code = methods(file).xClose(file.real.get());
  file.~File();
  return code;
}

int readFile(sqlite3_file* base, void* to, int n_bytes, sqlite3_int64 offset) {
  File& file = fileOf(base);
  const int code = methods(file).xRead(file.real.get(), to, n_bytes, offset);
  if (code != SQLITE_OK) return code;
  const auto* bytes = static_cast<const std::byte*>(to);
  learn(file, bytes, n_bytes, offset);
  if (!file.has_checks || !isPage(n_bytes, offset)) return SQLITE_OK;
  std::uint64_t stored = 0;
  std::memcpy(&stored, bytes + n_bytes - kPageCheckBytes, sizeof(stored));
  if (stored == hashOf(bytes, n_bytes, offset)) return SQLITE_OK;
  try {
    file.damaged.insert(offset);
  } catch (const std::bad_alloc&) {
    return SQLITE_IOERR_NOMEM;
  }
  return SQLITE_OK;
}

int writeFile(sqlite3_file* base, const void* from, int n_bytes, sqlite3_int64 offset) {
  File& file = fileOf(base);
  const auto* bytes = static_cast<const std::byte*>(from);
  learn(file, bytes, n_bytes, offset);
  if (!file.has_checks || !isPage(n_bytes, offset))
    return methods(file).xWrite(file.real.get(), from, n_bytes, offset);
  try {
    file.page.assign(bytes, bytes + n_bytes);
  } catch (const std::bad_alloc&) {
    return SQLITE_IOERR_NOMEM;
  }
  std::uint64_t hash = hashOf(bytes, n_bytes, offset);
  if (file.damaged.contains(offset)) hash ^= kDamagedBefore;
  std::memcpy(file.page.data() + n_bytes - kPageCheckBytes, &hash, sizeof(hash));
  return methods(file).xWrite(file.real.get(), file.page.data(), n_bytes, offset);
}

int truncateFile(sqlite3_file* base, sqlite3_int64 n_bytes) {
  File& file = fileOf(base);
  file.damaged.erase(file.damaged.lower_bound(n_bytes), file.damaged.end());
  return methods(file).xTruncate(file.real.get(), n_bytes);
}

int syncFile(sqlite3_file* base, int flags) {
  File& file = fileOf(base);
  return methods(file).xSync(file.real.get(), flags);
}

int sizeOfFile(sqlite3_file* base, sqlite3_int64* n_bytes) {
  File& file = fileOf(base);
  return methods(file).xFileSize(file.real.get(), n_bytes);
}

int lockFile(sqlite3_file* base, int level) {
  File& file = fileOf(base);
  return methods(file).xLock(file.real.get(), level);
}

int unlockFile(sqlite3_file* base, int level) {
  File& file = fileOf(base);
  return methods(file).xUnlock(file.real.get(), level);
}

int checkReserved(sqlite3_file* base, int* is_reserved) {
  File& file = fileOf(base);
  return methods(file).xCheckReservedLock(file.real.get(), is_reserved);
}

int controlFile(sqlite3_file* base, int what, void* argument) {
  File& file = fileOf(base);
  if (what == kCountDamage) {
    *static_cast<std::int64_t*>(argument) = static_cast<std::int64_t>(file.damaged.size());
    return SQLITE_OK;
  }
  return methods(file).xFileControl(file.real.get(), what, argument);
}

int sectorSize(sqlite3_file* base) {
  File& file = fileOf(base);
  return methods(file).xSectorSize(file.real.get());
}

int characteristics(sqlite3_file* base) {
  File& file = fileOf(base);
  return methods(file).xDeviceCharacteristics(file.real.get());
}

bool hasSharedMemory(File& file) { return methods(file).iVersion >= 2 && methods(file).xShmMap; }

int mapShared(sqlite3_file* base, int page, int n_bytes, int extend, void volatile** at) {
  File& file = fileOf(base);
  if (!hasSharedMemory(file)) return SQLITE_IOERR_SHMMAP;
  return methods(file).xShmMap(file.real.get(), page, n_bytes, extend, at);
}

int lockShared(sqlite3_file* base, int offset, int n, int flags) {
  File& file = fileOf(base);
  if (!hasSharedMemory(file)) return SQLITE_IOERR_SHMLOCK;
  return methods(file).xShmLock(file.real.get(), offset, n, flags);
}

void sharedBarrier(sqlite3_file* base) {
  File& file = fileOf(base);
  if (hasSharedMemory(file)) methods(file).xShmBarrier(file.real.get());
}

int unmapShared(sqlite3_file* base, int remove) {
  File& file = fileOf(base);
  return hasSharedMemory(file) ? methods(file).xShmUnmap(file.real.get(), remove) : SQLITE_OK;
}

// Version 2: no memory map, for what is mapped is not checked.
constexpr sqlite3_io_methods kChecked{
    .iVersion = 2,
    .xClose = closeFile,
    .xRead = readFile,
    .xWrite = writeFile,
    .xTruncate = truncateFile,
    .xSync = syncFile,
    .xFileSize = sizeOfFile,
    .xLock = lockFile,
    .xUnlock = unlockFile,
    .xCheckReservedLock = checkReserved,
    .xFileControl = controlFile,
    .xSectorSize = sectorSize,
    .xDeviceCharacteristics = characteristics,
    .xShmMap = mapShared,
    .xShmLock = lockShared,
    .xShmBarrier = sharedBarrier,
    .xShmUnmap = unmapShared,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};
// The log, the journal and temporary files hold no pages at their places.
constexpr sqlite3_io_methods kUnchecked = [] {
  sqlite3_io_methods unchecked = kChecked;
  unchecked.xRead = [](sqlite3_file* base, void* to, int n_bytes, sqlite3_int64 offset) {
    File& file = fileOf(base);
    return methods(file).xRead(file.real.get(), to, n_bytes, offset);
  };
  unchecked.xWrite = [](sqlite3_file* base, const void* from, int n_bytes, sqlite3_int64 offset) {
    File& file = fileOf(base);
    return methods(file).xWrite(file.real.get(), from, n_bytes, offset);
  };
  return unchecked;
}();

int openFile(sqlite3_vfs*, const char* name, sqlite3_file* base, int flags, int* flags_out) {
  base->pMethods = nullptr;
  sqlite3_vfs* real = realVfs();
  std::unique_ptr<sqlite3_file, FreeFile> file(
      static_cast<sqlite3_file*>(sqlite3_malloc(real->szOsFile)));
  if (!file) return SQLITE_NOMEM;
  std::memset(file.get(), 0, static_cast<std::size_t>(real->szOsFile));
  const int code = real->xOpen(real, name, file.get(), flags, flags_out);
  if (code != SQLITE_OK) {
    if (file->pMethods) file->pMethods->xClose(file.get());
    return code;
  }
  File* self = new (base) File;
  self->real = std::move(file);
  // A file that is still empty gets its checks from the first page on.
  self->has_checks = true;
  self->base.pMethods = (flags & SQLITE_OPEN_MAIN_DB) != 0 ? &kChecked : &kUnchecked;
  return SQLITE_OK;
}

int deleteFile(sqlite3_vfs*, const char* name, int sync_folder) {
  return realVfs()->xDelete(realVfs(), name, sync_folder);
}

int accessFile(sqlite3_vfs*, const char* name, int flags, int* result) {
  return realVfs()->xAccess(realVfs(), name, flags, result);
}

int fullName(sqlite3_vfs*, const char* name, int n_bytes, char* full) {
  return realVfs()->xFullPathname(realVfs(), name, n_bytes, full);
}

int lastError(sqlite3_vfs*, int n_bytes, char* text) {
  return realVfs()->xGetLastError(realVfs(), n_bytes, text);
}

}  // namespace

const char* pageChecksVfs() {
  static sqlite3_vfs checks = [] {
    sqlite3_vfs vfs = *realVfs();  // time and randomness are the real ones
    vfs.zName = "lectern-page-checks";
    vfs.szOsFile = static_cast<int>(sizeof(File));
    vfs.pNext = nullptr;
    vfs.pAppData = nullptr;
    vfs.xOpen = openFile;
    vfs.xDelete = deleteFile;
    vfs.xAccess = accessFile;
    vfs.xFullPathname = fullName;
    vfs.xGetLastError = lastError;
    return vfs;
  }();
  static const int registered = sqlite3_vfs_register(&checks, 0);
  return registered == SQLITE_OK ? checks.zName : nullptr;
}

std::int64_t damagedPages(sqlite3* connection) {
  std::int64_t n_damaged = 0;
  if (sqlite3_file_control(connection, "main", kCountDamage, &n_damaged) != SQLITE_OK) return 0;
  return n_damaged;
}

}  // namespace storage
