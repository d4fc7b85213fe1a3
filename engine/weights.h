// weights.h: the tensors of a checkpoint under the official names (specification §15), each
// checked for dtype and shape. Matrices stay in the mapped files; vectors are copied to float32.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/hash.h"
#include "engine/base/result.h"
#include "engine/model_config.h"
#include "engine/weight_store.h"
#include "kernels/experts/experts.h"
#include "kernels/hc/hc.h"
#include "kernels/matrix_view.h"

namespace engine {

class GgufFile;
class WeightsSource;

struct HcWeights {
  std::vector<float> fn, base, scale;
  kernels::HcParameters view() const { return {fn.data(), base.data(), scale.data()}; }
};

struct CompressorWeights {
  kernels::MatrixView wkv, wgate;  // bf16, used in float32
  std::vector<float> ape;          // [ratio, width]
  std::vector<float> norm;         // [dim]
};

struct IndexerWeights {
  kernels::MatrixView wq_b, weights_proj;
  CompressorWeights compressor;
};

struct AttentionWeights {
  kernels::MatrixView wq_a, wq_b, wkv, wo_a, wo_b;
  std::vector<float> q_norm, kv_norm, sink;
  CompressorWeights compressor;  // ratio != 0
  IndexerWeights indexer;        // ratio 4
};

struct MoeWeights {
  kernels::MatrixView gate;
  std::vector<float> bias;          // scored layers
  std::vector<std::int64_t> table;  // hash layers: [vocab, top_k]
  std::vector<kernels::ExpertWeights> experts;  // empty where they stream
  kernels::ExpertWeights shared;
  int cache_layer = -1;  // their layer in the expert cache; −1: they do not stream
};

struct LayerWeights {
  LayerShape shape;
  HcWeights hc_attn, hc_ffn;
  std::vector<float> attn_norm, ffn_norm;
  AttentionWeights attn;
  MoeWeights moe;
};

// The end of the trunk, or of a draft block: streams -> one row before the head.
struct TailWeights {
  HcWeights hc_head;
  std::vector<float> norm;
};

// mtp.0 of preview checkpoints (specification §12.2).
struct MtpWeights {
  LayerWeights layer;
  std::vector<float> enorm, hnorm;
  kernels::MatrixView e_proj, h_proj;
  TailWeights tail;
};

// mtp.0 .. mtp.n-1 of DSpark checkpoints (specification §19.2).
struct DsparkWeights {
  std::vector<LayerWeights> stages;
  kernels::MatrixView main_proj;
  std::vector<float> main_norm;
  TailWeights tail;
  kernels::MatrixView markov_w1, markov_w2, confidence;
};

class Weights {
 public:
  // Reads model.safetensors.index.json and its shards, or every *.safetensors of the folder.
  static base::Result<std::unique_ptr<Weights>> open(const std::filesystem::path& folder,
                                                     const ModelConfig& config);
  static base::Result<std::unique_ptr<Weights>> open(GgufFile file, const ModelConfig& config);
  ~Weights();

  kernels::MatrixView embed, head;
  TailWeights tail;
  std::vector<LayerWeights> layers;
  std::optional<MtpWeights> mtp;
  std::optional<DsparkWeights> dspark;

  // Leaves everything mapped and reads it once, or makes it stream. Once, before the first pass.
  base::Status place(const WeightPlacement& placement);
  // Null where everything is mapped.
  WeightStore* store() const { return store_.get(); }
  WeightSizes measure(std::int64_t top_k);

  // kCorrupt when a file is no longer what it was when it was opened.
  base::Status checkFiles() const;
  std::span<MappedFile* const> files() const { return files_; }
  std::int64_t fileBytes() const;
  // Hash over the names, types, shapes and bytes of every tensor. Files above 256 MiB are
  // identified by size, modification time and some of their bytes instead: hashing 160 GB
  // at every start would cost a minute, and a checkpoint is not edited in place.
  const base::Hash128& manifest() const { return manifest_; }

 private:
  explicit Weights(std::unique_ptr<WeightsSource> source);
  static base::Result<std::unique_ptr<Weights>> bind(std::unique_ptr<WeightsSource> source,
                                                     const ModelConfig& config);
  std::unique_ptr<WeightsSource> source_;  // the mapped files
  std::vector<MappedFile*> files_;         // of source_
  std::unique_ptr<WeightStore> store_;
  base::Hash128 manifest_;
};

}  // namespace engine
