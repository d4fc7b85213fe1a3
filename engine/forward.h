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

class RowCache;

// Tokens of one pass through a layer: enough to share every dequantised weight tile, small enough
// to stop soon and to stay in the second-level cache.
inline constexpr std::int64_t kChunkTokens = 256;

// Rows of one timeline.
struct Step {
  std::int64_t start = 0, n = 0;       // positions start .. start + n − 1
  const base::TokenId* ids = nullptr;  // [n]; needed by hash layers
};

// Rows of one sequence within a pass.
struct Part {
  std::int64_t start = 0, n = 0;  // positions start .. start + n − 1, not across a block's end
  SequenceState* state = nullptr;
};

// What goes through a layer together: rows of one sequence, or of several, part after part.
// Products, norms and experts see n rows; attention sees each part's own past. Rows before
// first_output only leave their KV: nobody asks for their streams afterwards.
struct Batch {
  std::span<const Part> parts;
  std::int64_t n = 0;                  // rows of all parts
  const base::TokenId* ids = nullptr;  // [n]
  std::int64_t first_output = 0;       // other than 0 with one part only
};

// Window-only layers turn by the plain table, layers with a compressor by the YaRN table (§5).
enum class RopeKind { kPlain, kYarn };

enum class LogitRows { kNone, kLast, kAll };

struct RunOptions {
  LogitRows rows = LogitRows::kLast;
  std::int64_t n_together = kChunkTokens;  // rows per pass through a layer
  Taps* taps = nullptr;                    // appended to
  // Positions within the run at which a snapshot is wanted, ascending: block ends or the end.
  std::span<const std::int64_t> keep_at;
  std::vector<Snapshot>* kept = nullptr;
  // Called between passes with the share of the run that is done; false stops it.
  std::function<bool(double share)> go_on;
};

class Forward {
 public:
  // All references must outlive this.
  Forward(const ModelConfig& config, const Weights& weights, const KvLayout& layout,
          Numerics numerics, Backend& backend, RowCache& rows);

  // Evaluates the next tokens of `state`, any number of them, and appends them: all through one
  // layer before the next, in passes of n_together rows. Filled blocks stay open. `logits`
  // receives [1 or n, vocab], the last row only if all went well. kNumerics names the layer and
  // the stage where a value became infinite or NaN; after that, kCancelled, kOutOfMemory or an
  // error of reading stored rows the state is what it was before.
  base::Status run(std::span<const base::TokenId> ids, SequenceState& state,
                   const RunOptions& options, std::vector<float>& logits) const;
  // One token for each of several sequences; row i of `logits` [n, vocab] is what run() gives for
  // it alone. Returns a status per row: a failing one leaves its state as it was, and the others
  // alone.
  std::vector<base::Status> runTogether(std::span<const base::TokenId> ids,
                                        std::span<SequenceState* const> states,
                                        std::vector<float>& logits) const;

  // The stages, for tests and draft blocks. streams [n, hc, hidden]; x and y [n, hidden].
  void embed(const base::TokenId* ids, std::int64_t n, float* streams) const;
  void runLayer(std::size_t layer, const Batch& batch, float* streams, LayerTap* tap) const;
  // A window-only block with weights and window of its own.
  void runWindowLayer(const LayerWeights& weights, const Step& step, LayerState& state,
                      float* streams) const;
  // Rows of y from first_output on are written.
  void attention(std::size_t layer, const float* x, const Batch& batch, float* y,
                 LayerTap* tap) const;
  void moe(const LayerWeights& weights, const float* x, const base::TokenId* ids, std::int64_t n,
           float* y, LayerTap* tap) const;
  void hcPre(const HcWeights& hc, const float* streams, std::int64_t n, float* y) const;
  // With the coefficients of the last hcPre, from its row first_row on.
  void hcPost(const float* f, std::int64_t n, float* streams, std::int64_t first_row = 0) const;
  // hc_head, norm, head: streams [n, hc, hidden] -> logits [n, vocab].
  void head(const TailWeights& tail, const float* streams, std::int64_t n, float* logits) const;
  void hcHead(const TailWeights& tail, const float* streams, std::int64_t n, float* y) const;
  void norm(const std::vector<float>& weight, const float* x, std::int64_t n, float* y) const;
  // How the official code quantises the input of this weight. A GGUF file does not say which of
  // its weights were quantised once, so there no input is.
  kernels::LinearInput inputOf(const kernels::MatrixView& w) const;
  // That of weights whose input is never quantised.
  kernels::LinearInput plainInput() const;
  // y = w·x, with the input as inputOf says and as plainInput says.
  void linear(const kernels::MatrixView& w, const float* x, std::int64_t n, float* y) const;
  void project(const kernels::MatrixView& w, const float* x, std::int64_t n, float* y) const;

