#include "engine/weight_store.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "engine/weights.h"

namespace engine {

using base::Result;
using base::Status;
using kernels::MatrixView;

namespace {

// Enough requests under way to keep a solid-state disk busy.
constexpr int kReadThreads = 4;

// Everything of a layer but its routed experts.
std::vector<MatrixView*> denseMatrices(LayerWeights& layer) {
  AttentionWeights& attn = layer.attn;
  MoeWeights& moe = layer.moe;
  std::vector<MatrixView*> matrices = {
      &attn.wq_a, &attn.wq_b, &attn.wkv, &attn.wo_a, &attn.wo_b,
      &attn.compressor.wkv, &attn.compressor.wgate,
      &attn.indexer.wq_b, &attn.indexer.weights_proj,
      &attn.indexer.compressor.wkv, &attn.indexer.compressor.wgate,
      &moe.gate, &moe.shared.w1, &moe.shared.w2, &moe.shared.w3};
  std::erase_if(matrices, [](const MatrixView* matrix) { return matrix->data == nullptr; });
  return matrices;
}

std::int64_t bundleBytes(Weights& weights, std::span<MatrixView* const> matrices) {
  return MatrixBundle(weights.files(), matrices).bytes();
}

// What passes touch in the mapped files.
std::vector<const MatrixView*> allMatrices(Weights& weights) {
  std::vector<const MatrixView*> matrices = {&weights.embed, &weights.head};
  for (LayerWeights& layer : weights.layers) {
    for (const MatrixView* matrix : denseMatrices(layer)) matrices.push_back(matrix);
    for (const kernels::ExpertWeights& expert : layer.moe.experts)
      for (const MatrixView* matrix : {&expert.w1, &expert.w2, &expert.w3})
        matrices.push_back(matrix);
  }
  return matrices;
}

// Errors show when the bytes are used.
void populate(const void* data, std::int64_t n_bytes) {
  if (data == nullptr) return;
  static const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto first = reinterpret_cast<std::uintptr_t>(data);
  const std::uintptr_t begin = first / page * page;
  ::madvise(reinterpret_cast<void*>(begin), first + static_cast<std::uintptr_t>(n_bytes) - begin,
            MADV_POPULATE_READ);
}

// The head in pieces no larger than a layer, as many as make the cycle of layers and pieces even:
// then each piece is read while its neighbour in the other stage is used.
std::vector<MatrixView> headInPieces(const MatrixView& head, std::int64_t bytes_max,
                                     std::size_t n_layers) {
  std::int64_t n = head.scale != nullptr
                       ? 1
                       : std::clamp<std::int64_t>((dataBytes(head) + bytes_max - 1) / bytes_max, 1,
                                                  head.out);
  if ((static_cast<std::int64_t>(n_layers) + n) % 2 != 0 && head.scale == nullptr && n < head.out)
    ++n;
  std::vector<MatrixView> pieces;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t first = head.out * i / n;
    MatrixView piece = head;
    piece.data = head.data + first * head.rowBytes();
    piece.out = head.out * (i + 1) / n - first;
    pieces.push_back(piece);
  }
  return pieces;
}

std::int64_t largestLayer(Weights& weights) {
  std::int64_t bytes = 0;
  for (LayerWeights& layer : weights.layers)
    bytes = std::max(bytes, bundleBytes(weights, denseMatrices(layer)));
  return bytes;
}

}  // namespace

const char* residencyName(Residency residency) {
  switch (residency) {
    case Residency::kMapped: return "mapped";
    case Residency::kStreamedExperts: return "streamed experts";
    case Residency::kStreamedLayers: return "streamed layers";
  }
  return "";
}

WeightSizes WeightStore::measure(Weights& weights, std::int64_t top_k) {
  WeightSizes sizes;
  for (const MatrixView* matrix : allMatrices(weights))
    sizes.mapped += dataBytes(*matrix) + scaleBytes(*matrix);
  MatrixView* head[] = {&weights.head};
  sizes.dense = bundleBytes(weights, head);
  for (LayerWeights& layer : weights.layers) {
    const std::vector<kernels::ExpertWeights>& experts = layer.moe.experts;
    sizes.dense += bundleBytes(weights, denseMatrices(layer));
    sizes.slot = std::max(sizes.slot, ExpertCache::slotBytes(weights.files(), experts));
    sizes.n_experts += static_cast<std::int64_t>(experts.size());
  }
  // Pieces take turns, so each buffer is as large as the largest of its own.
  std::vector<std::int64_t> pieces;
  for (LayerWeights& layer : weights.layers)
    pieces.push_back(bundleBytes(weights, denseMatrices(layer)));
  for (MatrixView piece :
       headInPieces(weights.head, largestLayer(weights), weights.layers.size())) {
    MatrixView* matrices[] = {&piece};
    pieces.push_back(bundleBytes(weights, matrices));
  }
  std::int64_t largest[2] = {0, 0};
  for (std::size_t i = 0; i < pieces.size(); ++i)
    largest[i % 2] = std::max(largest[i % 2], pieces[i]);
  sizes.stages = largest[0] + largest[1];
  sizes.n_slots_min = std::min(sizes.n_experts, 2 * top_k);
  return sizes;
}

void WeightStore::readMapped(Weights& weights) {
  for (const MatrixView* matrix : allMatrices(weights)) {
    populate(matrix->data, dataBytes(*matrix));
    populate(matrix->scale, scaleBytes(*matrix));
  }
}

Result<std::unique_ptr<WeightStore>> WeightStore::place(Weights& weights,
                                                        const WeightPlacement& placement) {
  std::unique_ptr<WeightStore> store(new WeightStore(weights, placement));
  if (placement.residency == Residency::kStreamedExperts) TRY(store->readResident());
  for (MappedFile* file : weights.files()) file->unmap();
  return store;
}

