#include "tests/storage/fault_vfs.h"

#include <sqlite3.h>

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <new>

namespace support {

struct FaultVfs::Door {
  sqlite3_vfs vfs{};
  sqlite3_vfs* real = nullptr;

  Fault fault = Fault::kIo;
  int countdown = 0;  // calls until the fault; 0: none is coming
  int n_calls = 0;    // that the fault could befall
  bool for_ever = false, failing = false, has_failed = false;
  int last_errno = 0;  // of the last fault; 0: ask the real one

  std::vector<DiskEvent>* events = nullptr;

  bool fails(bool applies) {
    if (!applies) return false;
    ++n_calls;
    if (failing) return true;
    if (countdown == 0 || --countdown > 0) return false;
    if (fault == Fault::kKill) ::kill(::getpid(), SIGKILL);
    failing = for_ever;
    has_failed = true;
    return true;
  }
  void tell(DiskEvent event) {
    if (events) events->push_back(std::move(event));
  }
};

namespace {

using Door = FaultVfs::Door;
using Kind = DiskEvent::Kind;

// The real file lies behind this one in the memory SQLite gives.
struct File {
  sqlite3_file base{};
  Door* door = nullptr;
  std::string* name = nullptr;  // owned; freed by xClose

  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

File* fileOf(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
Door* doorOf(sqlite3_vfs* vfs) { return static_cast<Door*>(vfs->pAppData); }

bool hitsAny(const Door& door) { return door.fault == Fault::kIo || door.fault == Fault::kKill; }
bool needsRoom(const Door& door) {
  return door.fault == Fault::kDiskFull || door.fault == Fault::kShortWrite;
}

int failed(Door& door, int code) {
  door.last_errno = needsRoom(door) ? ENOSPC : EIO;
  return code;
}

int closeFile(sqlite3_file* file) {
  File* self = fileOf(file);
  const int code =
      self->real()->pMethods ? self->real()->pMethods->xClose(self->real()) : SQLITE_OK;
  delete self->name;
  return code;
}

int readFile(sqlite3_file* file, void* bytes, int n_bytes, sqlite3_int64 offset) {
  File* self = fileOf(file);
  Door& door = *self->door;
  if (door.fails(hitsAny(door) || door.fault == Fault::kShortRead)) {
    if (door.fault == Fault::kShortRead)
      (void)self->real()->pMethods->xRead(self->real(), bytes, n_bytes / 2, offset);
    return failed(door, SQLITE_IOERR_READ);
  }
  return self->real()->pMethods->xRead(self->real(), bytes, n_bytes, offset);
}

int writeFile(sqlite3_file* file, const void* bytes, int n_bytes, sqlite3_int64 offset) {
  File* self = fileOf(file);
  Door& door = *self->door;
  if (door.fails(hitsAny(door) || needsRoom(door))) {
    if (door.fault == Fault::kShortWrite)
      (void)self->real()->pMethods->xWrite(self->real(), bytes, n_bytes / 2, offset);
    return failed(door, needsRoom(door) ? SQLITE_FULL : SQLITE_IOERR_WRITE);
  }
  if (door.events)
    door.tell({Kind::kWrite, *self->name, offset,
               std::string(static_cast<const char*>(bytes), static_cast<std::size_t>(n_bytes))});
  return self->real()->pMethods->xWrite(self->real(), bytes, n_bytes, offset);
}

int truncateFile(sqlite3_file* file, sqlite3_int64 n_bytes) {
  File* self = fileOf(file);
  Door& door = *self->door;
  if (door.fails(hitsAny(door))) return failed(door, SQLITE_IOERR_TRUNCATE);
  door.tell({Kind::kTruncate, *self->name, n_bytes});
  return self->real()->pMethods->xTruncate(self->real(), n_bytes);
}

int syncFile(sqlite3_file* file, int flags) {
  File* self = fileOf(file);
  Door& door = *self->door;
  if (door.fails(hitsAny(door) || door.fault == Fault::kSync))
    return failed(door, SQLITE_IOERR_FSYNC);
  door.tell({Kind::kSync, *self->name});
  return door.events ? SQLITE_OK : self->real()->pMethods->xSync(self->real(), flags);
}

int sizeOfFile(sqlite3_file* file, sqlite3_int64* n_bytes) {
  File* self = fileOf(file);
  Door& door = *self->door;
  if (door.fails(hitsAny(door))) return failed(door, SQLITE_IOERR_FSTAT);
  return self->real()->pMethods->xFileSize(self->real(), n_bytes);
}

int lockFile(sqlite3_file* file, int level) {
  File* self = fileOf(file);
  Door& door = *self->door;
  if (door.fails(hitsAny(door) || door.fault == Fault::kLock))
    return failed(door, SQLITE_IOERR_LOCK);
  return self->real()->pMethods->xLock(self->real(), level);
}

int unlockFile(sqlite3_file* file, int level) {
  File* self = fileOf(file);
  return self->real()->pMethods->xUnlock(self->real(), level);
}

int checkReserved(sqlite3_file* file, int* is_reserved) {
  File* self = fileOf(file);
  Door& door = *self->door;
  if (door.fails(hitsAny(door) || door.fault == Fault::kLock))
    return failed(door, SQLITE_IOERR_CHECKRESERVEDLOCK);
  return self->real()->pMethods->xCheckReservedLock(self->real(), is_reserved);
}

int controlFile(sqlite3_file* file, int what, void* argument) {
  File* self = fileOf(file);
  Door& door = *self->door;
  if (what == SQLITE_FCNTL_LAST_ERRNO && door.last_errno != 0) {
    *static_cast<int*>(argument) = door.last_errno;
    return SQLITE_OK;
  }
  return self->real()->pMethods->xFileControl(self->real(), what, argument);
}

int sectorSize(sqlite3_file* file) {
  File* self = fileOf(file);
  return self->real()->pMethods->xSectorSize(self->real());
}

int characteristics(sqlite3_file* file) {
  File* self = fileOf(file);
  return self->real()->pMethods->xDeviceCharacteristics(self->real());
}

// Version 1: no shared memory and no memory map, which Lectern does without.
constexpr sqlite3_io_methods kMethods{
    .iVersion = 1,
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
    .xShmMap = nullptr,
    .xShmLock = nullptr,
    .xShmBarrier = nullptr,
    .xShmUnmap = nullptr,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

int openFile(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* flags_out) {
  Door& door = *doorOf(vfs);
  File* self = new (file) File;
  self->door = &door;
  const bool makes = (flags & SQLITE_OPEN_CREATE) != 0;
  if (door.fails(hitsAny(door) || door.fault == Fault::kOpen ||
                 (makes && door.fault == Fault::kDiskFull)))
    return failed(door, SQLITE_CANTOPEN);
  const int code = door.real->xOpen(door.real, name, self->real(), flags, flags_out);
  if (code != SQLITE_OK) return code;
  self->name = new std::string(name ? std::filesystem::path(name).filename().string() : "");
  self->base.pMethods = &kMethods;
  if (!self->name->empty()) door.tell({Kind::kOpen, *self->name});
  return SQLITE_OK;
}

int deleteFile(sqlite3_vfs* vfs, const char* name, int sync_folder) {
  Door& door = *doorOf(vfs);
  if (door.fails(hitsAny(door))) return failed(door, SQLITE_IOERR_DELETE);
  const int code = door.real->xDelete(door.real, name, door.events ? 0 : sync_folder);
  if (code == SQLITE_OK)
    door.tell({sync_folder ? Kind::kDeleteForGood : Kind::kDelete,
               std::filesystem::path(name).filename().string()});
  return code;
}

int accessFile(sqlite3_vfs* vfs, const char* name, int flags, int* result) {
  Door& door = *doorOf(vfs);
  if (door.fails(hitsAny(door))) return failed(door, SQLITE_IOERR_ACCESS);
  return door.real->xAccess(door.real, name, flags, result);
}

int lastError(sqlite3_vfs* vfs, int n_bytes, char* text) {
  Door& door = *doorOf(vfs);
  if (door.last_errno != 0) return door.last_errno;
  return door.real->xGetLastError(door.real, n_bytes, text);
}

}  // namespace

FaultVfs::FaultVfs() : door_(std::make_unique<Door>()) {
  door_->real = sqlite3_vfs_find(nullptr);
  sqlite3_vfs& vfs = door_->vfs;
  vfs = *door_->real;  // randomness, time and full names are the real ones
  vfs.zName = "lectern-faults";
  vfs.szOsFile = static_cast<int>(sizeof(File)) + door_->real->szOsFile;
  vfs.pAppData = door_.get();
  vfs.pNext = nullptr;
  vfs.xOpen = openFile;
  vfs.xDelete = deleteFile;
  vfs.xAccess = accessFile;
  vfs.xGetLastError = lastError;
  sqlite3_vfs_register(&vfs, 1);
}

FaultVfs::~FaultVfs() {
  sqlite3_vfs_unregister(&door_->vfs);
  sqlite3_vfs_register(door_->real, 1);
}

void FaultVfs::failCall(Fault fault, int k, bool for_ever) {
  door_->n_calls = 0;
  heal();
  door_->fault = fault;
  door_->countdown = k;
  door_->for_ever = for_ever;
  door_->has_failed = false;
}

void FaultVfs::heal() {
  door_->countdown = 0;
  door_->failing = false;
  door_->last_errno = 0;
}

int FaultVfs::calls() const { return door_->n_calls; }
bool FaultVfs::hasFailed() const { return door_->has_failed; }

void FaultVfs::record(std::vector<DiskEvent>* events) { door_->events = events; }

void FaultVfs::mark(std::int64_t n) { door_->tell({DiskEvent::Kind::kMark, "", n}); }

}  // namespace support
