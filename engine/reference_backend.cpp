#include "engine/backend.h"

namespace engine {
namespace {

class ReferenceBackend : public Backend {
 public:
  void embed(const kernels::EmbedArgs& args) override { kernels::embed(args); }
  void hcPre(const kernels::HcPreArgs& args) override { kernels::hcPreRef(args); }
  void hcPost(const kernels::HcPostArgs& args) override { kernels::hcPostRef(args); }
  void hcHead(const kernels::HcHeadArgs& args) override { kernels::hcHeadRef(args); }
  void rmsNorm(const kernels::RmsNormArgs& args) override { kernels::rmsNormRef(args); }
  void headNorm(const kernels::HeadNormArgs& args) override { kernels::headNormRef(args); }
  void linear(const kernels::LinearArgs& args) override { kernels::linearRef(args); }
  void rope(const kernels::RopeArgs& args) override { kernels::ropeRef(args); }
  void compress(const kernels::CompressArgs& args) override { kernels::compressRef(args); }
  void indexSelect(const kernels::IndexSelectArgs& args) override { kernels::indexSelectRef(args); }
  void attendSparse(const kernels::AttendArgs& args) override { kernels::attendSparseRef(args); }
  void route(const kernels::RouteArgs& args) override { kernels::route(args); }
  void experts(const kernels::ExpertsArgs& args) override { kernels::expertsRef(args); }
  void forEach(std::int64_t n, std::int64_t, kernels::LoopBody work) override { work(0, n); }
};

}  // namespace

std::unique_ptr<Backend> makeReferenceBackend() { return std::make_unique<ReferenceBackend>(); }

}  // namespace engine
