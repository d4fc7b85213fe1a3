// A backend that does nothing itself: it reads a clock around another one's operations.
#include <chrono>
#include <set>
#include <utility>

#include "engine/backend.h"
#include "engine/stage_times.h"

namespace engine {
namespace {

using Clock = std::chrono::steady_clock;

double bytesOf(const kernels::MatrixView& w) {
  return static_cast<double>(w.out * (w.rowBytes() + (w.scale != nullptr ? w.scaleColumns() : 0)));
}

double bytesOf(const kernels::ExpertWeights& w) {
  return bytesOf(w.w1) + bytesOf(w.w2) + bytesOf(w.w3);
}

class TimedBackend : public Backend {
 public:
  TimedBackend(std::unique_ptr<Backend> inner, StageTimes& times)
      : inner_(std::move(inner)), times_(times) {}

  void embed(const kernels::EmbedArgs& args) override {
    timed(Stage::kEmbed, [&] { inner_->embed(args); });
  }
  void hcPre(const kernels::HcPreArgs& args) override {
    timed(Stage::kHyperConnections, [&] { inner_->hcPre(args); });
  }
  void hcPost(const kernels::HcPostArgs& args) override {
    timed(Stage::kHyperConnections, [&] { inner_->hcPost(args); });
  }
  void hcHead(const kernels::HcHeadArgs& args) override {
    timed(Stage::kHyperConnections, [&] { inner_->hcHead(args); });
  }
  void rmsNorm(const kernels::RmsNormArgs& args) override {
    timed(Stage::kNorms, [&] { inner_->rmsNorm(args); });
  }
  void headNorm(const kernels::HeadNormArgs& args) override {
    timed(Stage::kNorms, [&] { inner_->headNorm(args); });
  }
  void linear(const kernels::LinearArgs& args) override {
    timed(Stage::kProducts, [&] { inner_->linear(args); });
    times_[Stage::kProducts].flops += 2.0 * static_cast<double>(args.n * args.w.out * args.w.in);
    times_[Stage::kProducts].weight_bytes += bytesOf(args.w);
  }
  void rope(const kernels::RopeArgs& args) override {
    timed(Stage::kRope, [&] { inner_->rope(args); });
  }
  // Called from within forEach, by several threads: timed there.
  void compress(const kernels::CompressArgs& args) override { inner_->compress(args); }
  void indexSelect(const kernels::IndexSelectArgs& args) override {
    timed(Stage::kIndex, [&] { inner_->indexSelect(args); });
  }
  void attendSparse(const kernels::AttendArgs& args) override {
    timed(Stage::kAttention, [&] { inner_->attendSparse(args); });
  }
  void route(const kernels::RouteArgs& args) override {
    timed(Stage::kRoute, [&] { inner_->route(args); });
  }
  void experts(const kernels::ExpertsArgs& args) override {
    timed(Stage::kExperts, [&] { inner_->experts(args); });
    StageTime& time = times_[Stage::kExperts];
    const kernels::MatrixView& w1 = args.shared.w1;
    const double flops = 6.0 * static_cast<double>(w1.out * w1.in);  // of one expert and row
    std::set<std::int32_t> used;
    for (std::int64_t i = 0; i < args.n * args.top_k; ++i)
      if (args.chosen[i] >= args.first_expert && args.chosen[i] < args.endExpert()) {
        used.insert(args.chosen[i]);
        time.flops += flops;
      }
    for (const std::int32_t expert : used) time.weight_bytes += bytesOf(args.experts[expert]);
    if (!args.finish) return;
    time.flops += flops * static_cast<double>(args.n);
    time.weight_bytes += bytesOf(args.shared);
  }
  void forEach(std::int64_t n, std::int64_t grain, kernels::LoopBody work) override {
    timed(Stage::kPack, [&] { inner_->forEach(n, grain, work); });
  }

 private:
  template <class Work>
  void timed(Stage stage, Work work) {
    const auto begin = Clock::now();
    work();
    times_[stage].seconds += std::chrono::duration<double>(Clock::now() - begin).count();
  }

  std::unique_ptr<Backend> inner_;
  StageTimes& times_;
};

}  // namespace

std::unique_ptr<Backend> makeTimedBackend(std::unique_ptr<Backend> inner, StageTimes& times) {
  return std::make_unique<TimedBackend>(std::move(inner), times);
}

}  // namespace engine
