// fault_vfs.h: SQLite's door to the disk, with a hand on it.
//
// The real files are used; on the way every call can be made to fail, and everything that is
// written, synced or deleted can be recorded. Becomes the process' default door while it lives;
// nothing of ours has to know.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace support {

enum class Fault {
  kIo,          // any call: EIO
  kKill,        // any call: the process is killed before it is made
  kShortRead,   // a read that stops half way
  kDiskFull,    // whatever needs room: ENOSPC
  kShortWrite,  // a write that stops half way, for lack of room
  kSync,        // a sync
  kOpen,        // opening a file
  kLock,        // locking a file
};

struct DiskEvent {
  enum class Kind { kOpen, kWrite, kTruncate, kSync, kDelete, kDeleteForGood, kMark };
  Kind kind = Kind::kMark;
  std::string file = {};    // without its folder
  std::int64_t offset = 0;  // kTruncate: the new size; kMark: what the test said
  std::string bytes = {};
};

class FaultVfs {
 public:
  struct Door;

  FaultVfs();
  ~FaultVfs();
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;

  // The k-th call from now on that this fault can befall fails, and with `for_ever` all after it
  // until heal(). k = 0: none.
  void failCall(Fault fault, int k, bool for_ever);
  void heal();
  bool hasFailed() const;
  int calls() const;  // that the last fault could befall, since failCall()

  // Everything that happens to files from now on; syncs are recorded, not made.
  void record(std::vector<DiskEvent>* events);
  void mark(std::int64_t n);

 private:
  std::unique_ptr<Door> door_;
};

}  // namespace support
