// Mixture of experts of one layer (specification §11).
#include <algorithm>

#include "engine/forward.h"
#include "engine/forward_scratch.h"

namespace engine {

using kernels::Rounding;

void Forward::moe(const LayerWeights& layer, const float* x, const base::TokenId* ids,
                  std::int64_t n, float* y, LayerTap* tap) const {
  Scratch& s = *scratch_;
  const MoeWeights& w = layer.moe;
  kernels::LinearArgs gate;
  gate.x = x;
  gate.w = w.gate;
  gate.y = sized(s.gate_logits, n * c_.n_experts);
  gate.n = n;
  gate.input = plainInput();
  gate.rounding = Rounding::kNone;
  backend_.linear(gate);
  s.check("router", gate.y, n, c_.n_experts);

  s.experts.resize(static_cast<std::size_t>(n * c_.top_k));
  kernels::RouteArgs route;
  route.logits = gate.y;
  route.bias = w.bias.empty() ? nullptr : w.bias.data();
  route.table = w.table.empty() ? nullptr : w.table.data();
  route.ids = ids;
  route.experts = s.experts.data();
  route.weights = sized(s.expert_weights, n * c_.top_k);
  route.margins = sized(s.router_margins, n);
  route.n = n;
  route.n_experts = c_.n_experts;
  route.top_k = c_.top_k;
  route.scale = c_.routed_scale;
  backend_.route(route);
  if (tap != nullptr) {
    tap->experts.insert(tap->experts.end(), s.experts.begin(), s.experts.end());
    tap->router_margin.insert(tap->router_margin.end(), route.margins, route.margins + n);
  }

  kernels::ExpertsArgs experts;
  experts.x = x;
  experts.experts = w.experts.data();
  experts.shared = w.shared;
  experts.chosen = s.experts.data();
  experts.weights = route.weights;
  experts.y = y;
  experts.n = n;
  experts.n_experts = c_.n_experts;
  experts.top_k = c_.top_k;
  experts.limit = c_.swiglu_limit;
  experts.input = inputOf(w.shared.w1);
  experts.rounding = rounding_;
  if (w.cache_layer < 0) return backend_.experts(experts);
  if (const base::Status done = streamedExperts(static_cast<std::size_t>(w.cache_layer), experts);
      !done) {
    weights_.store()->fail(done.error());
    std::fill_n(y, n * c_.hidden, 0.0f);
  }
}

// The chosen experts in ascending order, as many at a time as have arrived, while those after
// them are read.
base::Status Forward::streamedExperts(std::size_t layer, kernels::ExpertsArgs args) const {
  constexpr std::size_t kTogether = 16;  // so that slots become free while the next are read
  Scratch& s = *scratch_;
  ExpertCache& cache = weights_.store()->experts();
  std::vector<std::int32_t> ids(args.chosen, args.chosen + args.n * args.top_k);
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  const std::span<const std::int32_t> wanted = ids;
  // The next pass through this layer wants most of them again. If they do not all fit, those that
  // are there already stay, so that at least these are found.
  const AfterUse after = static_cast<std::int64_t>(ids.size()) > cache.nSlots()
                             ? AfterUse::kLeaveFirst
                             : AfterUse::kKeep;
  s.expert_views.resize(static_cast<std::size_t>(c_.n_experts));
  s.expert_sum.assign(static_cast<std::size_t>(args.n * c_.hidden), 0.0f);
  args.experts = s.expert_views.data();
  args.sum = s.expert_sum.data();

  base::Status outcome;
  std::size_t n_held = 0, n_done = 0;
  while (n_done < ids.size()) {
    n_held += cache.hold(layer, wanted.subspan(n_held));
    const std::size_t n_max =
        std::min({n_held, n_done + kTogether,
                  n_done + std::max<std::size_t>(1, static_cast<std::size_t>(cache.nSlots()) / 4)});
    std::size_t end = n_done;
    do {
      const auto id = static_cast<std::size_t>(ids[end]);
      outcome = cache.get(layer, ids[end], s.expert_views[id]);
    } while (outcome && ++end < n_max && cache.ready(layer, ids[end]));
    if (!outcome) break;
    args.end_expert = ids[end - 1] + 1;
    args.finish = end == ids.size();
    backend_.experts(args);
    args.first_expert = args.end_expert;
    for (; n_done < end; ++n_done) cache.release(layer, ids[n_done], after);
  }
  for (; n_done < n_held; ++n_done) cache.release(layer, ids[n_done], after);
  return outcome;
}

}  // namespace engine
