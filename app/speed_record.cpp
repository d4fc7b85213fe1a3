#include "app/speed_record.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <system_error>

#include "app/json_fields.h"
#include "engine/json.h"

namespace app {
namespace {

constexpr std::size_t kRunsMax = 8;
// The bundled model on two cores of a slow and of a fast machine.
constexpr SpeedForecast kRoughGuess{.tok_s_low = 600, .tok_s_high = 4000, .measured = false};

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
  // Written beside and renamed, so that a crash leaves the old record or the new one.
  const std::filesystem::path fresh = file_.string() + ".new";
  std::ofstream(fresh, std::ios::binary) << dumpJson(record);
  std::error_code ignored;
  std::filesystem::rename(fresh, file_, ignored);
}

}  // namespace app
