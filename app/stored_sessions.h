// stored_sessions.h: what snapshots.db keeps of the saved sessions, and what going on with one
// costs.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "app/engine_client.h"
#include "app/speed_record.h"
#include "storage/session_store.h"

namespace app {

// Null: nothing is kept of the session.
const EnginePin* pinOf(const std::vector<EnginePin>& pins, const storage::Session& session);

// What the sessions cost on the disk.
struct StoredSessions {
  std::vector<EnginePin> pins;
  EngineStats stats;
  std::int64_t budget_bytes = 0;
  std::optional<base::Error> unreadable;  // why nothing is known of the above

  const EnginePin* pinOf(const storage::Session& session) const {
    return app::pinOf(pins, session);
  }
};

enum class ResumeFrom { kSnapshot, kReadAgain };

// How long it takes until the model can answer: `n_read` tokens that are not stored are read.
struct ResumeForecast {
  ResumeFrom from = ResumeFrom::kReadAgain;
  std::int64_t n_read = 0;
  double seconds_low = 0, seconds_high = 0;
  bool measured = false;  // on this machine, with this model
};

ResumeForecast resumeForecast(const storage::Session& session, const EnginePin* pin,
                              const SpeedRecord& record);

}  // namespace app
