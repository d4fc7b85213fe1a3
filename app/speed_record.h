// speed_record.h: how fast this machine read with a model and picked sessions up again, so that the
// next plan can say how long it takes. A small JSON file in the data folder; losing it loses only
// the forecast.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "app/reading_service.h"
#include "engine/base/hash.h"
#include "engine/json.h"

namespace app {

// Until a stored context can be gone on with, the loading of the model included.
struct RestoreForecast {
  double seconds_low = 0, seconds_high = 0;
  bool measured = false;
};

class SpeedRecord {
 public:
  explicit SpeedRecord(const std::filesystem::path& data) : file_(data / "speed.json") {}

  // The range of the last runs, 10 % wider; a rough guess for a model never run here.
  SpeedForecast forecast(const base::Hash128& fingerprint) const;
  // Runs of fewer tokens than this say nothing and are not kept.
  static constexpr std::int64_t kTokensMin = 512;
  void add(const base::Hash128& fingerprint, std::int64_t n_tokens, double seconds);

  // From the last restores, 10 % wider: a longer context than theirs takes at most as much longer
  // as it has more tokens, a shorter one at least as much less. Without any: what disks can do.
  RestoreForecast restoreForecast(const base::Hash128& fingerprint, std::int64_t n_tokens,
                                  std::int64_t n_bytes) const;
  void addRestore(const base::Hash128& fingerprint, std::int64_t n_tokens, double seconds);

 private:
  // Tokens and seconds.
  std::vector<std::pair<double, double>> restores(const base::Hash128& fingerprint) const;
  std::vector<double> runs(const base::Hash128& fingerprint) const;
  void write(const engine::Json& record);

  std::filesystem::path file_;
};

}  // namespace app
