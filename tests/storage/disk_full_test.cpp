// No room on the disk: a typed error, and databases that hold everything that was acknowledged.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <cmath>
#include <set>

#include "tests/storage/child.h"
#include "tests/storage/fault_count.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/test_main.h"

using namespace support;
using base::ErrorCode;
using storage::Keep;

namespace {

constexpr std::size_t kBlockBytes = 150'000;
constexpr std::int64_t kMegabyte = std::int64_t{1} << 20;
enum Outcome { kDone = 0, kWrongError = 10, kLost = 11, kBadReopen = 12, kNoNamespace = 13 };

std::string textOf(int n) { return std::to_string(n) + std::string(4000, 't'); }

base::Status appendMessage(storage::SessionDatabase& database, base::BranchId branch, int n) {
  const auto id = database.messages().append(branch, {.text = textOf(n), .tokens = {}});
  if (id) return {};
  return tl::make_unexpected(id.error());
}

base::Status writeBlock(storage::BlockDatabase& database, int n) {
  const auto key = blockKey("a", n);
  const Bytes payload = payloadOf(key, kBlockBytes);
  return database.writeBlock({key, blockKey("a", n - 1), (n + 1) * 2048, payload});
}

bool messagesAreThere(storage::SessionDatabase& database, base::BranchId branch, int n_messages) {
  const auto messages = database.messages().messagesOf(branch);
  if (!messages || static_cast<int>(messages->size()) != n_messages) return false;
  for (int n = 0; n < n_messages; ++n) {
    const storage::Message& message = (*messages)[static_cast<std::size_t>(n)];
    if (message.damaged || message.text != textOf(n)) return false;
  }
  return true;
}

bool blocksAreThere(storage::BlockDatabase& database, int n_blocks) {
  for (int n = 0; n < n_blocks; ++n) {
    const auto read = database.readBlock(blockKey("a", n));
    if (!read || *read != payloadOf(blockKey("a", n), kBlockBytes)) return false;
  }
  const auto next = database.hasBlock(blockKey("a", n_blocks));
  return next && !*next;
}

// Says what else it was.
template <class Result>
bool isDiskFull(const Result& result) {
  if (!result && result.error().code == ErrorCode::kDiskFull && !result.error().hint.empty())
    return true;
  std::fprintf(stderr, "not a full disk: %s\n", result ? "done" : result.error().message.c_str());
  return false;
}

// No file of this process may grow beyond this; SQLite is told so at every write.
void limitFiles(std::int64_t n_bytes) {
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{static_cast<rlim_t>(n_bytes), RLIM_INFINITY};
  if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(98);
}

// Takes what is left of the file system.
void fillDisk(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  const std::string bytes(4096, 'f');
  while (::write(descriptor, bytes.data(), bytes.size()) > 0) {
  }
  ::close(descriptor);
}

// Root may mount; anybody else is root in a user namespace of their own.
bool enterMountNamespace() {
  if (::unshare(CLONE_NEWNS) == 0) return true;
  const auto user = ::getuid(), group = ::getgid();
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  std::ofstream("/proc/self/setgroups") << "deny";
  std::ofstream("/proc/self/uid_map") << "0 " << user << " 1";
  std::ofstream("/proc/self/gid_map") << "0 " << group << " 1";
  return true;
}

bool mountSmallDisk(const std::filesystem::path& folder, std::int64_t n_bytes) {
  if (!enterMountNamespace()) return false;
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  const std::string options = "mode=0700,size=" + std::to_string(n_bytes);
  return ::mount("none", folder.c_str(), "tmpfs", 0, options.c_str()) == 0;
}

// A day with a small disk: blocks until they are refused, then text until there is no room at all,
// then room again. Runs in a process of its own, whose disk nobody else sees.
int liveOnSmallDisk(const std::filesystem::path& folder, std::int64_t n_bytes,
                    const Report& report) {
  if (!mountSmallDisk(folder, n_bytes)) return kNoNamespace;
  storage::BlockDatabaseOptions options;
  options.free_bytes_min = n_bytes / 4;
  base::BranchId branch;
  int n_blocks = 0, n_messages = 0, n_after_full = 0;
  {
    auto session = storage::SessionDatabase::open(folder);
    auto blocks = storage::BlockDatabase::open(folder, options);
    if (!session || !blocks) return kBadReopen;
    const auto made = (*session)->sessions().create({.name = "s",
                                                     .title = "",
                                                     .model_name = "",
                                                     .model_fingerprint = {},
                                                     .workspace = {}});
    if (!made) return kWrongError;
    branch = made->branch;
    base::Status status;
    while ((status = writeBlock(**blocks, n_blocks))) ++n_blocks;
    if (!isDiskFull(status) || !blocksAreThere(**blocks, n_blocks)) return kWrongError;
    if (status.error().message.find_first_of("0123456789") == std::string::npos) return kWrongError;
    // The quarter that blocks may not touch belongs to the text.
    for (; n_messages < 5; ++n_messages)
      if (!appendMessage(**session, branch, n_messages)) return kLost;

    const bool had_reserve = (*session)->hasReserve();
    fillDisk(folder / "filler");
    while ((status = appendMessage(**session, branch, n_messages))) ++n_messages, ++n_after_full;
    if (!isDiskFull(status) || (*session)->hasReserve()) return kWrongError;
    if (had_reserve && n_after_full < 5) return kLost;
    if (!messagesAreThere(**session, branch, n_messages)) return kLost;
    if (!blocksAreThere(**blocks, n_blocks)) return kLost;
    // Making room is enough; nothing has to be opened again.
    std::filesystem::remove(folder / "filler");
    if (!appendMessage(**session, branch, n_messages++)) return kWrongError;
    fillDisk(folder / "filler");
  }
  // On a full disk they open or say why not.
  if (const auto full = storage::SessionDatabase::open(folder);
      !full && !isDiskFull(full))
    return kBadReopen;
  if (const auto full = storage::BlockDatabase::open(folder, options);
      !full && !isDiskFull(full))
    return kBadReopen;
  std::filesystem::remove(folder / "filler");
  auto session = storage::SessionDatabase::open(folder);
  auto blocks = storage::BlockDatabase::open(folder, options);
  if (!session || !blocks) return kBadReopen;
  if (!messagesAreThere(**session, branch, n_messages)) return kLost;
  if (!blocksAreThere(**blocks, n_blocks)) return kLost;
  report(std::to_string(n_bytes / kMegabyte) + " MiB: " + std::to_string(n_blocks) + " blocks, " +
         std::to_string(n_messages) + " messages, " + std::to_string(n_after_full) +
         " of them on the full disk");
  return kDone;
}

}  // namespace

