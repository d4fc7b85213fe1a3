#include "engine/gguf.h"

#include <algorithm>
#include <cstring>

namespace engine {
namespace {

using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;

constexpr const char* kHint = "Copy the file again or choose another model.";

// More of anything is no model file, and would cost time and memory to refuse later.
constexpr std::uint64_t kHeaderBytesMax = std::uint64_t{256} << 20;
constexpr std::uint64_t kTensorsMax = 100'000, kValuesMax = 100'000;
constexpr std::uint64_t kNameBytesMax = 256, kTextBytesMax = std::uint64_t{16} << 20;
constexpr std::uint64_t kAlignmentMax = std::uint64_t{1} << 20;
constexpr std::uint32_t kDimsMax = 4;

struct TypeRow {
  GgufType type;
  std::string_view name;
  std::int64_t block, block_bytes;
};
constexpr TypeRow kTypes[] = {
    {GgufType::kF32, "F32", 1, 4},     {GgufType::kF16, "F16", 1, 2},
    {GgufType::kQ8_0, "Q8_0", 32, 34}, {GgufType::kI32, "I32", 1, 4},
    {GgufType::kBf16, "BF16", 1, 2},   {GgufType::kMxfp4, "MXFP4", 32, 17},
};

// Types of other quantisations, by number: only to name them when they are refused.
constexpr std::string_view kOtherTypes[] = {
    "F32",     "F16",    "Q4_0",    "Q4_1",  "",       "",      "Q5_0",  "Q5_1",
    "Q8_0",    "Q8_1",   "Q2_K",    "Q3_K",  "Q4_K",   "Q5_K",  "Q6_K",  "Q8_K",
    "IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S", "IQ4_NL", "IQ3_S", "IQ2_S", "IQ4_XS",
    "I8",      "I16",    "I32",     "I64",   "F64",    "IQ1_M", "BF16"};

const TypeRow* findType(std::uint32_t number) {
  for (const TypeRow& row : kTypes)
    if (static_cast<std::uint32_t>(row.type) == number) return &row;
  return nullptr;
}

std::string typeText(std::uint32_t number) {
  if (number < std::size(kOtherTypes) && !kOtherTypes[number].empty())
    return std::string(kOtherTypes[number]);
  return "number " + std::to_string(number);
}

// Names from a file may hold anything; messages show a short, printable form.
std::string shown(std::string_view name) {
  std::string out;
  for (const char c : name.substr(0, 80)) out += c >= ' ' && c <= '~' ? c : '?';
  return "'" + out + "'";
}

// Bytes of a tensor, or nothing when a row is no whole number of blocks or they do not fit 63 bits.
std::optional<std::int64_t> tensorBytes(const TypeRow& type,
                                        const std::vector<std::int64_t>& shape) {
  std::int64_t n = 1, bytes = 0;
  for (const std::int64_t dim : shape)
    if (dim < 1 || __builtin_mul_overflow(n, dim, &n)) return std::nullopt;
  if (shape.back() % type.block != 0) return std::nullopt;
  if (__builtin_mul_overflow(n / type.block, type.block_bytes, &bytes)) return std::nullopt;
  return bytes;
}

std::uint64_t padded(std::uint64_t n, std::uint64_t alignment) {
  return (n + alignment - 1) / alignment * alignment;  // n is at most a file's size
}

}  // namespace

std::string_view ggufTypeName(GgufType type) {
  return findType(static_cast<std::uint32_t>(type))->name;
}

// Walks through the header. After the first thing that does not fit, every read gives nothing.
class GgufReader {
 public:
  explicit GgufReader(GgufFile& file)
      : file_(file),
        bytes_(file.bytes().first(std::min<std::size_t>(file.bytes().size(), kHeaderBytesMax))) {}

  Status read() {
    TRY(readPreamble());
    for (std::uint64_t i = 0; i < n_values_; ++i) TRY(readValue());
    TRY(readAlignment());
    std::vector<Entry> entries;
    for (std::uint64_t i = 0; i < n_tensors_; ++i) {
      TRY_ASSIGN(Entry entry, readEntry());
      entries.push_back(std::move(entry));
    }
    file_.header_bytes_ = at_;
    return place(std::move(entries));
  }

 private:
  struct Entry {
    std::string name;
    const TypeRow* type;
    std::vector<std::int64_t> shape;
    std::uint64_t offset, n_bytes;
  };

  tl::unexpected<base::Error> corrupt(const std::string& what) const {
    return failure(ErrorCode::kCorrupt, file_.name_ + " " + what, kHint);
  }
  tl::unexpected<base::Error> endsEarly() const {
    return bytes_.size() < file_.bytes().size() ? corrupt("has a header of more than 256 MiB")
                                                : corrupt("ends inside its header");
  }

