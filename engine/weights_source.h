// weights_source.h: the files behind Weights: tensors under the official names (specification
// §15.2 to §15.5), whatever the files call them, each checked for type and shape.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/hash.h"
#include "engine/base/result.h"
#include "engine/gguf.h"
#include "engine/model_config.h"
#include "kernels/matrix_view.h"

namespace engine {

// How official checkpoints store a tensor. A GGUF file says its own type for each.
enum class Published { kF32, kBf16, kFp8, kExpert };

// Remembers the first tensor that is missing or wrong and answers with nothing from then on, so
// that binding reads as a list. Matrices point into the mapped files: keep the source.
class WeightsSource {
 public:
  virtual ~WeightsSource() = default;

  virtual bool has(const std::string& name) const = 0;
  // Values as float32, row-major.
  virtual std::vector<float> values(const std::string& name, Published published,
                                    std::vector<std::int64_t> shape) = 0;
  // `name` without ".weight" or ".scale".
  virtual kernels::MatrixView matrix(const std::string& name, Published published, std::int64_t out,
                                     std::int64_t in) = 0;
  // Matrix `which` ("w1", "w2", "w3") of each routed expert of a layer; `prefix` ends in ".ffn.".
  virtual std::vector<kernels::MatrixView> experts(const std::string& prefix,
                                                   const std::string& which, std::int64_t out,
                                                   std::int64_t in) = 0;
  // Expert ids of the hash layers [vocab, top_k].
  virtual std::vector<std::int64_t> expertTable(const std::string& name) = 0;

  // Live as long as this; their maps may be given up once everything is bound.
  virtual std::vector<MappedFile*> files() = 0;
  virtual std::int64_t fileBytes() const = 0;
  // See Weights::manifest(). Before a map is given up.
  virtual base::Hash128 manifest() const = 0;

  const std::string& problem() const { return problem_; }  // empty: none
  void fail(std::string message) {
    if (problem_.empty()) problem_ = std::move(message);
  }

 private:
  std::string problem_;
};

// Files above this size are not read whole for the manifest.
inline constexpr std::int64_t kHashedWholeBytes = std::int64_t{256} << 20;

std::string shapeText(const std::vector<std::int64_t>& shape);  // "[4, 1024]"

base::Result<std::unique_ptr<WeightsSource>> openSafetensorsSource(
    const std::filesystem::path& folder, const ModelConfig& config);
base::Result<std::unique_ptr<WeightsSource>> openGgufSource(GgufFile file,
                                                            const ModelConfig& config);

}  // namespace engine
