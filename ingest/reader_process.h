// reader_process.h: the parent's end of one lectern-reader.
#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include <sys/types.h>

#include "engine/base/result.h"
#include "ingest/reader_message.h"
#include "ingest/reader_request.h"

namespace ingest {

// Why no further message comes.
struct ReaderFailure {
  enum class Kind {
    kStopped,      // by the stop token
    kNotStarted,
    kTimeout,      // silent for too long, or out of its processor time
    kOutOfMemory,
    kCrashed,      // ended by a signal of its own making, or without finishing
    kKilled,       // SIGKILL or SIGTERM from somebody else
    kBadMessage,   // sent something that cannot be true
  };
  Kind kind = Kind::kCrashed;
  std::string detail;  // for the log and Error::message
};

// Invariant: at most one process, killed and reaped at the latest by the destructor. The child gets
// the document as descriptor 3, pipes as stdin (for the password) and stdout and nothing else of
// ours: an empty environment but for the locale, /dev/null as stderr (what a hostile document
// prints concerns nobody).
class ReaderProcess {
 public:
  // `document` is not taken over.
  static tl::expected<std::unique_ptr<ReaderProcess>, ReaderFailure> start(
      const std::filesystem::path& program, int document, const ReaderRequest& request,
      std::stop_token stop, const std::string& password = {});
  ~ReaderProcess();
  ReaderProcess(const ReaderProcess&) = delete;
  ReaderProcess& operator=(const ReaderProcess&) = delete;

  // The next message. After a failure or Finished there is none to ask for.
  tl::expected<ReaderMessage, ReaderFailure> receive(int timeout_s);

  pid_t pid() const { return pid_; }

 private:
  ReaderProcess(pid_t pid, int output, std::stop_token stop);
  tl::expected<void, ReaderFailure> fill(char* into, std::size_t n_bytes, int timeout_s);
  ReaderFailure explainEnd();
  int reap();  // kills what still runs; the wait status

  const pid_t pid_;
  const int output_;
  const std::stop_token stop_;
  struct Killer {
    pid_t pid;
    void operator()() const;
  };
  // Gone before the process is reaped: a late kill must not meet a foreign process of its number.
  std::unique_ptr<std::stop_callback<Killer>> on_stop_;
};

}  // namespace ingest
