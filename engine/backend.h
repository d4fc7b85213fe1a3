// backend.h: the one seam between the forward pass and the machine: one function per operation.
// The contracts are those of kernels/<op>/<op>.h. One thread calls it.
#pragma once

#include <cstdint>
#include <memory>

#include "kernels/kernels.h"

namespace engine {

struct StageTimes;

class Backend {
 public:
  virtual ~Backend() = default;
  virtual void embed(const kernels::EmbedArgs& args) = 0;
  virtual void hcPre(const kernels::HcPreArgs& args) = 0;
  virtual void hcPost(const kernels::HcPostArgs& args) = 0;
  virtual void hcHead(const kernels::HcHeadArgs& args) = 0;
  virtual void rmsNorm(const kernels::RmsNormArgs& args) = 0;
  virtual void headNorm(const kernels::HeadNormArgs& args) = 0;
  virtual void linear(const kernels::LinearArgs& args) = 0;
  virtual void rope(const kernels::RopeArgs& args) = 0;
  virtual void compress(const kernels::CompressArgs& args) = 0;
  virtual void indexSelect(const kernels::IndexSelectArgs& args) = 0;
  virtual void attendSparse(const kernels::AttendArgs& args) = 0;
  virtual void route(const kernels::RouteArgs& args) = 0;
  virtual void experts(const kernels::ExpertsArgs& args) = 0;
  // Runs independent items, perhaps in parallel.
  virtual void forEach(std::int64_t n, std::int64_t grain, kernels::LoopBody work) = 0;
};

// Plain loops, sums in double.
std::unique_ptr<Backend> makeReferenceBackend();
// Highway and threads; n_threads 0: one per core.
std::unique_ptr<Backend> makeCpuBackend(int n_threads);
// `inner`, with its time added up in `times`, which must outlive it.
std::unique_ptr<Backend> makeTimedBackend(std::unique_ptr<Backend> inner, StageTimes& times);
int backendThreads(int n_threads);

}  // namespace engine
