// Tensors of GGUF files of architecture deepseek4 (specification §15.8): other names, any type of
// weight for any matrix, the experts of a layer in one tensor.
#include <algorithm>
#include <cstring>

#include "engine/weights_source.h"

namespace engine {
namespace {

using kernels::MatrixView;
using kernels::WeightType;

struct NamePair {
  std::string_view official, gguf;
};

constexpr NamePair kGlobalNames[] = {
    {"embed", "token_embd.weight"},
    {"head", "output.weight"},
    {"norm.weight", "output_norm.weight"},
    {"hc_head_fn", "output_hc_fn.weight"},
    {"hc_head_base", "output_hc_base.weight"},
    {"hc_head_scale", "output_hc_scale.weight"},
};

// Behind "layers.N." and "blk.N.".
constexpr NamePair kLayerNames[] = {
    {"attn_norm.weight", "attn_norm.weight"},
    {"ffn_norm.weight", "ffn_norm.weight"},
    {"hc_attn_fn", "hc_attn_fn.weight"},
    {"hc_attn_base", "hc_attn_base.weight"},
    {"hc_attn_scale", "hc_attn_scale.weight"},
    {"hc_ffn_fn", "hc_ffn_fn.weight"},
    {"hc_ffn_base", "hc_ffn_base.weight"},
    {"hc_ffn_scale", "hc_ffn_scale.weight"},
    {"attn.attn_sink", "attn_sinks.weight"},
    {"attn.wq_a", "attn_q_a.weight"},
    {"attn.q_norm.weight", "attn_q_a_norm.weight"},
    {"attn.wq_b", "attn_q_b.weight"},
    {"attn.wkv", "attn_kv.weight"},
    {"attn.kv_norm.weight", "attn_kv_a_norm.weight"},
    {"attn.wo_a", "attn_output_a.weight"},
    {"attn.wo_b", "attn_output_b.weight"},
    {"attn.compressor.wkv", "attn_compressor_kv.weight"},
    {"attn.compressor.wgate", "attn_compressor_gate.weight"},
    {"attn.compressor.ape", "attn_compressor_ape.weight"},
    {"attn.compressor.norm.weight", "attn_compressor_norm.weight"},
    {"attn.indexer.wq_b", "indexer.attn_q_b.weight"},
    {"attn.indexer.weights_proj", "indexer.proj.weight"},
    {"attn.indexer.compressor.wkv", "indexer_compressor_kv.weight"},
    {"attn.indexer.compressor.wgate", "indexer_compressor_gate.weight"},
    {"attn.indexer.compressor.ape", "indexer_compressor_ape.weight"},
    {"attn.indexer.compressor.norm.weight", "indexer_compressor_norm.weight"},
    {"ffn.gate", "ffn_gate_inp.weight"},
    {"ffn.gate.bias", "exp_probs_b.bias"},
    {"ffn.gate.tid2eid", "ffn_gate_tid2eid.weight"},
    {"ffn.experts.w1", "ffn_gate_exps.weight"},
    {"ffn.experts.w2", "ffn_down_exps.weight"},
    {"ffn.experts.w3", "ffn_up_exps.weight"},
    {"ffn.shared_experts.w1", "ffn_gate_shexp.weight"},
    {"ffn.shared_experts.w2", "ffn_down_shexp.weight"},
    {"ffn.shared_experts.w3", "ffn_up_shexp.weight"},
};

// The file's name for an official one; empty where the format has none.
std::string ggufName(std::string_view official) {
  constexpr std::string_view kLayers = "layers.";
  std::string prefix;
  if (official.starts_with(kLayers)) {
    const std::size_t end = official.find('.', kLayers.size()) + 1;
    prefix = "blk." + std::string(official.substr(kLayers.size(), end - kLayers.size()));
    official.remove_prefix(end);
    for (const NamePair& pair : kLayerNames)
      if (pair.official == official) return prefix + std::string(pair.gguf);
    return {};
  }
  for (const NamePair& pair : kGlobalNames)
    if (pair.official == official) return std::string(pair.gguf);
  return {};
}

WeightType weightType(GgufType type) {
  switch (type) {
    case GgufType::kF16:
      return WeightType::kF16;
    case GgufType::kBf16:
      return WeightType::kBf16;
    case GgufType::kQ8_0:
      return WeightType::kQ8_0;
    case GgufType::kMxfp4:
      return WeightType::kMxfp4;
    default:
      return WeightType::kF32;
  }
}

class GgufSource : public WeightsSource {
 public:
  GgufSource(GgufFile file, const ModelConfig& config) : file_(std::move(file)), c_(config) {}

