// weight_store.h: where the matrices of a model lie while it runs.
//
// What fits is mapped. Of a model larger than the memory allowed, the routed experts go through an
// expert cache, and where not even the rest fits, layers pass through two staging buffers, the
// next being read while one computes. Nothing that streams is touched through a map, so that the
// process keeps to its plan. Where a matrix lies changes no bit of a result.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/expert_cache.h"
#include "engine/matrix_bundle.h"
#include "engine/page_memory.h"
#include "engine/read_queue.h"

namespace engine {

struct LayerWeights;
class Weights;

enum class Residency {
  kMapped,           // every matrix in its mapped file
  kStreamedExperts,  // routed experts through the cache, the rest read once
  kStreamedLayers,   // the rest through two buffers, too
};
const char* residencyName(Residency residency);  // "mapped", "streamed experts", ...

// Bytes by which a residency is chosen.
struct WeightSizes {
  std::int64_t mapped = 0;   // everything a pass touches in the mapped files
  std::int64_t dense = 0;    // all but the routed experts, read into memory; no embedding
  std::int64_t stages = 0;   // both staging buffers of kStreamedLayers
  std::int64_t slot = 0;     // one routed expert
  std::int64_t n_experts = 0;         // routed, of all layers
  std::int64_t n_slots_min = 0;       // fewer would not keep a decoded token's experts
};

struct WeightPlacement {
  Residency residency = Residency::kMapped;
  std::int64_t n_slots = 0;  // of the expert cache
};

class WeightStore {
 public:
  // Of weights whose matrices all point into their maps.
  static WeightSizes measure(Weights& weights, std::int64_t top_k);
  // Reads everything that stays mapped once, in the order of the layers: faults on the way through
  // a pass come one page at a time, and memory that was planned is taken at once.
  static void readMapped(Weights& weights);
  // Moves the matrices of `weights`, which must outlive the result, as `placement` (not kMapped)
  // says, reads what stays, and gives the maps up. Draft blocks are dropped: drafting saves nothing
  // where every token waits for its experts.
  static base::Result<std::unique_ptr<WeightStore>> place(Weights& weights,
                                                          const WeightPlacement& placement);

  ~WeightStore();

  // The matrices of `layer` are needed now, the next layer's soon. `ids`: the tokens of the step;
  // the experts of a hash-routed layer are known from them and expected.
  base::Status needLayer(std::size_t layer, std::span<const base::TokenId> ids);
  // Rows of the head in pieces, in order; each is valid until the next is asked for.
  std::size_t nHeadPieces() const { return head_pieces_.size(); }
  base::Result<kernels::MatrixView> headPiece(std::size_t piece);
  // Rows of the embedding as they are stored, one after another: a matrix [ids.size(), hidden].
  base::Result<kernels::MatrixView> embeddingRows(std::span<const base::TokenId> ids);

  // A stage that cannot answer leaves its failure here; whoever runs the stages asks afterwards.
  // What was computed in between means nothing.
  void fail(base::Error error);
  base::Status takeFailure() { return std::exchange(failure_, base::Status()); }

  ExpertCache& experts() { return *experts_; }
  ReadStatistics statistics() const { return queue_.statistics(); }

 private:
  // A layer, or a piece of the head: what is staged at once.
  struct Piece {
    std::vector<kernels::MatrixView*> matrices;
    MatrixBundle bundle;
  };
  struct Stage {
    PageMemory memory;
    std::size_t piece = kNone;
    PendingReads reads;
  };
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  WeightStore(Weights& weights, const WeightPlacement& placement);
  base::Status readResident();
  base::Status needPiece(std::size_t piece);
  void beginPiece(std::size_t piece, Urgency urgency);

  Weights& weights_;
  const Residency residency_;
  ReadQueue queue_;
  std::unique_ptr<ExpertCache> experts_;
  std::vector<kernels::MatrixView> head_pieces_;
  std::vector<Piece> pieces_;  // layers, then pieces of the head
  Stage stages_[2];            // kStreamedLayers: piece i in stage i mod 2
  PageMemory resident_;        // kStreamedExperts: every piece
  kernels::MatrixView embedding_;
  FilePlace embedding_place_;
  std::vector<std::byte> embedding_rows_;
  base::Status failure_;
};

}  // namespace engine
