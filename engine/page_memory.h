// page_memory.h: a large piece of memory, page-aligned, that costs nothing until it is written. In
// small pages: finding huge ones beside a full page cache took longer than reading the weights.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engine {

class PageMemory {
 public:
  PageMemory() = default;
  // Throws std::bad_alloc as every allocation does.
  explicit PageMemory(std::int64_t bytes);
  PageMemory(PageMemory&& other) noexcept;
  PageMemory& operator=(PageMemory&& other) noexcept;
  ~PageMemory();

  std::byte* data() const { return data_; }
  std::int64_t bytes() const { return bytes_; }

 private:
  std::byte* data_ = nullptr;
  std::int64_t bytes_ = 0;
};

}  // namespace engine
