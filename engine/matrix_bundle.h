// matrix_bundle.h: matrices that are read together, and where each lies once they are.
//
// The matrices of an expert or a layer are scattered over a file. A bundle turns their places into
// few large aligned reads: neighbours with a small gap between them are read as one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/mapped_file.h"
#include "kernels/matrix_view.h"

namespace engine {

struct FileRead {
  const MappedFile* file = nullptr;
  std::int64_t offset = 0, bytes = 0;  // multiples of kReadAlign
  std::int64_t to = 0;                 // in the bundle's memory; multiple of kReadAlign
};

// Bytes of a whole matrix and of its scales.
std::int64_t dataBytes(const kernels::MatrixView& matrix);
std::int64_t scaleBytes(const kernels::MatrixView& matrix);

class MatrixBundle {
 public:
  // The matrices still point into the maps of `files`.
  MatrixBundle(std::span<MappedFile* const> files, std::span<kernels::MatrixView* const> matrices);

  std::int64_t bytes() const { return bytes_; }  // memory the bundle needs
  const std::vector<FileRead>& reads() const { return reads_; }
  // Points the same matrices, in the same order, to a copy of the bundle at `base`.
  void place(std::byte* base, std::span<kernels::MatrixView* const> matrices) const;

 private:
  std::vector<FileRead> reads_;
  std::vector<std::int64_t> offsets_;  // of data and scales in turn
  std::int64_t bytes_ = 0;
};

// The file that holds these bytes of its map, and where.
struct FilePlace {
  const MappedFile* file = nullptr;
  std::int64_t offset = 0;
};
FilePlace findPlace(std::span<MappedFile* const> files, const void* data, std::int64_t bytes);

}  // namespace engine
