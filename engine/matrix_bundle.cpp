#include "engine/matrix_bundle.h"

#include <algorithm>
#include <functional>

#include "engine/base/check.h"

namespace engine {

using kernels::MatrixView;

namespace {

// Reading a gap of this size costs less than another request.
constexpr std::int64_t kGapBytes = 64 << 10;
// Longer reads are cut, so that several threads share them.
constexpr std::int64_t kReadBytes = 4 << 20;

std::int64_t alignedDown(std::int64_t n) { return n / kReadAlign * kReadAlign; }
std::int64_t alignedUp(std::int64_t n) { return alignedDown(n + kReadAlign - 1); }

}  // namespace

std::int64_t dataBytes(const MatrixView& matrix) { return matrix.out * matrix.rowBytes(); }

std::int64_t scaleBytes(const MatrixView& matrix) {
  if (matrix.scale == nullptr) return 0;
  return matrix.scaleRow(matrix.out - 1) + matrix.scaleColumns() - matrix.scale;
}

FilePlace findPlace(std::span<MappedFile* const> files, const void* data, std::int64_t bytes) {
  const auto* first = static_cast<const std::byte*>(data);
  const std::less_equal<const std::byte*> before;  // of pointers into different maps, too
  for (const MappedFile* file : files) {
    const std::span<const std::byte> map = file->bytes();
    if (before(map.data(), first) && before(first + bytes, map.data() + map.size()))
      return {file, first - map.data()};
  }
  CHECK(false && "a matrix outside every model file");
  return {};
}

MatrixBundle::MatrixBundle(std::span<MappedFile* const> files,
                           std::span<MatrixView* const> matrices) {
  struct Part {
    FilePlace place;
    std::int64_t end;
    std::size_t number;
  };
  std::vector<Part> parts;
  const auto add = [&](const void* data, std::int64_t bytes) {
    const FilePlace place = findPlace(files, data, bytes);
    parts.push_back({place, place.offset + bytes, parts.size()});
  };
  for (const MatrixView* matrix : matrices) {
    add(matrix->data, dataBytes(*matrix));
    if (matrix->scale != nullptr) add(matrix->scale, scaleBytes(*matrix));
  }
  offsets_.resize(parts.size());
  std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) {
    return a.place.file != b.place.file ? std::less<>()(a.place.file, b.place.file)
                                        : a.place.offset < b.place.offset;
  });
  for (std::size_t i = 0; i < parts.size();) {
    const MappedFile* file = parts[i].place.file;
    const std::int64_t begin = alignedDown(parts[i].place.offset);
    std::int64_t end = begin;
    do {
      offsets_[parts[i].number] = bytes_ + parts[i].place.offset - begin;
      end = std::max(end, alignedUp(parts[i].end));
      ++i;
    } while (i < parts.size() && parts[i].place.file == file &&
             parts[i].place.offset <= end + kGapBytes);
    for (std::int64_t at = begin; at < end; at += kReadBytes)
      reads_.push_back({file, at, std::min(kReadBytes, end - at), bytes_ + at - begin});
    bytes_ += end - begin;
  }
}

void MatrixBundle::place(std::byte* base, std::span<MatrixView* const> matrices) const {
  std::size_t number = 0;
  for (MatrixView* matrix : matrices) {
    matrix->data = base + offsets_[number++];
    if (matrix->scale != nullptr)
      matrix->scale = reinterpret_cast<const std::uint8_t*>(base + offsets_[number++]);
  }
}

}  // namespace engine
