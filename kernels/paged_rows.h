// paged_rows.h: rows of one kind that lie in pages (KV blocks) instead of one array.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kernels {

struct PagedRows {
  const std::byte* const* pages = nullptr;
  std::int64_t rows_per_page = 1;
  std::int64_t row_bytes = 0;

  const std::byte* row(std::int64_t index) const {
    return pages[index / rows_per_page] + (index % rows_per_page) * row_bytes;
  }
};

}  // namespace kernels
