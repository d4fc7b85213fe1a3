#include "engine/weights.h"

#include "engine/weights_source.h"

namespace engine {
namespace {

using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;

constexpr const char* kHint = "Copy the model again or choose another one.";

// The list of what a model consists of.
class Binder {
 public:
  Binder(const ModelConfig& config, WeightsSource& source) : c_(config), source_(source) {}

  void bindAll(Weights& weights);

 private:
  std::vector<float> f32(const std::string& name, std::vector<std::int64_t> shape) {
    return source_.values(name, Published::kF32, std::move(shape));
  }
  std::vector<float> vector(const std::string& name, std::int64_t n) {
    return source_.values(name, Published::kBf16, {n});
  }
  kernels::MatrixView bf16(const std::string& name, std::int64_t out, std::int64_t in) {
    return source_.matrix(name, Published::kBf16, out, in);
  }
  kernels::MatrixView fp8(const std::string& name, std::int64_t out, std::int64_t in) {
    return source_.matrix(name, Published::kFp8, out, in);
  }
  HcWeights hc(const std::string& prefix, std::int64_t n_mixes, std::int64_t n_scales);
  CompressorWeights compressor(const std::string& prefix, const LayerShape& shape,
                               std::int64_t dim);
  AttentionWeights attention(const std::string& prefix, const LayerShape& shape);
  MoeWeights moe(const std::string& prefix, const LayerShape& shape);
  std::vector<kernels::ExpertWeights> experts(const std::string& prefix);
  LayerWeights layer(const std::string& prefix, const LayerShape& shape);
  TailWeights tail(const std::string& hc_prefix, const std::string& norm);
  MtpWeights mtp();
  DsparkWeights dspark();

