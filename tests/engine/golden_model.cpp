#include "tests/engine/golden_model.h"

#include <algorithm>
#include <cmath>

namespace support {

GoldenCase::GoldenCase(const std::filesystem::path& model, const std::filesystem::path& file,
                       engine::Numerics numerics)
    : name(model.filename().string() + "/" + file.stem().string()),
      bundle(file),
      mode(engine::numericsName(numerics)) {
  for (const std::int64_t id : bundle.ints("token_ids"))
    tokens.push_back(static_cast<base::TokenId>(id));
  positions = bundle.ints("positions");
  splits = bundle.ints("splits");
}

std::string GoldenCase::key(const std::string& name) const {
  const auto dot = name.find('.');
  if (dot == std::string::npos) return name + "_" + mode;
  return name.substr(0, dot) + "_" + mode + name.substr(dot);
}

std::vector<std::filesystem::path> caseFiles(const std::filesystem::path& model) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(model / "cases"))
    files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

double rowDistance(std::span<const float> actual, std::span<const float> expected) {
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    difference += std::pow(static_cast<double>(actual[i]) - expected[i], 2);
    norm += std::pow(static_cast<double>(expected[i]), 2);
  }
  return std::sqrt(difference / std::max(norm, 1e-300));
}

std::size_t indexOfMax(std::span<const float> row) {
  return static_cast<std::size_t>(std::max_element(row.begin(), row.end()) - row.begin());
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double shareWithin(const std::vector<double>& values, double bound) {
  const auto n = std::count_if(values.begin(), values.end(),
                               [&](double value) { return value <= bound; });
  return static_cast<double>(n) / static_cast<double>(values.size());
}

}  // namespace support
