#include "engine/safetensors.h"

#include <algorithm>
#include <cstring>
#include <ostream>
#include <optional>

#include "engine/base/replace_file.h"
#include "engine/json.h"

namespace engine {
namespace {

using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;

constexpr std::uint64_t kHeaderBytesMax = 100'000'000;
constexpr const char* kHint = "Copy the file again or choose another model folder.";

struct DtypeRow {
  Dtype dtype;
  std::string_view name;
  std::int64_t bytes;
};
constexpr DtypeRow kDtypes[] = {
    {Dtype::kF32, "F32", 4},         {Dtype::kF16, "F16", 2},         {Dtype::kBf16, "BF16", 2},
    {Dtype::kF8E4m3, "F8_E4M3", 1},  {Dtype::kF8E8m0, "F8_E8M0", 1},  {Dtype::kI64, "I64", 8},
    {Dtype::kI32, "I32", 4},         {Dtype::kI8, "I8", 1},           {Dtype::kU8, "U8", 1},
    {Dtype::kBool, "BOOL", 1},       {Dtype::kF64, "F64", 8},
};

const DtypeRow& rowOf(Dtype dtype) {
  return *std::find_if(std::begin(kDtypes), std::end(kDtypes),
                       [dtype](const DtypeRow& row) { return row.dtype == dtype; });
}

std::optional<Dtype> dtypeFromName(std::string_view name) {
  for (const DtypeRow& row : kDtypes)
    if (row.name == name) return row.dtype;
  return std::nullopt;
}

// Names from a file may hold anything; messages show a short, printable form.
std::string shown(std::string_view name) {
  std::string out;
  for (const char c : name.substr(0, 80)) out += c >= ' ' && c <= '~' ? c : '?';
  return "'" + out + "'";
}

// a·b, or nothing when the product does not fit 63 bits or a factor is negative.
std::optional<std::int64_t> checkedProduct(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  if (a < 0 || b < 0 || __builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

struct Entry {
  std::string name;
  Dtype dtype;
  std::vector<std::int64_t> shape;
  std::uint64_t begin, end;
};

Result<Entry> readEntry(const std::string& name, const Json& json) {
  const auto bad = [&](const char* why) {
    return failure(ErrorCode::kCorrupt, "tensor " + shown(name) + " " + why, kHint);
  };
  if (!json.is_object() || !json.contains("dtype") || !json.contains("shape") ||
      !json.contains("data_offsets"))
    return bad("has no dtype, shape or data_offsets");
  const Json &dtype = json["dtype"], &shape = json["shape"], &offsets = json["data_offsets"];
  if (!dtype.is_string() || !shape.is_array() || !offsets.is_array() || offsets.size() != 2 ||
      !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned())
    return bad("has a malformed entry");
  const auto known = dtypeFromName(dtype.get<std::string>());
  if (!known)
    return failure(ErrorCode::kUnsupported,
                   "tensor " + shown(name) + " has dtype " + shown(dtype.get<std::string>()));
  Entry entry{name, *known, {}, offsets[0].get<std::uint64_t>(), offsets[1].get<std::uint64_t>()};
  std::optional<std::int64_t> n_bytes = rowOf(*known).bytes;
  for (const Json& dim : shape) {
    if (!dim.is_number_unsigned() || dim.get<std::uint64_t>() > (std::uint64_t{1} << 48))
      return bad("has an impossible shape");
    entry.shape.push_back(dim.get<std::int64_t>());
    n_bytes = n_bytes ? checkedProduct(*n_bytes, entry.shape.back()) : std::nullopt;
  }
  if (!n_bytes || entry.end < entry.begin ||
      entry.end - entry.begin != static_cast<std::uint64_t>(*n_bytes))
    return bad("is not as long as its shape says");
  return entry;
}

}  // namespace

std::string_view dtypeName(Dtype dtype) { return rowOf(dtype).name; }
std::int64_t dtypeBytes(Dtype dtype) { return rowOf(dtype).bytes; }

std::int64_t TensorView::elementCount() const {
  return static_cast<std::int64_t>(bytes.size()) / dtypeBytes(dtype);
}

Result<SafetensorsFile> SafetensorsFile::open(const std::filesystem::path& path) {
  const std::string file_name = path.filename().string();
  TRY_ASSIGN(MappedFile mapped, MappedFile::open(path));
  SafetensorsFile file(std::move(mapped));
  const std::span<const std::byte> bytes = file.file_.bytes();
  std::uint64_t header_size = 0;
  if (bytes.size() < 8)
    return failure(ErrorCode::kCorrupt, file_name + " ends inside its header", kHint);
  std::memcpy(&header_size, bytes.data(), 8);
  if (header_size > kHeaderBytesMax || header_size < 2)
    return failure(ErrorCode::kInvalidInput, file_name + " is not a safetensors file", kHint);
  if (header_size > bytes.size() - 8)
    return failure(ErrorCode::kCorrupt, file_name + " ends inside its header", kHint);
  const std::string_view header(reinterpret_cast<const char*>(bytes.data()) + 8,
                                static_cast<std::size_t>(header_size));
  TRY_ASSIGN(const Json json, parseJson(header, "the header of " + file_name,
                                        DuplicateKeys::kRefuse, kHint));
  if (!json.is_object())
    return failure(ErrorCode::kInvalidInput, file_name + " is not a safetensors file", kHint);

  std::vector<Entry> entries;
  for (const auto& [name, value] : json.items()) {
    if (name == "__metadata__") continue;
    TRY_ASSIGN(Entry entry, readEntry(name, value));
    entries.push_back(std::move(entry));
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  const std::span<const std::byte> data = bytes.subspan(8 + static_cast<std::size_t>(header_size));
  std::uint64_t expected = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != expected)
      return failure(
          ErrorCode::kCorrupt,
          "tensor " + shown(entry.name) + " of " + file_name + " overlaps another or leaves a hole",
          kHint);
    if (entry.end > data.size())
      return failure(ErrorCode::kCorrupt,
                     file_name + " is truncated: tensor " + shown(entry.name) + " ends " +
                         std::to_string(entry.end - data.size()) + " bytes behind the file",
                     kHint);
    expected = entry.end;
    file.tensors_.emplace(
        entry.name, TensorView{entry.dtype, entry.shape,
                               data.subspan(static_cast<std::size_t>(entry.begin),
                                            static_cast<std::size_t>(entry.end - entry.begin))});
  }
  if (expected != data.size())
    return failure(ErrorCode::kCorrupt,
                   file_name + " has " + std::to_string(data.size() - expected) +
                       " bytes behind its last tensor",
                   kHint);
  return file;
}

const TensorView* SafetensorsFile::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

Status writeSafetensors(const std::filesystem::path& path,
                        const std::map<std::string, TensorView, std::less<>>& tensors) {
  Json header = Json::object();
  std::uint64_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    header[name] = {{"dtype", dtypeName(tensor.dtype)},
                    {"shape", tensor.shape},
                    {"data_offsets", {offset, offset + tensor.bytes.size()}}};
    offset += tensor.bytes.size();
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t header_size = text.size();
  return base::replaceFile(path, [&](std::ostream& file) {
    file.write(reinterpret_cast<const char*>(&header_size), 8);
    file << text;
    for (const auto& [name, tensor] : tensors)
      file.write(reinterpret_cast<const char*>(tensor.bytes.data()),
                 static_cast<std::streamsize>(tensor.bytes.size()));
  });
}

}  // namespace engine
