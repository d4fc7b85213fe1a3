#include "engine/weights.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "kernels/dtypes.h"

namespace engine {
namespace {

using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;
using kernels::MatrixView;
using kernels::WeightType;

constexpr const char* kHint = "Copy the checkpoint again or choose another model folder.";
constexpr std::int64_t kHashedWholeBytes = std::int64_t{256} << 20;

std::string shapeText(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (const std::int64_t dim : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(dim);
  return text + "]";
}

}  // namespace

// Looks tensors up by name and remembers the first that is missing or wrong, so that binding
// reads as a list.
class WeightsReader {
 public:
  WeightsReader(const ModelConfig& config, Weights& weights) : c_(config), w_(weights) {}

  Status openFiles(const std::filesystem::path& folder);
  Status bindAll();
  void hashManifest(const std::vector<std::filesystem::path>& paths);

 private:
  Result<std::vector<std::filesystem::path>> shardPaths(const std::filesystem::path& folder);
  const TensorView* find(const std::string& name, Dtype dtype, std::vector<std::int64_t> shape);
  const TensorView* lookUp(const std::string& name) const;
  void fail(std::string message) {
    if (problem_.empty()) problem_ = std::move(message);
  }

  std::vector<float> f32(const std::string& name, std::vector<std::int64_t> shape);
  std::vector<float> vector(const std::string& name, std::int64_t n);  // bf16 -> float32
  MatrixView bf16(const std::string& name, std::int64_t out, std::int64_t in);
  MatrixView fp8(const std::string& name, std::int64_t out, std::int64_t in);
  MatrixView expertMatrix(const std::string& name, std::int64_t out, std::int64_t in);
  HcWeights hc(const std::string& prefix, std::int64_t n_mixes, std::int64_t n_scales);
  CompressorWeights compressor(const std::string& prefix, const LayerShape& shape,
                               std::int64_t dim);
  AttentionWeights attention(const std::string& prefix, const LayerShape& shape);
  MoeWeights moe(const std::string& prefix, const LayerShape& shape);
  LayerWeights layer(const std::string& prefix, const LayerShape& shape);
  TailWeights tail(const std::string& hc_prefix, const std::string& norm);
  void bindMtp();
  void bindDspark();