  bool has(std::uint64_t n) const { return n <= bytes_.size() - at_; }
  std::optional<std::span<const std::byte>> take(std::uint64_t n) {
    if (!has(n)) return std::nullopt;
    const auto part = bytes_.subspan(at_, static_cast<std::size_t>(n));
    at_ += static_cast<std::size_t>(n);
    return part;
  }
  template <class T>
  std::optional<T> take() {
    const auto part = take(sizeof(T));
    if (!part) return std::nullopt;
    return loadFrom<T>(part->data());
  }
  std::optional<std::string_view> takeText() {
    const auto n = take<std::uint64_t>();
    if (!n) return std::nullopt;
    const auto part = take(*n);
    if (!part) return std::nullopt;
    return std::string_view(reinterpret_cast<const char*>(part->data()), part->size());
  }
  Result<std::string> takeName(const char* of_what) {
    const auto name = takeText();
    if (!name) return endsEarly();
    if (name->empty() || name->size() > kNameBytesMax)
      return corrupt(std::string("has a ") + of_what + " with a name of " +
                     std::to_string(name->size()) + " bytes");
    return std::string(*name);
  }

  Status readPreamble() {
    const auto magic = take(4);
    if (!magic || std::memcmp(magic->data(), "GGUF", 4) != 0)
      return failure(ErrorCode::kInvalidInput, file_.name_ + " is not a GGUF file",
                     "Choose a GGUF file, or the folder of a safetensors checkpoint.");
    const auto version = take<std::uint32_t>();
    if (!version) return endsEarly();
    if (*version != 2 && *version != 3)
      return failure(ErrorCode::kUnsupported,
                     file_.name_ + " has version " + std::to_string(*version) +
                         " of the GGUF format; this program reads versions 2 and 3, little-endian",
                     "Convert the model again with current tools.");
    const auto n_tensors = take<std::uint64_t>(), n_values = take<std::uint64_t>();
    if (!n_tensors || !n_values) return endsEarly();
    n_tensors_ = *n_tensors;
    n_values_ = *n_values;
    // The least a value (name, type, one byte) and a tensor (name, one dimension) take.
    const std::uint64_t left = bytes_.size() - at_;
    if (n_values_ > std::min(kValuesMax, left / 14) ||
        n_tensors_ > std::min(kTensorsMax, left / 33))
      return corrupt("names " + std::to_string(n_values_) + " values and " +
                     std::to_string(n_tensors_) + " tensors, more than it can hold");
    return {};
  }

  Status readValue() {
    TRY_ASSIGN(std::string key, takeName("metadata value"));
    const auto type = take<std::uint32_t>();
    if (!type) return endsEarly();
    GgufValue value;
    value.kind_ = static_cast<GgufKind>(*type);
    value.is_list_ = value.kind_ == GgufKind::kList;
    if (value.is_list_) {
      const auto element = take<std::uint32_t>();
      const auto size = take<std::uint64_t>();
      if (!element || !size) return endsEarly();
      value.kind_ = static_cast<GgufKind>(*element);
      value.size_ = *size;
      if (value.kind_ == GgufKind::kList)
        return failure(ErrorCode::kUnsupported,
                       file_.name_ + ": metadata " + shown(key) + " is a list of lists", kHint);
    }
    if (const auto number = static_cast<std::uint32_t>(value.kind_); number >= kGgufKinds)
      return corrupt("has metadata " + shown(key) + " of type " + std::to_string(number) +
                     ", which does not exist");
    TRY(readBytes(key, value));
    if (!file_.metadata_.emplace(std::move(key), value).second)
      return corrupt("names a metadata value twice");
    return {};
  }

  Status readBytes(const std::string& key, GgufValue& value) {
    const std::size_t width = ggufKindBytes(value.kind_);
    const std::uint64_t n = value.is_list_ ? value.size_ : 1;
    if (width != 0) {
      if (n > (bytes_.size() - at_) / width) return endsEarly();
      value.bytes_ = *take(n * width);
      if (value.kind_ == GgufKind::kBool)
        for (const std::byte byte : value.bytes_)
          if (std::to_integer<int>(byte) > 1)
            return corrupt("has metadata " + shown(key) + " that is neither true nor false");
      return {};
    }
    if (n > (bytes_.size() - at_) / 8) return endsEarly();
    const std::size_t begin = at_;
    for (std::uint64_t i = 0; i < n; ++i) {
      const auto text = takeText();
      if (!text) return endsEarly();
      if (text->size() > kTextBytesMax)
        return corrupt("has a text of " + std::to_string(text->size()) + " bytes in metadata " +
                       shown(key));
    }
    // A single text without its length, a list with them.
    const std::size_t first = value.is_list_ ? begin : begin + 8;
    value.bytes_ = bytes_.subspan(first, at_ - first);
    return {};
  }

