// package.h: the parts of a document that is a ZIP archive, in memory. libarchive stays inside.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "ingest/reader_message.h"

namespace ingest {

// Nothing is ever written to disk. What is refused: names that leave the archive (kArchivePath),
// more entries or bytes than a document has, or bytes that were packed far beyond what text allows
// (kArchiveTooLarge), entries that are no files, damage (kDamaged).
class Package {
 public:
  static constexpr std::size_t kEntriesMax = 20'000;
  static constexpr std::size_t kPartBytesMax = std::size_t{64} << 20;
  static constexpr std::size_t kBytesMax = std::size_t{160} << 20;
  static constexpr std::size_t kRatioMax = 200;  // beyond kFreeBytes
  static constexpr std::size_t kFreeBytes = std::size_t{4} << 20;

  // Keeps the parts that `wanted` says yes to.
  static tl::expected<Package, Refusal> open(int descriptor,
                                             const std::function<bool(std::string_view)>& wanted);

  // Null when there is no such part.
  const std::string* part(const std::string& name) const;

 private:
  std::map<std::string, std::string> parts_;
};

}  // namespace ingest