  const ModelConfig& c_;
  Weights& w_;
  std::map<std::string, const TensorView*, std::less<>> tensors_;
  std::string problem_;
};

Result<std::vector<std::filesystem::path>> WeightsReader::shardPaths(
    const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  std::set<std::string> names;
  std::error_code error;
  if (const fs::path index = folder / "model.safetensors.index.json"; fs::exists(index, error)) {
    if (fs::file_size(index, error) > (64u << 20))
      return failure(ErrorCode::kInvalidInput, "model.safetensors.index.json is larger than 64 MiB",
                     kHint);
    std::ifstream file(index, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    TRY_ASSIGN(const Json json, parseJson(text.str(), "model.safetensors.index.json",
                                          DuplicateKeys::kAllow, kHint));
    const auto map = json.find("weight_map");
    if (map == json.end() || !map->is_object() || map->empty())
      return failure(ErrorCode::kInvalidInput, "model.safetensors.index.json has no weight_map",
                     kHint);
    for (const auto& [tensor, shard] : map->items()) {
      if (!shard.is_string())
        return failure(ErrorCode::kInvalidInput,
                       "model.safetensors.index.json names a shard that is no text", kHint);
      const auto name = shard.get<std::string>();
      // A shard lies in the model folder; anything else is an attempt to read other files.
      if (name.empty() || name.find('/') != std::string::npos ||
          name.find('\0') != std::string::npos || name.starts_with('.'))
        return failure(ErrorCode::kInvalidInput,
                       "model.safetensors.index.json names a shard outside the folder", kHint);
      names.insert(name);
    }
  } else {
    for (const auto& entry : fs::directory_iterator(folder, error))
      if (entry.path().extension() == ".safetensors")
        names.insert(entry.path().filename().string());
    if (names.empty())
      return failure(ErrorCode::kNotFound, "no safetensors files in the model folder",
                     "Choose the folder of a DeepSeek-V4 checkpoint.");
  }
  std::vector<fs::path> paths;
  for (const std::string& name : names) paths.push_back(folder / name);
  return paths;
}

Status WeightsReader::openFiles(const std::filesystem::path& folder) {
  TRY_ASSIGN(const auto paths, shardPaths(folder));
  for (const auto& path : paths) {
    TRY_ASSIGN(SafetensorsFile file, SafetensorsFile::open(path));
    w_.file_bytes_ += file.fileBytes();
    w_.files_.push_back(std::move(file));
  }
  for (const SafetensorsFile& file : w_.files_)
    for (const auto& [name, tensor] : file.tensors())
      if (!tensors_.emplace(name, &tensor).second)
        return failure(ErrorCode::kCorrupt, "two shards hold tensor '" + name.substr(0, 80) + "'",
                       kHint);
  hashManifest(paths);
  return {};
}

void WeightsReader::hashManifest(const std::vector<std::filesystem::path>& paths) {
  base::Hasher hasher;
  for (const auto& [name, tensor] : tensors_) {
    hasher.add(name).add(dtypeName(tensor->dtype)).add(shapeText(tensor->shape));
    if (w_.file_bytes_ <= kHashedWholeBytes) hasher.add(tensor->bytes);
  }
  if (w_.file_bytes_ > kHashedWholeBytes) {
    for (std::size_t i = 0; i < paths.size(); ++i) {
      std::error_code error;
      const auto time =
          std::filesystem::last_write_time(paths[i], error).time_since_epoch().count();
      hasher.add(static_cast<std::int64_t>(time)).add(w_.files_[i].fileBytes());
      for (const auto& [name, tensor] : w_.files_[i].tensors()) {
        const std::size_t n = std::min<std::size_t>(tensor.bytes.size(), 4096);
        hasher.add(tensor.bytes.first(n)).add(tensor.bytes.last(n));
        break;
      }
    }
  }
  w_.manifest_ = hasher.digest();
}

const TensorView* WeightsReader::lookUp(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : found->second;
}

const TensorView* WeightsReader::find(const std::string& name, Dtype dtype,
                                      std::vector<std::int64_t> shape) {
  const TensorView* tensor = lookUp(name);
  if (tensor == nullptr) return fail("tensor " + name + " is missing"), nullptr;
  if (tensor->dtype != dtype || tensor->shape != shape)
    return fail("tensor " + name + " is " + std::string(dtypeName(tensor->dtype)) + " " +
                shapeText(tensor->shape) + ", expected " + std::string(dtypeName(dtype)) + " " +
                shapeText(shape)),
           nullptr;
  if (reinterpret_cast<std::uintptr_t>(tensor->bytes.data()) %
          static_cast<std::uintptr_t>(dtypeBytes(dtype)) !=
      0)
    return fail("tensor " + name + " is not aligned to its element size"), nullptr;
  return tensor;
}

std::vector<float> WeightsReader::f32(const std::string& name, std::vector<std::int64_t> shape) {
  const TensorView* tensor = find(name, Dtype::kF32, std::move(shape));
  if (tensor == nullptr) return {};
  std::vector<float> out(static_cast<std::size_t>(tensor->elementCount()));
  std::memcpy(out.data(), tensor->bytes.data(), tensor->bytes.size());
  return out;
}

std::vector<float> WeightsReader::vector(const std::string& name, std::int64_t n) {
  const TensorView* tensor = find(name, Dtype::kBf16, {n});
  if (tensor == nullptr) return {};
  std::vector<float> out(static_cast<std::size_t>(n));
  const auto* codes = reinterpret_cast<const std::uint16_t*>(tensor->bytes.data());
  std::transform(codes, codes + n, out.begin(), kernels::bf16ToFloat);
  return out;
}

MatrixView WeightsReader::bf16(const std::string& name, std::int64_t out, std::int64_t in) {
  const TensorView* tensor = find(name, Dtype::kBf16, {out, in});
  if (tensor == nullptr) return {};
  MatrixView view;
  view.data = tensor->bytes.data();
  view.type = WeightType::kBf16;
  view.out = out;
  view.in = in;
  return view;
}

MatrixView WeightsReader::fp8(const std::string& name, std::int64_t out, std::int64_t in) {
  const TensorView* tensor = find(name + ".weight", Dtype::kF8E4m3, {out, in});
  const TensorView* scale =
      find(name + ".scale", Dtype::kF8E8m0, {(out + 127) / 128, (in + 127) / 128});
  if (tensor == nullptr || scale == nullptr) return {};
  MatrixView view;
  view.data = tensor->bytes.data();
  view.scale = reinterpret_cast<const std::uint8_t*>(scale->bytes.data());
  view.type = WeightType::kFp8;
  view.out = out;
  view.in = in;
  return view;
}

MatrixView WeightsReader::expertMatrix(const std::string& name, std::int64_t out, std::int64_t in) {
  if (!c_.experts_fp4) return fp8(name, out, in);
  const TensorView* tensor = find(name + ".weight", Dtype::kI8, {out, in / 2});
  const TensorView* scale = find(name + ".scale", Dtype::kF8E8m0, {out, in / 32});
  if (tensor == nullptr || scale == nullptr) return {};
  MatrixView view;
  view.data = tensor->bytes.data();
  view.scale = reinterpret_cast<const std::uint8_t*>(scale->bytes.data());
  view.type = WeightType::kFp4;
  view.out = out;
  view.in = in;
  return view;
}

HcWeights WeightsReader::hc(const std::string& prefix, std::int64_t n_mixes,
                            std::int64_t n_scales) {
  return {f32(prefix + "_fn", {n_mixes, c_.hc_streams * c_.hidden}),
          f32(prefix + "_base", {n_mixes}), f32(prefix + "_scale", {n_scales})};
}

CompressorWeights WeightsReader::compressor(const std::string& prefix, const LayerShape& shape,
                                            std::int64_t dim) {
  const std::int64_t width = shape.kind == LayerKind::kCsa ? 2 * dim : dim;
  return {bf16(prefix + "wkv.weight", width, c_.hidden),
          bf16(prefix + "wgate.weight", width, c_.hidden),
          f32(prefix + "ape", {shape.ratio, width}), vector(prefix + "norm.weight", dim)};
}

AttentionWeights WeightsReader::attention(const std::string& p, const LayerShape& shape) {
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
    a.indexer.weights_proj = bf16(p + "indexer.weights_proj.weight", c_.index_heads, c_.hidden);
    a.indexer.compressor = compressor(p + "indexer.compressor.", shape, c_.index_dim);
  }
  return a;
}

MoeWeights WeightsReader::moe(const std::string& p, const LayerShape& shape) {
  MoeWeights m;
  m.gate = bf16(p + "gate.weight", c_.n_experts, c_.hidden);
  if (shape.hash_routed) {
    if (const TensorView* table = find(p + "gate.tid2eid", Dtype::kI64, {c_.vocab, c_.top_k})) {
      m.table.resize(static_cast<std::size_t>(table->elementCount()));
      std::memcpy(m.table.data(), table->bytes.data(), table->bytes.size());
      for (const std::int64_t expert : m.table)
        if (expert < 0 || expert >= c_.n_experts)
          fail("tensor " + p + "gate.tid2eid names an expert that does not exist");
    }
  } else {
    m.bias = f32(p + "gate.bias", {c_.n_experts});
  }
  for (std::int64_t e = 0; e < c_.n_experts && problem_.empty(); ++e) {
    const std::string name = p + "experts." + std::to_string(e) + ".";
    m.experts.push_back({expertMatrix(name + "w1", c_.expert_inter, c_.hidden),
                         expertMatrix(name + "w2", c_.hidden, c_.expert_inter),
                         expertMatrix(name + "w3", c_.expert_inter, c_.hidden)});
  }
  const std::string shared = p + "shared_experts.";
  m.shared = {fp8(shared + "w1", c_.expert_inter, c_.hidden),
              fp8(shared + "w2", c_.hidden, c_.expert_inter),
              fp8(shared + "w3", c_.expert_inter, c_.hidden)};
  return m;
}

LayerWeights WeightsReader::layer(const std::string& p, const LayerShape& shape) {
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

TailWeights WeightsReader::tail(const std::string& hc_prefix, const std::string& norm) {
  return {hc(hc_prefix, c_.hc_streams, 1), vector(norm, c_.hidden)};
}

void WeightsReader::bindMtp() {
  MtpWeights m;
  m.layer = layer("mtp.0.", LayerShape{});
  m.enorm = vector("mtp.0.enorm.weight", c_.hidden);
  m.hnorm = vector("mtp.0.hnorm.weight", c_.hidden);
  m.e_proj = fp8("mtp.0.e_proj", c_.hidden, c_.hidden);
  m.h_proj = fp8("mtp.0.h_proj", c_.hidden, c_.hidden);
  m.tail = tail("mtp.0.hc_head", "mtp.0.norm.weight");
  w_.mtp = std::move(m);
}

void WeightsReader::bindDspark() {
  DsparkWeights d;
  for (std::int64_t i = 0; i < c_.dspark.n_stages; ++i)
    d.stages.push_back(layer("mtp." + std::to_string(i) + ".", LayerShape{}));
  const auto n_targets = static_cast<std::int64_t>(c_.dspark.target_layers.size());
  d.main_proj = fp8("mtp.0.main_proj", c_.hidden, n_targets * c_.hidden);
  d.main_norm = vector("mtp.0.main_norm.weight", c_.hidden);
  const std::string last = "mtp." + std::to_string(c_.dspark.n_stages - 1) + ".";
  d.tail = tail(last + "hc_head", last + "norm.weight");
  d.markov_w1 = bf16(last + "markov_head.markov_w1.weight", c_.vocab, c_.dspark.markov_rank);
  d.markov_w2 = bf16(last + "markov_head.markov_w2.weight", c_.vocab, c_.dspark.markov_rank);
  d.confidence = bf16(last + "confidence_head.proj.weight", 1, c_.hidden + c_.dspark.markov_rank);
  w_.dspark = std::move(d);
}

Status WeightsReader::bindAll() {
  w_.embed = bf16("embed.weight", c_.vocab, c_.hidden);
  w_.head = bf16("head.weight", c_.vocab, c_.hidden);
  w_.tail = tail("hc_head", "norm.weight");
  for (std::int64_t i = 0; i < c_.n_layers && problem_.empty(); ++i)
    w_.layers.push_back(
        layer("layers." + std::to_string(i) + ".", c_.layers[static_cast<std::size_t>(i)]));
  // Draft tensors are optional: base checkpoints carry the field but not the block.
  if (c_.dspark.block_size > 0) bindDspark();
  else if (c_.n_mtp > 0 && lookUp("mtp.0.e_proj.weight") != nullptr) bindMtp();
  if (!problem_.empty()) return failure(ErrorCode::kCorrupt, problem_, kHint);
  return {};
}

Result<std::unique_ptr<Weights>> Weights::open(const std::filesystem::path& folder,
                                               const ModelConfig& config) {
  auto weights = std::make_unique<Weights>();
  WeightsReader reader(config, *weights);
  TRY(reader.openFiles(folder));
  TRY(reader.bindAll());
  return weights;
}

}  // namespace engine