class DiskFullTest : public QObject {
  Q_OBJECT
 private slots:
  void blocksStopAtAnySizeOfFile() {
    std::set<int> n_stored;
    for (std::int64_t limit = 10'000; limit < 8 * kMegabyte; limit = limit * 5 / 3) {
      DataFolder folder;
      Child child([&](const Report& report) -> int {
        limitFiles(limit);
        const auto opened = storage::BlockDatabase::open(folder.path());
        if (!opened) return isDiskFull(opened) ? kDone : kWrongError;
        int n = 0;
        base::Status status;
        for (; (status = writeBlock(**opened, n)); ++n) report("block");
        if (!isDiskFull(status)) return kWrongError;
        return blocksAreThere(**opened, n) ? kDone : kLost;
      });
      QCOMPARE(child.wait(), int{kDone});
      const int n_blocks = static_cast<int>(child.lines().size());
      MUST_ASSIGN(const auto reopened, storage::BlockDatabase::open(folder.path()));
      QVERIFY(blocksAreThere(*reopened, n_blocks));
      MUST(writeBlock(*reopened, n_blocks));
      n_stored.insert(n_blocks);
    }
    QVERIFY(n_stored.contains(0) && n_stored.size() >= 3);
  }

  void textStopsAtAnySizeOfFile() {
    std::set<int> n_stored;
    for (std::int64_t limit = 10'000; limit < kMegabyte; limit = limit * 4 / 3) {
      SessionFixture store;
      const auto session = store.newSession("s");
      store.close();
      Child child([&](const Report& report) -> int {
        limitFiles(limit);
        const auto opened = storage::SessionDatabase::open(store.path());
        if (!opened) return isDiskFull(opened) ? kDone : kWrongError;
        int n = 0;
        base::Status status;
        for (; (status = appendMessage(**opened, session.branch, n)); ++n) report("message");
        if (!isDiskFull(status)) return kWrongError;
        return messagesAreThere(**opened, session.branch, n) ? kDone : kLost;
      });
      QCOMPARE(child.wait(), int{kDone});
      const int n_messages = static_cast<int>(child.lines().size());
      store.reopen();
      QVERIFY(messagesAreThere(store.database(), session.branch, n_messages));
      MUST(appendMessage(store.database(), session.branch, n_messages));
      n_stored.insert(n_messages);
    }
    QVERIFY(n_stored.contains(0) && n_stored.size() >= 3);
  }

  void aSmallDiskCostsNoText() {
    const int n_sizes = faultCount(48, 8);
    int n_with_reserve = 0;
    std::string last;
    for (int i = 0; i < n_sizes; ++i) {
      // From barely room for both databases to more than the reserve wants, in equal ratios.
      const auto n_bytes =
          static_cast<std::int64_t>(4e6 * std::pow(24.0, (i + 0.5) / static_cast<double>(n_sizes)));
      DataFolder folder;
      Child child([&](const Report& report) {
        return liveOnSmallDisk(folder.path(), n_bytes, report);
      });
      const int outcome = child.wait();
      if (outcome == kNoNamespace) QSKIP("a disk of its own needs a mount namespace");
      QVERIFY2(outcome == kDone, qPrintable(QString("%1 bytes: %2").arg(n_bytes).arg(outcome)));
      last = child.lines().at(0);
      n_with_reserve += last.find(" 0 of them") == last.npos ? 1 : 0;
      std::printf("%s\n", last.c_str());
    }
    std::printf("%d disk sizes, 0 messages lost, %d disks with a reserve that took more text\n",
                n_sizes, n_with_reserve);
    QVERIFY(n_with_reserve > n_sizes / 2);
  }
};

LECTERN_TEST(DiskFullTest)
#include "disk_full_test.moc"
