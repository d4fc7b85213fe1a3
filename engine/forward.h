// forward.h: the forward pass, written once over Backend, in the order and with the names of the
// specification (§4.5, Appendix D).
//
// Evaluates chunks of any length at any position; every row comes out the same whatever the
// chunking was. Holds scratch memory, so one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "engine/backend.h"
#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/kv_layout.h"
#include "engine/model_config.h"
#include "engine/sequence_state.h"
#include "engine/taps.h"
#include "engine/weights.h"

namespace engine {

// Tokens evaluated at once: enough to share every dequantised weight tile, small enough to stop
// soon.
inline constexpr std::int64_t kChunkTokens = 256;

// Where a chunk stands.
struct Step {
  std::int64_t start = 0, n = 0;      // positions start .. start + n − 1
  const base::TokenId* ids = nullptr;  // [n]; needed by hash layers
};

// Window-only layers turn by the plain table, layers with a compressor by the YaRN table (§5).
enum class RopeKind { kPlain, kYarn };

enum class LogitRows { kNone, kLast, kAll };

class Forward {
 public:
  // All references must outlive this.
  Forward(const ModelConfig& config, const Weights& weights, const KvLayout& layout,
          Numerics numerics, Backend& backend);

  // Evaluates the next tokens of `state` (at most kChunkTokens, not across a block's end) and
  // appends them. `logits` receives [1 or n, vocab]. Appends to `taps` unless null.
  // kNumerics: a value became infinite or NaN; the state must be thrown away.
  base::Status run(std::span<const base::TokenId> ids, SequenceState& state, LogitRows rows,
                   std::vector<float>& logits, Taps* taps) const;

  // The stages, for tests and draft blocks. streams [n, hc, hidden]; x and y [n, hidden].
  void embed(const Step& step, float* streams) const;
  void runLayer(std::size_t layer, const Step& step, SequenceState& state, float* streams,
                LayerTap* tap) const;
  // A window-only block with weights and window of its own.
  void runWindowLayer(const LayerWeights& weights, const Step& step, LayerState& state,
                      float* streams) const;
  void attention(std::size_t layer, const float* x, const Step& step, SequenceState& state,
                 float* y, LayerTap* tap) const;
  void moe(const LayerWeights& weights, const float* x, const Step& step, float* y,
           LayerTap* tap) const;
  void hcPre(const HcWeights& hc, const float* streams, std::int64_t n, float* y) const;
  void hcPost(const float* f, std::int64_t n, float* streams) const;
  // hc_head, norm, head: streams [n, hc, hidden] -> logits [n, vocab].
  void head(const TailWeights& tail, const float* streams, std::int64_t n, float* logits) const;
  void hcHead(const TailWeights& tail, const float* streams, std::int64_t n, float* y) const;
  void norm(const std::vector<float>& weight, const float* x, std::int64_t n, float* y) const;
  // y = w·x with the input quantisation the numerics and the weight's type ask for.
  void linear(const kernels::MatrixView& w, const float* x, std::int64_t n, float* y) const;
  void project(const kernels::MatrixView& w, const float* x, std::int64_t n, float* y) const;

  // The pieces of attention that draft blocks share.
  void queries(const AttentionWeights& w, const float* x, const float* cos_sin, std::int64_t n,
               float* latent, float* q) const;
  void windowRows(const AttentionWeights& w, const float* x, const float* cos_sin, std::int64_t n,
                  std::byte* rows) const;
  void output(const AttentionWeights& w, const float* cos_sin, std::int64_t n, float* o,
              float* y) const;
  // [n, rope_dim]; valid until the next call of that kind.
  const float* angles(RopeKind kind, std::int64_t start, std::int64_t n) const;

  const ModelConfig& config() const { return c_; }
  const KvLayout& layout() const { return layout_; }
  Backend& backend() const { return backend_; }
  kernels::Rounding rounding() const { return rounding_; }
  kernels::HcShape hcShape() const;
  // Window rows of the chunk are appended, older ones than the next token sees are dropped.
  void appendWindow(const AttentionWeights& w, const float* x, const float* cos_sin,
                    const Step& step, LayerState& state) const;
  void trimWindow(std::int64_t end, LayerState& state) const;

 private:
  struct Scratch;
  void subLayers(const LayerWeights& w, const Step& step, float* streams, LayerTap* tap,
                 const std::function<void(const float*, float*)>& attend) const;
  void compress(const CompressorWeights& w, const LayerShape& shape, std::int64_t dim,
                const float* x, const Step& step, CompressorRows& rows,
                const std::function<void(std::int64_t row, float* entry)>& emit) const;
  void selectRows(const IndexerWeights& w, std::size_t layer, const float* x, const float* latent,
                  const float* cos_sin, const Step& step, const SequenceState& state,
                  LayerTap* tap) const;

  const ModelConfig& c_;
  const Weights& weights_;
  const KvLayout& layout_;
  const Numerics numerics_;
  const kernels::Rounding rounding_;
  Backend& backend_;
  std::vector<float> plain_frequencies_, yarn_frequencies_;
  std::shared_ptr<Scratch> scratch_;
};

}  // namespace engine
