#include "engine/draft_mtp.h"

#include <algorithm>

namespace engine {

MtpDraft::MtpDraft(const Forward& forward, const Weights& weights)
    : forward_(forward), weights_(weights), mtp_(*weights.mtp) {}

void MtpDraft::run(std::int64_t start, std::span<const base::TokenId> next_ids, float* streams,
                   LayerState& state, LogitRows rows, std::vector<float>& logits) const {
  const ModelConfig& c = forward_.config();
  const auto n = static_cast<std::int64_t>(next_ids.size());
  const std::int64_t width = c.hc_streams * c.hidden;

  // In chunks as the trunk's, so that scratch memory does not grow with n.
  for (std::int64_t first = 0; first < n; first += kChunkTokens) {
    const std::int64_t n_chunk = std::min(kChunkTokens, n - first);
    const auto ids = next_ids.subspan(static_cast<std::size_t>(first),
                                      static_cast<std::size_t>(n_chunk));
    mixIn(ids, streams + first * width);
    forward_.runWindowLayer(mtp_.layer, Step{start + first, n_chunk, ids.data()}, state,
                            streams + first * width);
  }
  const std::int64_t n_rows = rows == LogitRows::kNone ? 0 : rows == LogitRows::kLast ? 1 : n;
  logits.resize(static_cast<std::size_t>(n_rows * c.vocab));
  if (n_rows > 0)
    forward_.head(mtp_.tail, streams + (n - n_rows) * width, n_rows, logits.data());
}

// X'[h] = e_proj·enorm(embed(next)) + h_proj·hnorm(X[h])
void MtpDraft::mixIn(std::span<const base::TokenId> next_ids, float* streams) const {
  const ModelConfig& c = forward_.config();
  const auto n = static_cast<std::int64_t>(next_ids.size());
  const std::int64_t n_rows = n * c.hc_streams;
  std::vector<float> e(static_cast<std::size_t>(n * c.hidden)), projected(e.size());
  std::vector<float> z(static_cast<std::size_t>(n_rows * c.hidden));

  kernels::EmbedArgs embed;
  embed.ids = next_ids.data();
  embed.weight = weights_.embed;
  embed.streams = e.data();
  embed.n = n;
  embed.n_streams = 1;
  forward_.backend().embed(embed);
  forward_.norm(mtp_.enorm, e.data(), n, e.data());
  forward_.linear(mtp_.e_proj, e.data(), n, projected.data());

  forward_.norm(mtp_.hnorm, streams, n_rows, z.data());
  forward_.linear(mtp_.h_proj, z.data(), n_rows, streams);
  for (std::int64_t row = 0; row < n_rows; ++row) {
    const float* token = projected.data() + row / c.hc_streams * c.hidden;
    float* stream = streams + row * c.hidden;
    for (std::int64_t i = 0; i < c.hidden; ++i)
      stream[i] = kernels::rounded(token[i] + stream[i], forward_.rounding());
  }
}

}  // namespace engine
