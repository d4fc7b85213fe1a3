// aligned_buffer.h: memory for vectors: a load or store of 64 bytes never crosses cache lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace kernels {

// Memory on a cache line's start that grows and never shrinks; a growth loses what was there.
template <class T>
class AlignedBuffer {
 public:
  T* sized(std::int64_t n) {
    if (n > size_) {
      data_.reset(static_cast<T*>(::operator new(static_cast<std::size_t>(n) * sizeof(T), kLine)));
      size_ = n;
    }
    return data_.get();
  }
  T* data() const { return data_.get(); }

 private:
  static constexpr std::align_val_t kLine{64};
  struct Free {
    void operator()(T* data) const { ::operator delete(data, kLine); }
  };
  std::unique_ptr<T, Free> data_;
  std::int64_t size_ = 0;
};

}  // namespace kernels
