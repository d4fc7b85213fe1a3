#include <algorithm>
#include <thread>

#include "engine/backend.h"

namespace engine {
namespace {

class CpuBackend : public Backend {
 public:
  explicit CpuBackend(int n_threads) : pool_(n_threads) {}
  void embed(const kernels::EmbedArgs& args) override { kernels::embed(args); }
  void hcPre(const kernels::HcPreArgs& args) override { kernels::hcPreCpu(args, pool_); }
  void hcPost(const kernels::HcPostArgs& args) override { kernels::hcPostCpu(args, pool_); }
  void hcHead(const kernels::HcHeadArgs& args) override { kernels::hcHeadCpu(args, pool_); }
  void rmsNorm(const kernels::RmsNormArgs& args) override { kernels::rmsNormCpu(args, pool_); }
  void headNorm(const kernels::HeadNormArgs& args) override { kernels::headNormCpu(args, pool_); }
  void linear(const kernels::LinearArgs& args) override { kernels::linearCpu(args, pool_); }
  void rope(const kernels::RopeArgs& args) override { kernels::ropeCpu(args, pool_); }
  void compress(const kernels::CompressArgs& args) override { kernels::compressCpu(args); }
  void indexSelect(const kernels::IndexSelectArgs& args) override {
    kernels::indexSelectCpu(args, pool_);
  }
  void attendSparse(const kernels::AttendArgs& args) override {
    kernels::attendSparseCpu(args, pool_);
  }
  void route(const kernels::RouteArgs& args) override { kernels::route(args); }
  void experts(const kernels::ExpertsArgs& args) override { kernels::expertsCpu(args, pool_); }
  void forEach(std::int64_t n, std::int64_t grain, kernels::LoopBody work) override {
    pool_.parallelFor(n, grain, work);
  }

 private:
  kernels::ThreadPool pool_;
};

}  // namespace

int backendThreads(int n_threads) {
  if (n_threads <= 0) n_threads = static_cast<int>(std::thread::hardware_concurrency());
  return std::clamp(n_threads, 1, 256);
}

std::unique_ptr<Backend> makeCpuBackend(int n_threads) {
  return std::make_unique<CpuBackend>(backendThreads(n_threads));
}

}  // namespace engine
