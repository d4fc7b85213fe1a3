#include "ingest/file_inspection.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <optional>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest/encoding.h"
#include "ingest/file_kind.h"
#include "ingest/secret_finder.h"
#include "ingest/shown_path.h"

namespace ingest {
namespace {

using base::DocumentKind;

void skip(WalkedFile& entry, std::string reason, std::string detail) {
  entry.read = false;
  entry.reason = std::move(reason);
  entry.detail = std::move(detail);
}

void skipByError(WalkedFile& entry, int error) {
  if (error == ENOENT || error == ENOTDIR) skip(entry, "vanished", "It is no longer there.");
  else skip(entry, "unreadable", std::string("The system refuses: ") + std::strerror(error) + ".");
}

// Where a link points, on one line.
std::string linkTarget(int folder, const char* name) {
  char target[PATH_MAX];
  const ssize_t n = ::readlinkat(folder, name, target, sizeof target);
  std::string shown = n < 0 ? "?" : shownPath({target, static_cast<std::size_t>(n)});
  std::replace_if(
      shown.begin(), shown.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }, ' ');
  return shown;
}

const char* specialName(mode_t mode) {
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return "no file";
}

// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return descriptor_; }

 private:
  const int descriptor_;
};

// The first bytes, valid until the thread's next call; nullopt with errno set when they cannot be
// read.
std::optional<std::string_view> readHead(int descriptor) {
  thread_local std::vector<char> head(kHeadBytes);
  std::size_t n_read = 0;
  while (n_read < head.size()) {
    const ssize_t n = ::read(descriptor, head.data() + n_read, head.size() - n_read);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    if (n == 0) break;
    n_read += static_cast<std::size_t>(n);
  }
  return std::string_view(head.data(), n_read);
}

std::string tooLarge(std::uint64_t limit) {
  return "The limit is " + std::to_string(limit >> 20) + " MiB.";
}

void decideByContent(WalkedFile& entry, std::string_view name, std::string_view head) {
  entry.kind = fileKind(name, head);
  if (const auto size = entry.bytes == head.size() ? lfsPointerSize(head) : std::nullopt)
    return skip(entry, "lfs_pointer",
                "Git LFS has not fetched its " + std::to_string(*size) + " bytes.");
  if (const auto secret = secretByName(name))
    return skip(entry, "secret", secretSentence(*secret));
  if (entry.kind == DocumentKind::kPdf) {
    if (entry.bytes > kPdfBytesMax) return skip(entry, "too_large", tooLarge(kPdfBytesMax));
    entry.read = true;
    return;
  }
  if (isOffice(name) && head.starts_with("PK\3\4")) {
    entry.kind = DocumentKind::kMarkdown;
    if (entry.bytes > kPdfBytesMax) return skip(entry, "too_large", tooLarge(kPdfBytesMax));
    entry.read = true;
    return;
  }
  if (!detectEncoding(head, Extent::kHead))
    return skip(entry, "binary", "It is not text in any known encoding.");
  if (entry.bytes > kTextBytesMax) return skip(entry, "too_large", tooLarge(kTextBytesMax));
  if (const auto secret = findSecret(name, head))
    return skip(entry, "secret", secretSentence(*secret));
  entry.read = true;
  if (auto remark = generatedRemark(name, head)) {
    entry.reason = std::move(remark->reason);
    entry.detail = std::move(remark->detail);
  }
}

}  // namespace

void inspectInto(WalkedFile& entry, int folder, const char* name, LinkMode links) {
  const int no_follow = links == LinkMode::kReport ? AT_SYMLINK_NOFOLLOW : 0;
  struct stat status {};
  if (::fstatat(folder, name, &status, no_follow) != 0) return skipByError(entry, errno);
  if (S_ISLNK(status.st_mode))
    return skip(entry, "symlink", "It points to \"" + linkTarget(folder, name) + "\".");
  if (S_ISDIR(status.st_mode)) return skip(entry, "unreadable", "It became a folder.");
  if (!S_ISREG(status.st_mode))
    return skip(entry, "special", std::string("It is ") + specialName(status.st_mode) + ".");
  entry.bytes = static_cast<std::uint64_t>(status.st_size);

  // Somebody may have put a pipe in its place since: never wait for one, and look again.
  const Descriptor file(::openat(folder, name,
                                 O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY |
                                     (links == LinkMode::kReport ? O_NOFOLLOW : 0)));
  if (file.get() < 0) return skipByError(entry, errno);
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode))
    return skip(entry, "special", "It changed while it was looked at.");
  entry.bytes = static_cast<std::uint64_t>(status.st_size);

  const auto head = readHead(file.get());
  if (!head) return skipByError(entry, errno);
  entry.head_hash = base::hashText(*head);
  const std::string_view path = name;
  decideByContent(entry, path.substr(path.rfind('/') + 1), *head);
}

}  // namespace ingest
