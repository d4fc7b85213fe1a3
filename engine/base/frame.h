// frame.h: Content-Length framing between our processes, as language servers do it:
// "Content-Length: N\r\n\r\n" and N bytes. Blocking; one reader and one writer per descriptor.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace base {

// Largest body accepted; a peer that announces more is broken or hostile (kInvalidInput).
inline constexpr std::size_t kFrameBytesMax = std::size_t{1} << 30;

class FrameReader {
 public:
  explicit FrameReader(int descriptor) : descriptor_(descriptor) {}

  // The next body. kNotFound at a clean end of the stream, kIo on a broken one.
  Result<std::string> read();

 private:
  Status fill();

  const int descriptor_;  // not owned
  std::string buffer_;
};

// Writes one frame completely. kIo if the peer is gone (SIGPIPE must be ignored by the process).
Status writeFrame(int descriptor, std::string_view body);

}  // namespace base