  // The pieces of attention that draft blocks share.
  void queries(const AttentionWeights& w, const float* x, const float* cos_sin, std::int64_t n,
               float* latent, float* q) const;
  // Entries [n, head_dim] of the window, valid until the next call.
  float* windowEntries(const AttentionWeights& w, const float* x, const float* cos_sin,
                       std::int64_t n) const;
  void packEntries(const float* entries, std::int64_t n, std::byte* rows) const;
  // The packed entries follow the window's rows; old ones may go.
  void appendWindow(const float* entries, std::int64_t start, std::int64_t n,
                    LayerState& state) const;
  // Drops the rows that no position from `end` on sees.
  void trimWindow(std::int64_t end, LayerState& state) const;
  void output(const AttentionWeights& w, const float* cos_sin, std::int64_t n, float* o,
              float* y) const;
  // [n, rope_dim]; valid until the next call of that kind.
  const float* angles(RopeKind kind, std::int64_t start, std::int64_t n) const;

  const ModelConfig& config() const { return c_; }
  const KvLayout& layout() const { return layout_; }
  Backend& backend() const { return backend_; }
  kernels::Rounding rounding() const { return rounding_; }
  kernels::HcShape hcShape() const;

 private:
  struct Scratch;
  using Attend = std::function<void(const float* x, float* y)>;
  void subLayers(const LayerWeights& w, const Batch& batch, float* streams, LayerTap* tap,
                 const Attend& attend) const;
  base::Status runPasses(std::span<const base::TokenId> ids, SequenceState& state,
                         const RunOptions& options, std::vector<float>& logits) const;
  // Logits of the last of n rows, in scratch; checked.
  const float* lastLogits(const float* streams, std::int64_t n) const;
  void loadStreams(std::int64_t first, std::int64_t n, float* streams) const;
  void storeStreams(std::int64_t first, std::int64_t n, const float* streams) const;
  const float* angles(RopeKind kind, const Batch& batch) const;
  // `emit` packs the finished entry of a row.
  using Emit = std::function<void(SequenceState&, std::int64_t row, float* entry)>;
  void compress(std::size_t layer, const CompressorWeights& w, std::int64_t dim, const float* x,
                const Batch& batch, CompressorRows LayerState::* rows, const Emit& emit) const;
  bool poolRows(std::size_t layer, const CompressorWeights& w, std::int64_t dim, const Part& part,
                const CompressorRows& rows, const Emit& emit) const;
  // Queries and head weights of rows [0, n) whose indices lie in scratch afterwards.
  void indexQueries(const IndexerWeights& w, const float* x, const float* latent,
                    const float* cos_sin, std::int64_t n) const;
  // Selected rows of `n` queries from row `row` of the batch on, the first at position `start`.
  void selectRows(std::size_t layer, const Part& queries, std::int64_t row, LayerTap* tap) const;
  // Attention of `n` queries to selected rows, as many at a time as rows fit into memory.
  void attendSelected(const LayerKvLayout& kv, const Part& part, std::int64_t row,
                      kernels::AttendArgs attend) const;
  base::Status streamedExperts(std::size_t layer, kernels::ExpertsArgs args) const;
  // Where weights stream: those of `layer` are needed now, by rows with these ids.
  base::Status needLayer(std::size_t layer, std::span<const base::TokenId> ids) const;
  // What a stage could not read of them since this was last asked.
  base::Status weightFailure() const;

  const ModelConfig& c_;
  const Weights& weights_;
  const KvLayout& layout_;
  const Numerics numerics_;
  const kernels::Rounding rounding_;
  Backend& backend_;
  RowCache& rows_;
  std::vector<float> plain_frequencies_, yarn_frequencies_;
  std::shared_ptr<Scratch> scratch_;
};

}  // namespace engine