WeightStore::WeightStore(Weights& weights, const WeightPlacement& placement)
    : weights_(weights), residency_(placement.residency), queue_(kReadThreads) {
  weights.mtp.reset();
  weights.dspark.reset();
  std::vector<const std::vector<kernels::ExpertWeights>*> experts;
  for (LayerWeights& layer : weights.layers) {
    layer.moe.cache_layer = static_cast<int>(experts.size());
    experts.push_back(&layer.moe.experts);
  }
  experts_ = std::make_unique<ExpertCache>(weights.files(), experts, placement.n_slots, queue_);

  const auto add = [&](std::vector<MatrixView*> matrices) {
    MatrixBundle bundle(weights.files(), matrices);
    pieces_.push_back({std::move(matrices), std::move(bundle)});
  };
  for (LayerWeights& layer : weights.layers) add(denseMatrices(layer));
  head_pieces_ = residency_ == Residency::kStreamedExperts
                     ? std::vector{weights.head}
                     : headInPieces(weights.head, largestLayer(weights), weights.layers.size());
  for (MatrixView& piece : head_pieces_) add({&piece});
  embedding_ = weights.embed;
  embedding_place_ = findPlace(weights.files(), embedding_.data, dataBytes(embedding_));

  std::int64_t bytes = 0, largest[2] = {0, 0};
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    bytes += pieces_[i].bundle.bytes();
    largest[i % 2] = std::max(largest[i % 2], pieces_[i].bundle.bytes());
  }
  if (residency_ == Residency::kStreamedExperts)
    resident_ = PageMemory(bytes);
  else
    for (int i = 0; i < 2; ++i) stages_[i].memory = PageMemory(largest[i]);
  // From here on nothing points into a map.
  std::byte* next = resident_.data();
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    std::byte* base =
        residency_ == Residency::kStreamedExperts ? next : stages_[i % 2].memory.data();
    pieces_[i].bundle.place(base, pieces_[i].matrices);
    if (residency_ == Residency::kStreamedExperts) next += pieces_[i].bundle.bytes();
  }
  weights.head = head_pieces_[0];
  for (LayerWeights& layer : weights.layers) layer.moe.experts.clear();
  weights.embed.data = nullptr;
}

WeightStore::~WeightStore() {
  for (Stage& stage : stages_) (void)queue_.wait(stage.reads);
}

Status WeightStore::readResident() {
  std::vector<PendingReads> reads(pieces_.size());
  std::byte* next = resident_.data();
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    queue_.begin(pieces_[i].bundle.reads(), next, Urgency::kNow, reads[i]);
    next += pieces_[i].bundle.bytes();
  }
  Status outcome;
  for (PendingReads& pending : reads)
    if (const Status done = queue_.wait(pending); !done && outcome) outcome = done;
  return outcome;
}

void WeightStore::beginPiece(std::size_t piece, Urgency urgency) {
  Stage& stage = stages_[piece % 2];
  if (stage.piece == piece) return;
  (void)queue_.wait(stage.reads);  // of a piece nobody wants any more
  stage.piece = piece;
  queue_.begin(pieces_[piece].bundle.reads(), stage.memory.data(), urgency, stage.reads);
}

Status WeightStore::needPiece(std::size_t piece) {
  if (residency_ != Residency::kStreamedLayers) return {};
  beginPiece(piece, Urgency::kNow);
  Stage& stage = stages_[piece % 2];
  if (const Status done = queue_.wait(stage.reads); !done) {
    stage.piece = kNone;
    return done;
  }
  // With an odd number of pieces the last and the first share a stage.
  if (const std::size_t next = (piece + 1) % pieces_.size(); next % 2 != piece % 2)
    beginPiece(next, Urgency::kSoon);
  return {};
}

Status WeightStore::needLayer(std::size_t layer, std::span<const base::TokenId> ids) {
  // Layers are run in order: the one after this may be hash-routed, too.
  for (std::size_t i = layer; i < std::min(layer + 2, weights_.layers.size()); ++i) {
    const std::vector<std::int64_t>& table = weights_.layers[i].moe.table;
    if (table.empty() || ids.empty()) continue;
    const std::size_t top_k = table.size() / static_cast<std::size_t>(embedding_.out);
    std::vector<std::int32_t> experts;
    for (const base::TokenId id : ids)
      for (std::size_t k = 0; k < top_k; ++k)
        experts.push_back(
            static_cast<std::int32_t>(table[static_cast<std::size_t>(id) * top_k + k]));
    std::sort(experts.begin(), experts.end());
    experts.erase(std::unique(experts.begin(), experts.end()), experts.end());
    experts_->expect(i, experts);
  }
  return needPiece(layer);
}

void WeightStore::fail(base::Error error) {
  if (failure_) failure_ = tl::make_unexpected(std::move(error));
}

Result<MatrixView> WeightStore::headPiece(std::size_t piece) {
  TRY(needPiece(weights_.layers.size() + piece));
  return head_pieces_[piece];
}

Result<MatrixView> WeightStore::embeddingRows(std::span<const base::TokenId> ids) {
  const std::int64_t row_bytes = embedding_.rowBytes();
  embedding_rows_.resize(ids.size() * static_cast<std::size_t>(row_bytes));
  for (std::size_t i = 0; i < ids.size(); ++i)
    TRY(embedding_place_.file->read(
        embedding_place_.offset + ids[i] * row_bytes, row_bytes,
        embedding_rows_.data() + static_cast<std::int64_t>(i) * row_bytes));
  MatrixView rows = embedding_;
  rows.data = embedding_rows_.data();
  rows.out = static_cast<std::int64_t>(ids.size());
  return rows;
}

}  // namespace engine
