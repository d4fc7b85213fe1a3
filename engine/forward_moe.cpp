// Mixture of experts of one layer (specification §11).
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
  backend_.experts(experts);
}

}  // namespace engine
