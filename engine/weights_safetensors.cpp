// Tensors of safetensors checkpoints: official names and official types.
#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "engine/safetensors.h"
#include "engine/weights_source.h"
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

// While hashing, pages of the map are given back after so many bytes.
constexpr std::size_t kForgottenTogetherBytes = 4 << 20;

class SafetensorsSource : public WeightsSource {
 public:
  explicit SafetensorsSource(const ModelConfig& config) : c_(config) {}

  Status open(const std::filesystem::path& folder);

  bool has(const std::string& name) const override { return lookUp(name) != nullptr; }
  std::vector<float> values(const std::string& name, Published published,
                            std::vector<std::int64_t> shape) override;
  MatrixView matrix(const std::string& name, Published published, std::int64_t out,
                    std::int64_t in) override;
  std::vector<MatrixView> experts(const std::string& prefix, const std::string& which,
                                  std::int64_t out, std::int64_t in) override;
  std::vector<std::int64_t> expertTable(const std::string& name) override;
  std::vector<MappedFile*> files() override {
    std::vector<MappedFile*> files;
    for (SafetensorsFile& file : files_) files.push_back(&file.file());
    return files;
  }
  std::int64_t fileBytes() const override { return file_bytes_; }
  base::Hash128 manifest() const override;

 private:
  Result<std::vector<std::filesystem::path>> shardPaths(const std::filesystem::path& folder);
  const TensorView* find(const std::string& name, Dtype dtype,
                         const std::vector<std::int64_t>& shape);
  const TensorView* lookUp(const std::string& name) const;

  const ModelConfig c_;
  std::vector<std::filesystem::path> paths_;
  std::vector<SafetensorsFile> files_;
  std::int64_t file_bytes_ = 0;
  std::map<std::string, const TensorView*, std::less<>> tensors_;
};

Result<std::vector<std::filesystem::path>> SafetensorsSource::shardPaths(
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
    TRY_ASSIGN(const Json json,
               parseJson(text.str(), "model.safetensors.index.json", DuplicateKeys::kAllow, kHint));
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

Status SafetensorsSource::open(const std::filesystem::path& folder) {
  TRY_ASSIGN(paths_, shardPaths(folder));
  for (const auto& path : paths_) {
    TRY_ASSIGN(SafetensorsFile file, SafetensorsFile::open(path));
    file_bytes_ += file.fileBytes();
    files_.push_back(std::move(file));
  }
  for (const SafetensorsFile& file : files_)
    for (const auto& [name, tensor] : file.tensors())
      if (!tensors_.emplace(name, &tensor).second)
        return failure(ErrorCode::kCorrupt, "two shards hold tensor '" + name.substr(0, 80) + "'",
                       kHint);
  return {};
}

base::Hash128 SafetensorsSource::manifest() const {
  base::Hasher hasher;
  std::size_t n_touched = 0;
  for (const auto& [name, tensor] : tensors_) {
    hasher.add(name).add(dtypeName(tensor->dtype)).add(shapeText(tensor->shape));
    if (file_bytes_ > kHashedWholeBytes) continue;
    hasher.add(tensor->bytes);
    n_touched += tensor->bytes.size();
    if (n_touched < kForgottenTogetherBytes) continue;
    for (const SafetensorsFile& file : files_) file.file().forget();
    n_touched = 0;
  }
  if (file_bytes_ > kHashedWholeBytes) {
    for (std::size_t i = 0; i < paths_.size(); ++i) {
      std::error_code error;
      const auto time =
          std::filesystem::last_write_time(paths_[i], error).time_since_epoch().count();
      hasher.add(static_cast<std::int64_t>(time)).add(files_[i].fileBytes());
      for (const auto& [name, tensor] : files_[i].tensors()) {
        const std::size_t n = std::min<std::size_t>(tensor.bytes.size(), 4096);
        hasher.add(tensor.bytes.first(n)).add(tensor.bytes.last(n));
        break;
      }
    }
  }
  return hasher.digest();
}

const TensorView* SafetensorsSource::lookUp(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : found->second;
}

const TensorView* SafetensorsSource::find(const std::string& name, Dtype dtype,
                                          const std::vector<std::int64_t>& shape) {
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

std::vector<float> SafetensorsSource::values(const std::string& name, Published published,
                                             std::vector<std::int64_t> shape) {
  const Dtype dtype = published == Published::kF32 ? Dtype::kF32 : Dtype::kBf16;
  const TensorView* tensor = find(name, dtype, shape);
  if (tensor == nullptr) return {};
  std::vector<float> out(static_cast<std::size_t>(tensor->elementCount()));
  if (dtype == Dtype::kF32) {
    std::memcpy(out.data(), tensor->bytes.data(), tensor->bytes.size());
  } else {
    const auto* codes = reinterpret_cast<const std::uint16_t*>(tensor->bytes.data());
    std::transform(codes, codes + out.size(), out.begin(), kernels::bf16ToFloat);
  }
  return out;
}

MatrixView SafetensorsSource::matrix(const std::string& name, Published published, std::int64_t out,
                                     std::int64_t in) {
  const bool fp4 = published == Published::kExpert && c_.experts_fp4;
  const bool bf16 = published == Published::kBf16;
  const TensorView* tensor = find(name + ".weight",
                                  bf16  ? Dtype::kBf16
                                  : fp4 ? Dtype::kI8
                                        : Dtype::kF8E4m3,
                                  {out, fp4 ? in / 2 : in});
  const TensorView* scale = nullptr;
  if (fp4)
    scale = find(name + ".scale", Dtype::kF8E8m0, {out, in / 32});
  else if (!bf16)
    scale = find(name + ".scale", Dtype::kF8E8m0, {(out + 127) / 128, (in + 127) / 128});
  if (tensor == nullptr || (!bf16 && scale == nullptr)) return {};
  MatrixView view;
  view.data = tensor->bytes.data();
  if (scale != nullptr) view.scale = reinterpret_cast<const std::uint8_t*>(scale->bytes.data());
  view.type = bf16 ? WeightType::kBf16 : fp4 ? WeightType::kFp4 : WeightType::kFp8;
  view.out = out;
  view.in = in;
  return view;
}

std::vector<MatrixView> SafetensorsSource::experts(const std::string& prefix,
                                                   const std::string& which, std::int64_t out,
                                                   std::int64_t in) {
  std::vector<MatrixView> all;
  for (std::int64_t e = 0; e < c_.n_experts && problem().empty(); ++e)
    all.push_back(
        matrix(prefix + "experts." + std::to_string(e) + "." + which, Published::kExpert, out, in));
  return all;
}

std::vector<std::int64_t> SafetensorsSource::expertTable(const std::string& name) {
  const TensorView* tensor = find(name, Dtype::kI64, {c_.vocab, c_.top_k});
  if (tensor == nullptr) return {};
  std::vector<std::int64_t> table(static_cast<std::size_t>(tensor->elementCount()));
  std::memcpy(table.data(), tensor->bytes.data(), tensor->bytes.size());
  return table;
}

}  // namespace

Result<std::unique_ptr<WeightsSource>> openSafetensorsSource(const std::filesystem::path& folder,
                                                             const ModelConfig& config) {
  auto source = std::make_unique<SafetensorsSource>(config);
  TRY(source->open(folder));
  return source;
}

}  // namespace engine
