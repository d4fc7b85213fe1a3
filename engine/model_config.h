// model_config.h: the shape of a model, read from config.json and checked once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "engine/json.h"

namespace engine {

enum class LayerKind {
  kSwa,  // window only
  kCsa,  // overlapping compressor with indexer and top-k
  kHca,  // non-overlapping compressor, all rows attended
};

struct LayerShape {
  LayerKind kind = LayerKind::kSwa;
  std::int64_t ratio = 0;    // tokens per compressed row; 0: none
  bool hash_routed = false;  // experts from a table of token ids
};

struct RopeScaling {
  double factor = 1, original_length = 0, beta_fast = 32, beta_slow = 1;
};

// DSpark draft stages (specification §19.2); none when block_size is 0.
struct DsparkShape {
  std::int64_t n_stages = 0, block_size = 0, markov_rank = 0;
  std::int32_t noise_token = 0;
  std::vector<std::int64_t> target_layers;
};

// Invariant: every combination that passed parse() can be run (specification §2.4).
struct ModelConfig {
  std::int64_t vocab = 0, hidden = 0, n_layers = 0;
  std::int64_t n_heads = 0, head_dim = 0, rope_dim = 0, q_lora_rank = 0;
  std::int64_t o_groups = 0, o_lora_rank = 0;
  std::int64_t n_experts = 0, top_k = 0, expert_inter = 0;
  std::int64_t index_heads = 0, index_dim = 0, index_topk = 0;
  std::int64_t window = 0, context_max = 0;
  std::int64_t hc_streams = 0;
  int sinkhorn_iterations = 20;
  float hc_eps = 1e-6f, norm_eps = 1e-6f, routed_scale = 1, swiglu_limit = 0;
  double rope_theta = 10000, compress_rope_theta = 160000;
  RopeScaling rope_scaling;  // of the compressed layers; factor 1: none
  bool experts_fp4 = true;   // else FP8
  std::int64_t n_mtp = 0;    // MTP blocks stored in the checkpoint
  DsparkShape dspark;
  std::vector<LayerShape> layers;
  std::int32_t bos = 0, eos = 1;

  // The fields of config.json. kUnsupported with the field; `where` says what they were read from.
  static base::Result<ModelConfig> parse(const Json& json, const std::string& where = "config.json",
                                         const std::string& hint = "");
  static base::Result<ModelConfig> read(const std::filesystem::path& config_json);

  // Values as one line, part of the fingerprint.
  std::string canonical() const;
};

}  // namespace engine
