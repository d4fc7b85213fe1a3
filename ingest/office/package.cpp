#include "ingest/office/package.h"

#include <algorithm>
#include <memory>

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

namespace ingest {
namespace {

struct Close {
  void operator()(archive* opened) const { archive_read_free(opened); }
};

bool leavesArchive(std::string_view name) {
  if (name.empty() || name.front() == '/' || name.find('\\') != std::string_view::npos ||
      name.find('\0') != std::string_view::npos)
    return true;
  while (!name.empty()) {
    const std::size_t end = std::min(name.find('/'), name.size());
    if (name.substr(0, end) == "..") return true;
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return false;
}

}  // namespace

tl::expected<Package, Refusal> Package::open(int descriptor,
                                             const std::function<bool(std::string_view)>& wanted) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return tl::unexpected(Refusal::kDamaged);
  const auto packed_bytes = static_cast<std::size_t>(status.st_size);
  const std::unique_ptr<archive, Close> reader(archive_read_new());
  constexpr std::size_t kBlockBytes = 64 << 10;
  if (!reader || archive_read_support_format_zip(reader.get()) != ARCHIVE_OK ||
      archive_read_open_fd(reader.get(), descriptor, kBlockBytes) != ARCHIVE_OK)
    return tl::unexpected(Refusal::kDamaged);

  Package package;
  std::size_t n_entries = 0, n_bytes = 0;
  archive_entry* entry = nullptr;
  for (int read; (read = archive_read_next_header(reader.get(), &entry)) != ARCHIVE_EOF;) {
    if (read != ARCHIVE_OK && read != ARCHIVE_WARN) return tl::unexpected(Refusal::kDamaged);
    if (++n_entries > kEntriesMax) return tl::unexpected(Refusal::kArchiveTooLarge);
    const char* path = archive_entry_pathname(entry);
    if (!path || leavesArchive(path)) return tl::unexpected(Refusal::kArchivePath);
    const auto type = archive_entry_filetype(entry);
    if (type == AE_IFDIR) continue;
    if (type != AE_IFREG) return tl::unexpected(Refusal::kArchivePath);
    if (!wanted(path)) continue;
    if (archive_entry_is_data_encrypted(entry) > 0) return tl::unexpected(Refusal::kLocked);
    // A second part of the same name could show another text to another program.
    const auto [part, added] = package.parts_.try_emplace(path);
    if (!added) return tl::unexpected(Refusal::kArchivePath);
    char block[16 << 10];
    for (;;) {
      const la_ssize_t n = archive_read_data(reader.get(), block, sizeof block);
      if (n == 0) break;
      if (n < 0) return tl::unexpected(Refusal::kDamaged);
      part->second.append(block, static_cast<std::size_t>(n));
      n_bytes += static_cast<std::size_t>(n);
      if (part->second.size() > kPartBytesMax || n_bytes > kBytesMax ||
          (n_bytes > kFreeBytes && n_bytes / kRatioMax > packed_bytes))
        return tl::unexpected(Refusal::kArchiveTooLarge);
    }
  }
  return package;
}

const std::string* Package::part(const std::string& name) const {
  const auto found = parts_.find(name);
  return found == parts_.end() ? nullptr : &found->second;
}

}  // namespace ingest
