#include "app/speed_record.h"

#include <algorithm>
#include <fstream>
#include <ostream>
#include <sstream>

#include "app/json_fields.h"
#include "engine/base/replace_file.h"
#include "engine/json.h"

namespace app {
namespace {

constexpr std::size_t kRunsMax = 8;
// The bundled model on two cores of a slow and of a fast machine.
constexpr SpeedForecast kRoughGuess{.tok_s_low = 600, .tok_s_high = 4000, .measured = false};

// A disk in a bad and in a good hour, a small and a large model.
constexpr double kDiskSlow = 100e6, kDiskFast = 2e9;
constexpr double kLoadFast_s = 0.05, kLoadSlow_s = 5;

constexpr const char* kRestores = "restores";

engine::Json readRecord(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  auto record = engine::parseJson(text.str());
  return record && record->is_object() ? *record : engine::Json::object();
}

}  // namespace

double SpeedForecast::secondsLow(std::int64_t n_tokens) const {
  return tok_s_high > 0 ? static_cast<double>(n_tokens) / tok_s_high : 0;
}

double SpeedForecast::secondsHigh(std::int64_t n_tokens) const {
  return tok_s_low > 0 ? static_cast<double>(n_tokens) / tok_s_low : 0;
}

std::vector<double> SpeedRecord::runs(const base::Hash128& fingerprint) const {
  const engine::Json record = readRecord(file_);
  std::vector<double> runs;
  JsonFields(record).maybe(fingerprint.hex().c_str(), runs);
  std::erase_if(runs, [](double run) { return !(run > 0); });
  return runs;
}

SpeedForecast SpeedRecord::forecast(const base::Hash128& fingerprint) const {
  const std::vector<double> known = runs(fingerprint);
  if (known.empty()) return kRoughGuess;
  const auto [low, high] = std::minmax_element(known.begin(), known.end());
  return {.tok_s_low = *low / 1.1, .tok_s_high = *high * 1.1, .measured = true};
}

void SpeedRecord::add(const base::Hash128& fingerprint, std::int64_t n_tokens, double seconds) {
  if (n_tokens < kTokensMin || !(seconds > 0)) return;
  engine::Json record = readRecord(file_);
  std::vector<double> known = runs(fingerprint);
  known.push_back(static_cast<double>(n_tokens) / seconds);
  if (known.size() > kRunsMax) known.erase(known.begin());
  record[fingerprint.hex()] = known;
  write(record);
}

std::vector<std::pair<double, double>> SpeedRecord::restores(
    const base::Hash128& fingerprint) const {
  const engine::Json record = readRecord(file_);
  std::vector<std::pair<double, double>> restores;
  const engine::Json* models = JsonFields(record).find(kRestores);
  if (models == nullptr || !models->is_object()) return restores;
  std::vector<std::vector<double>> rows;
  JsonFields(*models).maybe(fingerprint.hex().c_str(), rows);
  for (const auto& row : rows)
    if (row.size() == 2 && row[0] > 0 && row[1] > 0) restores.emplace_back(row[0], row[1]);
  return restores;
}

RestoreForecast SpeedRecord::restoreForecast(const base::Hash128& fingerprint,
                                             std::int64_t n_tokens, std::int64_t n_bytes) const {
  const auto known = restores(fingerprint);
  const auto bytes = static_cast<double>(n_bytes);
  if (known.empty())
    return {.seconds_low = kLoadFast_s + bytes / kDiskFast,
            .seconds_high = kLoadSlow_s + bytes / kDiskSlow};
  RestoreForecast forecast{.seconds_low = 1e12, .seconds_high = 0, .measured = true};
  for (const auto& [tokens, seconds] : known) {
    const double share = static_cast<double>(n_tokens) / tokens;
    forecast.seconds_low = std::min(forecast.seconds_low, seconds * std::min(share, 1.0) / 1.1);
    forecast.seconds_high = std::max(forecast.seconds_high, seconds * std::max(share, 1.0) * 1.1);
  }
  return forecast;
}

void SpeedRecord::addRestore(const base::Hash128& fingerprint, std::int64_t n_tokens,
                             double seconds) {
  if (n_tokens < kTokensMin || !(seconds > 0)) return;
  auto known = restores(fingerprint);
  known.emplace_back(static_cast<double>(n_tokens), seconds);
  if (known.size() > kRunsMax) known.erase(known.begin());
  engine::Json record = readRecord(file_), rows = engine::Json::array();
  for (const auto& [tokens, s] : known) rows.push_back({tokens, s});
  if (!record[kRestores].is_object()) record[kRestores] = engine::Json::object();
  record[kRestores][fingerprint.hex()] = std::move(rows);
  write(record);
}

// A crash or a full disk leaves the old record or the new one.
void SpeedRecord::write(const engine::Json& record) {
  (void)base::replaceFile(file_, [&](std::ostream& out) { out << dumpJson(record); });
}

}  // namespace app
