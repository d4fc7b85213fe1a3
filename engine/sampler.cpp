#include "engine/sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace engine {
namespace {

// Seeds the generator below, as its authors advise.
std::uint64_t splitMix(std::uint64_t& state) {
  std::uint64_t z = state += 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

}  // namespace

Sampler::Sampler(const SamplerOptions& options) : options_(options) {
  std::uint64_t seed = options.seed;
  for (std::uint64_t& word : state_) word = splitMix(seed);
}

// xoshiro256** (Blackman, Vigna 2018). The standard library's distributions differ between
// implementations; a seed must not.
double Sampler::nextUniform() {
  const std::uint64_t value = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return static_cast<double>(value >> 11) * 0x1p-53;
}

// Leaves the likeliest candidates whose probabilities add up to top_p, likeliest first.
void Sampler::keepTopP() {
  double total = 0;
  for (const Candidate& candidate : candidates_) total += candidate.weight;
  const auto likelier = [](const Candidate& a, const Candidate& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.id < b.id;
  };
  // Nearly always a few hundred hold enough, so the whole vocabulary is seldom sorted.
  std::size_t n_sorted = 0, n_kept = 0;
  double sum = 0;
  while (n_kept < candidates_.size() && (n_kept == 0 || sum < options_.top_p * total)) {
    if (n_kept == n_sorted) {
      n_sorted = std::min(candidates_.size(), std::max<std::size_t>(256, n_sorted * 8));
      std::partial_sort(candidates_.begin() + static_cast<std::ptrdiff_t>(n_kept),
                        candidates_.begin() + static_cast<std::ptrdiff_t>(n_sorted),
                        candidates_.end(), likelier);
    }
    sum += candidates_[n_kept++].weight;
  }
  candidates_.resize(n_kept);
}

base::Result<TokenId> Sampler::sample(std::span<const float> logits, const TokenMask& allowed) {
  float best = -std::numeric_limits<float>::infinity();
  TokenId best_id = -1;
  bool broken = false;
  allowed.forEach([&](TokenId id) {
    if (static_cast<std::size_t>(id) >= logits.size()) return;
    const float logit = logits[static_cast<std::size_t>(id)];
    broken |= std::isnan(logit) || logit == std::numeric_limits<float>::infinity();
    if (logit > best) best = logit, best_id = id;
  });
  if (broken || best_id < 0)
    return base::failure(base::ErrorCode::kNumerics, "no finite logit to choose from",
                         "Check the installation with lectern selftest.");
  if (!(options_.temperature > 0)) return best_id;

  candidates_.clear();
  allowed.forEach([&](TokenId id) {
    if (static_cast<std::size_t>(id) >= logits.size()) return;
    const double distance =
        static_cast<double>(logits[static_cast<std::size_t>(id)]) - static_cast<double>(best);
    const double weight = std::exp(distance / options_.temperature);
    const bool likely = weight > 0 && !(weight < options_.min_p);
    if (likely || id == best_id) candidates_.push_back({id, weight});
  });
  if (options_.top_p < 1) keepTopP();

  double total = 0;
  for (const Candidate& candidate : candidates_) total += candidate.weight;
  double rest = nextUniform() * total;
  for (const Candidate& candidate : candidates_)
    if ((rest -= candidate.weight) < 0) return candidate.id;
  return candidates_.back().id;  // rounding left a crumb
}

}  // namespace engine