  Status readAlignment() {
    const GgufValue* value = file_.value("general.alignment");
    if (value == nullptr) return {};
    const auto alignment = value->integer();
    if (!alignment || *alignment < 8 || static_cast<std::uint64_t>(*alignment) > kAlignmentMax ||
        (*alignment & (*alignment - 1)) != 0)
      return corrupt("has a general.alignment that is no power of two from 8 to " +
                     std::to_string(kAlignmentMax));
    alignment_ = static_cast<std::uint64_t>(*alignment);
    return {};
  }

  Result<Entry> readEntry() {
    Entry entry{};
    TRY_ASSIGN(entry.name, takeName("tensor"));
    const auto n_dims = take<std::uint32_t>();
    if (!n_dims) return endsEarly();
    if (*n_dims < 1 || *n_dims > kDimsMax)
      return corrupt("has tensor " + shown(entry.name) + " with " + std::to_string(*n_dims) +
                     " dimensions");
    for (std::uint32_t i = 0; i < *n_dims; ++i) {
      const auto dim = take<std::uint64_t>();
      if (!dim) return endsEarly();
      if (*dim < 1 || *dim > (std::uint64_t{1} << 48))
        return corrupt("has tensor " + shown(entry.name) + " with an impossible shape");
      entry.shape.insert(entry.shape.begin(), static_cast<std::int64_t>(*dim));
    }
    const auto type = take<std::uint32_t>();
    const auto offset = take<std::uint64_t>();
    if (!type || !offset) return endsEarly();
    entry.type = findType(*type);
    if (entry.type == nullptr)
      return failure(ErrorCode::kUnsupported,
                     file_.name_ + ": tensor " + shown(entry.name) + " has type " +
                         typeText(*type) + "; this program reads F32, F16, BF16, Q8_0 and MXFP4",
                     "Choose a GGUF file with these types.");
    entry.offset = *offset;
    const auto n_bytes = tensorBytes(*entry.type, entry.shape);
    if (!n_bytes) return corrupt("has tensor " + shown(entry.name) + " with an impossible shape");
    entry.n_bytes = static_cast<std::uint64_t>(*n_bytes);
    return entry;
  }

  // The tensors' places in the file, checked.
  Status place(std::vector<Entry> entries) {
    const std::span<const std::byte> all = file_.bytes();
    const std::uint64_t data_begin = padded(at_, alignment_);
    std::span<const std::byte> data;
    if (data_begin <= all.size()) data = all.subspan(static_cast<std::size_t>(data_begin));
    std::sort(entries.begin(), entries.end(),
              [](const Entry& a, const Entry& b) { return a.offset < b.offset; });
    std::uint64_t end = 0;
    for (Entry& entry : entries) {
      if (entry.offset % alignment_ != 0)
        return corrupt("has tensor " + shown(entry.name) + " at an offset that is not aligned to " +
                       std::to_string(alignment_) + " bytes");
      if (entry.offset != padded(end, alignment_))
        return corrupt("has tensor " + shown(entry.name) +
                       " that overlaps another or leaves a hole");
      if (entry.offset > data.size() || entry.n_bytes > data.size() - entry.offset)
        return corrupt("is truncated: tensor " + shown(entry.name) + " ends behind the file");
      end = entry.offset + entry.n_bytes;
      const auto bytes = data.subspan(static_cast<std::size_t>(entry.offset),
                                      static_cast<std::size_t>(entry.n_bytes));
      if (!file_.tensors_
               .emplace(std::move(entry.name),
                        GgufTensor{entry.type->type, std::move(entry.shape), bytes})
               .second)
        return corrupt("names a tensor twice");
    }
    if (data.size() > padded(end, alignment_))
      return corrupt("has " + std::to_string(data.size() - end) + " bytes behind its last tensor");
    return {};
  }

  GgufFile& file_;
  const std::span<const std::byte> bytes_;  // of the file, where the header may lie
  std::size_t at_ = 0;
  std::uint64_t n_tensors_ = 0, n_values_ = 0, alignment_ = 32;
};

Result<GgufFile> GgufFile::open(const std::filesystem::path& path) {
  TRY_ASSIGN(MappedFile mapped, MappedFile::open(path));
  GgufFile file(std::move(mapped));
  file.name_ = path.filename().string();
  std::error_code error;
  file.modified_at_ = std::filesystem::last_write_time(path, error).time_since_epoch().count();
  TRY(GgufReader(file).read());
  return file;
}

const GgufValue* GgufFile::value(std::string_view key) const {
  const auto found = metadata_.find(key);
  return found == metadata_.end() ? nullptr : &found->second;
}

}  // namespace engine
