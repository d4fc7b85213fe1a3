// reader_request.h: what lectern-reader is asked: its command line. The document comes as
// descriptor 3, the answer goes to stdout.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ingest {

inline constexpr int kDocumentDescriptor = 3;

// Exit code of a reader that ran out of memory where it could still say so; Poppler itself leaves
// with 1 then.
inline constexpr int kExitOutOfMemory = 3;
inline constexpr int kExitPopplerOutOfMemory = 1;

struct ReaderRequest {
  enum class Work { kText, kImage };
  Work work = Work::kText;
  int page = 1;      // kText: the first page to send; kImage: the page
  double scale = 1;  // kImage: pixels per point
  int page_cpu_s = 10;
  std::uint64_t memory_bytes = 0;
  int n_pages_max = 0;
};

std::vector<std::string> toArguments(const ReaderRequest& request);

// Empty when the arguments (without the program's name) are not those of toArguments().
std::optional<ReaderRequest> parseArguments(std::span<const std::string_view> arguments);

}  // namespace ingest
