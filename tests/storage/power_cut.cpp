#include "tests/storage/power_cut.h"

#include <algorithm>
#include <fstream>

#include "tests/storage/store_fixture.h"

namespace support {
namespace {

using Kind = DiskEvent::Kind;

constexpr std::size_t kSectorBytes = 512;

// How much of what was not synced survives.
enum class Loss { kEverything, kTail, kSomeWrites, kSomeSectors, kNothing };

void grow(std::string& bytes, std::size_t n_bytes, std::mt19937_64& random) {
  const bool zeros = random() % 2 == 0;
  while (bytes.size() < n_bytes) bytes += zeros ? '\0' : static_cast<char>(random());
}

void put(std::string& bytes, std::size_t offset, std::string_view part, std::mt19937_64& random) {
  grow(bytes, offset + part.size(), random);
  std::copy(part.begin(), part.end(), bytes.begin() + static_cast<std::ptrdiff_t>(offset));
}

// The sectors of a write, each by its own luck; one in eight stops in its middle.
void putSomeSectors(std::string& bytes, const DiskEvent& write, std::mt19937_64& random) {
  const auto begin = static_cast<std::size_t>(write.offset), end = begin + write.bytes.size();
  if (random() % 2 == 0) grow(bytes, end, random);
  for (std::size_t at = begin; at < end;) {
    const std::size_t next = std::min(end, (at / kSectorBytes + 1) * kSectorBytes);
    std::string_view part(write.bytes.data() + (at - begin), next - at);
    if (random() % 8 == 0) part = part.substr(0, random() % part.size());
    if (random() % 2 == 0) put(bytes, at, part, random);
    at = next;
  }
}

void apply(std::string& bytes, const DiskEvent& event, std::mt19937_64& random) {
  if (event.kind == Kind::kTruncate)
    bytes.resize(std::min(bytes.size(), static_cast<std::size_t>(event.offset)));
  else
    put(bytes, static_cast<std::size_t>(event.offset), event.bytes, random);
}

}  // namespace

PoweredDisk::PoweredDisk(const std::filesystem::path& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.find(".db") == name.npos || name.ends_with(".lock") || name.ends_with(".reserve"))
      continue;
    now_[name] = std::make_shared<File>(File{fileBytes(entry.path()), {}});
  }
  synced_ = now_;
}

void PoweredDisk::play(const DiskEvent& event) {
  if (event.kind == Kind::kMark) return;
  if (event.kind == Kind::kDelete || event.kind == Kind::kDeleteForGood) {
    now_.erase(event.file);
    if (event.kind == Kind::kDeleteForGood) synced_.erase(event.file);
    return;
  }
  auto& file = now_[event.file];
  if (!file) file = std::make_shared<File>();
  // A database is made, with its name on the disk, before SQLite opens it.
  if (event.kind == Kind::kOpen && event.file.ends_with(".db")) synced_[event.file] = file;
  if (event.kind == Kind::kOpen) return;
  if (event.kind != Kind::kSync) {
    file->unsynced.push_back(event);
    return;
  }
  std::mt19937_64 unused;
  for (const DiskEvent& write : file->unsynced) apply(file->synced, write, unused);
  file->unsynced.clear();
  synced_[event.file] = file;
}

std::string PoweredDisk::bytesAfterCut(const File& file, std::mt19937_64& random) {
  std::string bytes = file.synced;
  const auto loss = static_cast<Loss>(random() % 5);
  if (loss == Loss::kEverything) return bytes;
  std::size_t n_kept = file.unsynced.size();
  if (loss == Loss::kTail) n_kept = random() % (n_kept + 1);
  for (std::size_t i = 0; i < n_kept; ++i) {
    const DiskEvent& event = file.unsynced[i];
    const bool is_last = loss == Loss::kTail && i + 1 == n_kept;
    if (event.kind == Kind::kWrite && (is_last || loss == Loss::kSomeSectors))
      putSomeSectors(bytes, event, random);
    else if (loss != Loss::kSomeWrites || random() % 2 == 0)
      apply(bytes, event, random);
  }
  return bytes;
}

void PoweredDisk::cut(const std::filesystem::path& folder, std::mt19937_64& random) const {
  Folder left;
  for (const auto* side : {&now_, &synced_})
    for (const auto& [name, file] : *side) {
      const auto other = (side == &now_ ? synced_ : now_).find(name);
      const bool is_certain =
          other != (side == &now_ ? synced_ : now_).end() && other->second == file;
      if (is_certain || random() % 2 == 0) left[name] = file;
    }
  for (const auto& [name, file] : left) {
    const std::string bytes = bytesAfterCut(*file, random);
    std::ofstream(folder / name, std::ios::binary) << bytes;
  }
}

}  // namespace support
