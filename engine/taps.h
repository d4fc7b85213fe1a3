// taps.h: what a pass can report beside logits, for comparisons and for evidence.
#pragma once

#include <cstdint>
#include <vector>

namespace engine {

// One entry per token evaluated, appended chunk after chunk.
struct LayerTap {
  std::vector<float> attn_in, attn_out, moe_in, moe_out;  // [n, hidden]
  std::vector<float> streams;                             // [n, hc_streams, hidden] after the layer
  std::vector<std::int32_t> topk;     // CSA: [n, index_topk], −1 padded
  std::vector<float> index_margin;    // CSA: [n]; inf when everything was selected
  std::vector<std::int32_t> experts;  // [n, top_k]
  std::vector<float> router_margin;   // [n]; inf in hash layers
};

struct Taps {
  std::vector<LayerTap> layers;
};

}  // namespace engine
