// golden_model.h: the tiny golden models: a case of one, and how far results are from it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/base/ids.h"
#include "engine/engine.h"
#include "engine/numerics.h"
#include "tests/kernels/bundle.h"

namespace support {

// One prompt of models/<model>/cases with its expected results.
struct GoldenCase {
  GoldenCase(const std::filesystem::path& model, const std::filesystem::path& file,
             engine::Numerics numerics);

  std::string key(const std::string& name) const;  // "logits" -> "logits_official"
  std::vector<float> floats(const std::string& name) const { return bundle.floats(key(name)); }
  std::vector<std::int64_t> ints(const std::string& name) const { return bundle.ints(key(name)); }

  std::string name;  // "tiny-flash/len-00130"
  Bundle bundle;
  std::string mode;
  std::vector<base::TokenId> tokens;
  std::vector<std::int64_t> positions, splits;
};

std::vector<std::filesystem::path> caseFiles(const std::filesystem::path& model);

// Root mean square of the difference over that of the expected row.
double rowDistance(std::span<const float> actual, std::span<const float> expected);
std::size_t indexOfMax(std::span<const float> row);
double median(std::vector<double> values);
// Share of `values` that is at most `bound`.
double shareWithin(const std::vector<double>& values, double bound);

}  // namespace support
