#include "engine/base/frame.h"

#include <cerrno>
#include <charconv>
#include <cstring>

#include <unistd.h>

namespace base {
namespace {

constexpr std::string_view kHeaderName = "Content-Length: ";
constexpr std::string_view kHeaderEnd = "\r\n\r\n";
constexpr std::size_t kHeaderBytesMax = 64;

Result<std::size_t> parseHeader(std::string_view header) {
  std::size_t n_bytes = 0;
  if (!header.starts_with(kHeaderName))
    return failure(ErrorCode::kInvalidInput, "frame does not begin with Content-Length");
  const std::string_view digits = header.substr(kHeaderName.size());
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), n_bytes);
  if (error != std::errc{} || end != digits.data() + digits.size() || n_bytes > kFrameBytesMax)
    return failure(ErrorCode::kInvalidInput, "frame has a bad Content-Length");
  return n_bytes;
}

}  // namespace

Status FrameReader::fill() {
  char chunk[64 * 1024];
  ssize_t n = 0;
  do n = ::read(descriptor_, chunk, sizeof chunk);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return failure(ErrorCode::kIo, std::string("pipe read failed: ") + std::strerror(errno));
  if (n == 0)
    return buffer_.empty() ? failure(ErrorCode::kNotFound, "end of stream")
                           : failure(ErrorCode::kIo, "stream ended inside a frame");
  buffer_.append(chunk, static_cast<std::size_t>(n));
  return {};
}

Result<std::string> FrameReader::read() {
  std::size_t header_end = 0;
  while ((header_end = buffer_.find(kHeaderEnd)) == std::string::npos) {
    if (buffer_.size() > kHeaderBytesMax)
      return failure(ErrorCode::kInvalidInput, "frame header is too long");
    TRY(fill());
  }
  TRY_ASSIGN(const std::size_t n_bytes,
             parseHeader(std::string_view(buffer_).substr(0, header_end)));
  const std::size_t begin = header_end + kHeaderEnd.size();
  while (buffer_.size() - begin < n_bytes) TRY(fill());
  std::string body = buffer_.substr(begin, n_bytes);
  buffer_.erase(0, begin + n_bytes);
  return body;
}

Status writeFrame(int descriptor, std::string_view body) {
  std::string frame(kHeaderName);
  frame += std::to_string(body.size());
  frame += kHeaderEnd;
  frame += body;
  std::size_t n_done = 0;
  while (n_done < frame.size()) {
    const ssize_t n = ::write(descriptor, frame.data() + n_done, frame.size() - n_done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return failure(ErrorCode::kIo, std::string("pipe write failed: ") + std::strerror(errno));
    n_done += static_cast<std::size_t>(n);
  }
  return {};
}

}  // namespace base