  bool has(const std::string& name) const override {
    return file_.tensors().contains(ggufName(name));
  }

  std::vector<float> values(const std::string& name, Published,
                            std::vector<std::int64_t> shape) override {
    const GgufTensor* tensor = weights(name, shape);
    if (tensor == nullptr) return {};
    std::int64_t n_rows = 1;
    for (std::size_t i = 0; i + 1 < shape.size(); ++i) n_rows *= shape[i];
    const MatrixView view = rows(*tensor, 0, n_rows, shape.back());
    std::vector<float> out(static_cast<std::size_t>(n_rows * view.in));
    for (std::int64_t row = 0; row < n_rows; ++row)
      kernels::dequantizeRow(view, row, out.data() + row * view.in);
    return out;
  }

  MatrixView matrix(const std::string& name, Published, std::int64_t out,
                    std::int64_t in) override {
    const GgufTensor* tensor = weights(name, {out, in});
    return tensor == nullptr ? MatrixView{} : rows(*tensor, 0, out, in);
  }

  std::vector<MatrixView> experts(const std::string& prefix, const std::string& which,
                                  std::int64_t out, std::int64_t in) override {
    std::vector<MatrixView> all;
    const GgufTensor* tensor = weights(prefix + "experts." + which, {c_.n_experts, out, in});
    for (std::int64_t e = 0; e < c_.n_experts && tensor != nullptr; ++e)
      all.push_back(rows(*tensor, e * out, out, in));
    return all;
  }

  std::vector<std::int64_t> expertTable(const std::string& name) override {
    const GgufTensor* tensor = find(name, {c_.vocab, c_.top_k});
    if (tensor == nullptr) return {};
    if (tensor->type != GgufType::kI32)
      return wrongType(name, *tensor, "I32"), std::vector<std::int64_t>();
    std::vector<std::int32_t> stored(tensor->bytes.size() / 4);
    std::memcpy(stored.data(), tensor->bytes.data(), tensor->bytes.size());
    return {stored.begin(), stored.end()};
  }

  std::vector<MappedFile*> files() override { return {&file_.file()}; }
  std::int64_t fileBytes() const override { return file_bytes_; }

  base::Hash128 manifest() const override {
    base::Hasher hasher;
    if (fileBytes() <= kHashedWholeBytes) return hasher.add(file_.bytes()).digest();
    hasher.add(file_.header()).add(fileBytes()).add(file_.modifiedAt());
    for (const auto& [name, tensor] : file_.tensors()) {
      const std::size_t n = std::min<std::size_t>(tensor.bytes.size(), 4096);
      hasher.add(tensor.bytes.first(n)).add(tensor.bytes.last(n));
    }
    return hasher.digest();
  }

 private:
  const GgufTensor* find(const std::string& name, const std::vector<std::int64_t>& shape) {
    const std::string stored = ggufName(name);
    const auto found = file_.tensors().find(stored);
    if (found == file_.tensors().end())
      return fail("tensor " + (stored.empty() ? name : stored) + " is missing"), nullptr;
    if (found->second.shape != shape)
      return fail("tensor " + stored + " is " + shapeText(found->second.shape) + ", expected " +
                  shapeText(shape)),
             nullptr;
    return &found->second;
  }

  const GgufTensor* weights(const std::string& name, const std::vector<std::int64_t>& shape) {
    const GgufTensor* tensor = find(name, shape);
    if (tensor != nullptr && tensor->type == GgufType::kI32)
      return wrongType(name, *tensor, "a type of weights"), nullptr;
    return tensor;
  }

  void wrongType(const std::string& name, const GgufTensor& tensor, const char* expected) {
    fail("tensor " + ggufName(name) + " is " + std::string(ggufTypeName(tensor.type)) +
         ", expected " + expected);
  }

  static MatrixView rows(const GgufTensor& tensor, std::int64_t first, std::int64_t n,
                         std::int64_t in) {
    MatrixView view;
    view.type = weightType(tensor.type);
    view.out = n;
    view.in = in;
    view.data = tensor.bytes.data() + first * view.rowBytes();
    return view;
  }

  GgufFile file_;
  const std::int64_t file_bytes_ = static_cast<std::int64_t>(file_.bytes().size());
  const ModelConfig c_;
};

}  // namespace

base::Result<std::unique_ptr<WeightsSource>> openGgufSource(GgufFile file,
                                                            const ModelConfig& config) {
  return std::make_unique<GgufSource>(std::move(file), config);
}

}  // namespace engine
