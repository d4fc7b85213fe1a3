// copy_on_write.h: a value that its holders share until one of them changes it.
//
// For the parts of a sequence that a fork or a checkpoint takes over unchanged. Holders live on
// one thread.
#pragma once

#include <memory>
#include <utility>

namespace engine {

template <class T>
class CopyOnWrite {
 public:
  CopyOnWrite() : value_(std::make_shared<T>()) {}
  explicit CopyOnWrite(T value) : value_(std::make_shared<T>(std::move(value))) {}

  const T& operator*() const { return *value_; }
  const T* operator->() const { return value_.get(); }

  // For changing: a copy of its own first when others hold the value.
  T& write() {
    if (value_.use_count() != 1) value_ = std::make_shared<T>(*value_);
    return *value_;
  }
  // For replacing: like write(), but what was there may be gone.
  T& overwrite() {
    if (value_.use_count() != 1) value_ = std::make_shared<T>();
    return *value_;
  }

 private:
  std::shared_ptr<T> value_;
};

}  // namespace engine
