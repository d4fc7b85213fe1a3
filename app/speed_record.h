// speed_record.h: how fast this machine read with a model, so that the next plan can say how long
// it takes. A small JSON file in the data folder; losing it loses only the forecast.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "app/reading_service.h"
#include "engine/base/hash.h"

namespace app {

class SpeedRecord {
 public:
  explicit SpeedRecord(const std::filesystem::path& data) : file_(data / "speed.json") {}

  // The range of the last runs, 10 % wider; a rough guess for a model never run here.
  SpeedForecast forecast(const base::Hash128& fingerprint) const;
  // Runs of fewer tokens than this say nothing and are not kept.
  static constexpr std::int64_t kTokensMin = 512;
  void add(const base::Hash128& fingerprint, std::int64_t n_tokens, double seconds);

 private:
  std::vector<double> runs(const base::Hash128& fingerprint) const;

  std::filesystem::path file_;
};

}  // namespace app
