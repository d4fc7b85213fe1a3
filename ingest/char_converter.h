// char_converter.h: iconv from one encoding to UTF-8. char_converter.cpp alone calls it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ingest {

class CharConverter {
 public:
  // nullopt if iconv does not know `encoding`.
  static std::optional<CharConverter> open(const std::string& encoding);
  CharConverter(CharConverter&& other) noexcept;
  ~CharConverter();

  // Appends `bytes` as UTF-8; what does not decode becomes U+FFFD byte by byte. A character that
  // is cut at the end of `bytes` stays in them: the number of bytes taken is returned, and the rest
  // is to be given again with what follows it.
  std::size_t append(std::string_view bytes, std::string& text);
  // Appends what a stateful encoding still holds back. Call once, after the last byte.
  void finish(std::string& text);
  std::int64_t replaced() const { return n_replaced_; }

 private:
  explicit CharConverter(void* handle) : handle_(handle) {}

  void* handle_;  // iconv_t
  std::int64_t n_replaced_ = 0;
};

}  // namespace ingest