  const ModelConfig& c_;
  WeightsSource& source_;
};

HcWeights Binder::hc(const std::string& prefix, std::int64_t n_mixes, std::int64_t n_scales) {
  return {f32(prefix + "_fn", {n_mixes, c_.hc_streams * c_.hidden}),
          f32(prefix + "_base", {n_mixes}), f32(prefix + "_scale", {n_scales})};
}

CompressorWeights Binder::compressor(const std::string& prefix, const LayerShape& shape,
                                     std::int64_t dim) {
  const std::int64_t width = shape.kind == LayerKind::kCsa ? 2 * dim : dim;
  return {bf16(prefix + "wkv", width, c_.hidden), bf16(prefix + "wgate", width, c_.hidden),
          f32(prefix + "ape", {shape.ratio, width}), vector(prefix + "norm.weight", dim)};
}

AttentionWeights Binder::attention(const std::string& p, const LayerShape& shape) {
  AttentionWeights a;
  const std::int64_t q_width = c_.n_heads * c_.head_dim, o_width = c_.o_groups * c_.o_lora_rank;
  a.wq_a = fp8(p + "wq_a", c_.q_lora_rank, c_.hidden);
  a.wq_b = fp8(p + "wq_b", q_width, c_.q_lora_rank);
  a.wkv = fp8(p + "wkv", c_.head_dim, c_.hidden);
  a.wo_a = fp8(p + "wo_a", o_width, q_width / c_.o_groups);
  a.wo_b = fp8(p + "wo_b", c_.hidden, o_width);
  a.q_norm = vector(p + "q_norm.weight", c_.q_lora_rank);
  a.kv_norm = vector(p + "kv_norm.weight", c_.head_dim);
  a.sink = f32(p + "attn_sink", {c_.n_heads});
  if (shape.ratio != 0) a.compressor = compressor(p + "compressor.", shape, c_.head_dim);
  if (shape.kind == LayerKind::kCsa) {
    a.indexer.wq_b = fp8(p + "indexer.wq_b", c_.index_heads * c_.index_dim, c_.q_lora_rank);
    a.indexer.weights_proj = bf16(p + "indexer.weights_proj", c_.index_heads, c_.hidden);
    a.indexer.compressor = compressor(p + "indexer.compressor.", shape, c_.index_dim);
  }
  return a;
}

MoeWeights Binder::moe(const std::string& p, const LayerShape& shape) {
  MoeWeights m;
  m.gate = bf16(p + "gate", c_.n_experts, c_.hidden);
  if (shape.hash_routed) {
    m.table = source_.expertTable(p + "gate.tid2eid");
    for (const std::int64_t expert : m.table)
      if (expert < 0 || expert >= c_.n_experts)
        source_.fail("tensor " + p + "gate.tid2eid names an expert that does not exist");
  } else {
    m.bias = f32(p + "gate.bias", {c_.n_experts});
  }
  m.experts = experts(p);
  const std::string shared = p + "shared_experts.";
  m.shared = {fp8(shared + "w1", c_.expert_inter, c_.hidden),
              fp8(shared + "w2", c_.hidden, c_.expert_inter),
              fp8(shared + "w3", c_.expert_inter, c_.hidden)};
  return m;
}

std::vector<kernels::ExpertWeights> Binder::experts(const std::string& prefix) {
  const auto w1 = source_.experts(prefix, "w1", c_.expert_inter, c_.hidden);
  const auto w2 = source_.experts(prefix, "w2", c_.hidden, c_.expert_inter);
  const auto w3 = source_.experts(prefix, "w3", c_.expert_inter, c_.hidden);
  std::vector<kernels::ExpertWeights> all;
  if (!source_.problem().empty()) return all;
  for (std::size_t e = 0; e < w1.size(); ++e) all.push_back({w1[e], w2[e], w3[e]});
  return all;
}

LayerWeights Binder::layer(const std::string& p, const LayerShape& shape) {
  const std::int64_t n_mixes = (2 + c_.hc_streams) * c_.hc_streams;
  LayerWeights l;
  l.shape = shape;
  l.hc_attn = hc(p + "hc_attn", n_mixes, 3);
  l.hc_ffn = hc(p + "hc_ffn", n_mixes, 3);
  l.attn_norm = vector(p + "attn_norm.weight", c_.hidden);
  l.ffn_norm = vector(p + "ffn_norm.weight", c_.hidden);
  l.attn = attention(p + "attn.", shape);
  l.moe = moe(p + "ffn.", shape);
  return l;
}

TailWeights Binder::tail(const std::string& hc_prefix, const std::string& norm) {
  return {hc(hc_prefix, c_.hc_streams, 1), vector(norm, c_.hidden)};
}

MtpWeights Binder::mtp() {
  MtpWeights m;
  m.layer = layer("mtp.0.", LayerShape{});
  m.enorm = vector("mtp.0.enorm.weight", c_.hidden);
  m.hnorm = vector("mtp.0.hnorm.weight", c_.hidden);
  m.e_proj = fp8("mtp.0.e_proj", c_.hidden, c_.hidden);
  m.h_proj = fp8("mtp.0.h_proj", c_.hidden, c_.hidden);
  m.tail = tail("mtp.0.hc_head", "mtp.0.norm.weight");
  return m;
}

DsparkWeights Binder::dspark() {
  DsparkWeights d;
  for (std::int64_t i = 0; i < c_.dspark.n_stages; ++i)
    d.stages.push_back(layer("mtp." + std::to_string(i) + ".", LayerShape{}));
  const auto n_targets = static_cast<std::int64_t>(c_.dspark.target_layers.size());
  d.main_proj = fp8("mtp.0.main_proj", c_.hidden, n_targets * c_.hidden);
  d.main_norm = vector("mtp.0.main_norm.weight", c_.hidden);
  const std::string last = "mtp." + std::to_string(c_.dspark.n_stages - 1) + ".";
  d.tail = tail(last + "hc_head", last + "norm.weight");
  d.markov_w1 = bf16(last + "markov_head.markov_w1", c_.vocab, c_.dspark.markov_rank);
  d.markov_w2 = bf16(last + "markov_head.markov_w2", c_.vocab, c_.dspark.markov_rank);
  d.confidence = bf16(last + "confidence_head.proj", 1, c_.hidden + c_.dspark.markov_rank);
  return d;
}

void Binder::bindAll(Weights& w) {
  w.embed = bf16("embed", c_.vocab, c_.hidden);
  w.head = bf16("head", c_.vocab, c_.hidden);
  w.tail = tail("hc_head", "norm.weight");
  for (std::int64_t i = 0; i < c_.n_layers && source_.problem().empty(); ++i)
    w.layers.push_back(
        layer("layers." + std::to_string(i) + ".", c_.layers[static_cast<std::size_t>(i)]));
  // Draft tensors are optional: base checkpoints carry the field but not the block.
  if (c_.dspark.block_size > 0)
    w.dspark = dspark();
  else if (c_.n_mtp > 0 && source_.has("mtp.0.e_proj.weight"))
    w.mtp = mtp();
}

}  // namespace

std::string shapeText(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (const std::int64_t dim : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(dim);
  return text + "]";
}

Weights::Weights(std::unique_ptr<WeightsSource> source)
    : source_(std::move(source)), files_(source_->files()) {}
Weights::~Weights() = default;

Result<std::unique_ptr<Weights>> Weights::bind(std::unique_ptr<WeightsSource> source,
                                               const ModelConfig& config) {
  std::unique_ptr<Weights> weights(new Weights(std::move(source)));
  Binder(config, *weights->source_).bindAll(*weights);
  const std::string& problem = weights->source_->problem();
  if (!problem.empty()) return failure(ErrorCode::kCorrupt, problem, kHint);
  weights->manifest_ = weights->source_->manifest();
  for (const MappedFile* file : weights->files_) file->forget();
  return weights;
}

Result<std::unique_ptr<Weights>> Weights::open(const std::filesystem::path& folder,
                                               const ModelConfig& config) {
  TRY_ASSIGN(auto source, openSafetensorsSource(folder, config));
  return bind(std::move(source), config);
}

Result<std::unique_ptr<Weights>> Weights::open(GgufFile file, const ModelConfig& config) {
  TRY_ASSIGN(auto source, openGgufSource(std::move(file), config));
  return bind(std::move(source), config);
}

WeightSizes Weights::measure(std::int64_t top_k) { return WeightStore::measure(*this, top_k); }

Status Weights::place(const WeightPlacement& placement) {
  if (placement.residency == Residency::kMapped) {
    WeightStore::readMapped(*this);
    return {};
  }
  TRY_ASSIGN(store_, WeightStore::place(*this, placement));
  return {};
}

Status Weights::checkFiles() const {
  for (const MappedFile* file : files_) TRY(file->checkUnchanged());
  return {};
}

std::int64_t Weights::fileBytes() const { return source_->fileBytes(); }

}  // namespace engine
