// reader_request.h: what lectern-reader is asked: its command line. The document comes as
// descriptor 3, the answer goes to stdout.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ingest {

inline constexpr int kDocumentDescriptor = 3;
inline constexpr std::size_t kPasswordBytesMax = 1024;  // bytes on stdin, ended by its end

// Exit code of a reader that ran out of memory where it could still say so; Poppler itself aborts.
inline constexpr int kExitOutOfMemory = 3;

// A password never stands in it: it comes through stdin.
struct ReaderRequest {
  enum class Work { kText, kImage };
  Work work = Work::kText;
  // kText: the pages from `page` (0: its first) to the last of part `part` of `n_parts` equal ones;
  // kImage: the page.
  int page = 0;
  int part = 0, n_parts = 1;
  bool recognise = true;  // kText: scans are read with Tesseract where it is installed
  double scale = 1;       // kImage: pixels per point
  int page_cpu_s = 10;
  std::uint64_t memory_bytes = 0;
  int n_pages_max = 0;
};

// Pages of a part, from 1. Both ends of the pipe reckon with it.
struct PageRange {
  int first = 1, last = 0;
};
PageRange pagesOfPart(int n_pages, int part, int n_parts);

std::vector<std::string> toArguments(const ReaderRequest& request);

// Empty when the arguments (without the program's name) are not those of toArguments().
std::optional<ReaderRequest> parseArguments(std::span<const std::string_view> arguments);

}  // namespace ingest
