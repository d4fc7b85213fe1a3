#include "ingest/char_converter.h"

#include <array>
#include <cerrno>
#include <utility>

#include <iconv.h>

namespace ingest {
namespace {

const auto kInvalid = reinterpret_cast<void*>(-1);
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

}  // namespace

std::optional<CharConverter> CharConverter::open(const std::string& encoding) {
  const iconv_t handle = ::iconv_open("UTF-8", encoding.c_str());
  if (handle == kInvalid) return std::nullopt;
  return CharConverter(handle);
}

CharConverter::CharConverter(CharConverter&& other) noexcept
    : handle_(std::exchange(other.handle_, kInvalid)), n_replaced_(other.n_replaced_) {}

CharConverter::~CharConverter() {
  if (handle_ != kInvalid) ::iconv_close(handle_);
}

std::size_t CharConverter::append(std::string_view bytes, std::string& text) {
  char* in = const_cast<char*>(bytes.data());  // iconv's signature; it does not write there
  std::size_t n_in = bytes.size();
  std::array<char, 16384> buffer;
  while (n_in > 0) {
    char* out = buffer.data();
    std::size_t n_out = buffer.size();
    const std::size_t done = ::iconv(handle_, &in, &n_in, &out, &n_out);
    const int error = errno;
    text.append(buffer.data(), buffer.size() - n_out);
    if (done != static_cast<std::size_t>(-1)) continue;
    if (error == EINVAL) break;
    if (error == E2BIG) continue;
    text += kReplacement;
    ++n_replaced_;
    ++in;
    --n_in;
  }
  return bytes.size() - n_in;
}

void CharConverter::finish(std::string& text) {
  std::array<char, 64> buffer;
  char* out = buffer.data();
  std::size_t n_out = buffer.size();
  ::iconv(handle_, nullptr, nullptr, &out, &n_out);
  text.append(buffer.data(), buffer.size() - n_out);
}

}  // namespace ingest
