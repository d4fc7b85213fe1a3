// kill -9 of the process that writes: nothing acknowledged is lost, nothing half done is visible.
#include <chrono>
#include <map>
#include <set>
#include <thread>

#include "tests/storage/child.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/test_main.h"

using namespace support;
using base::ErrorCode;
using storage::Keep;
using storage::MessageRole;
using storage::MessageStatus;
using storage::Unpinned;

namespace {

constexpr int kKills = 40;
constexpr std::int64_t kBlockTokens = 2048;

void sleepMicroseconds(std::uint64_t n) {
  std::this_thread::sleep_for(std::chrono::microseconds(n));
}

// Most kills hit the writing, every fourth the opening and what it recovers.
void killSomewhere(Child& child, std::mt19937_64& random, int kill) {
  if (kill % 4 == 3) {
    sleepMicroseconds(random() % 8'000);
  } else {
    child.waitForLine();
    sleepMicroseconds(random() % 100'000);
  }
  child.kill();
}

std::string answerOf(const std::string& name) {
  std::string text = "answer " + name + " ";
  text += std::string(1000 + base::hashText(name).bytes[0] * 20, 'a');
  return text;
}

// Questions and streamed answers until killed; "name" is reported when an answer is saved.
int converse(const std::filesystem::path& folder, base::BranchId branch, int run,
             const Report& report) {
  auto opened = storage::SessionDatabase::open(folder);
  if (!opened) return 1;
  storage::MessageStore& messages = (*opened)->messages();
  for (int i = 0;; ++i) {
    const std::string name = std::to_string(run) + "i" + std::to_string(i);
    if (!messages.append(branch, {.text = "question " + name, .tokens = {}})) return 2;
    report("asked " + name);
    const auto answer = messages.append(branch, {.role = MessageRole::kAssistant,
                                                 .text = "",
                                                 .tokens = {},
                                                 .status = MessageStatus::kStreaming});
    if (!answer) return 3;
    const std::string text = answerOf(name);
    for (const std::size_t n : {std::size_t{10}, std::size_t{500}})
      if (!messages.update(*answer, {text.substr(0, n), "", {1, 2}})) return 4;
    storage::MessageEnd end;
    end.citations.resize(2);
    if (!messages.finish(*answer, {text, "", {1, 2, 3}}, end)) return 5;
    report("answered " + name);
  }
}


std::size_t blockBytes(const base::Hash128& key) { return 50'000 + key.bytes[1] * 1500; }

// Chains of blocks, each pinned when it is whole; older ones are forgotten again.
int store(const std::filesystem::path& folder, int run, const Report& report) {
  auto opened = storage::BlockDatabase::open(folder);
  if (!opened) return 1;
  storage::BlockDatabase& blocks = **opened;
  for (int i = 0;; ++i) {
    const std::string name = std::to_string(run) + "i" + std::to_string(i);
    for (int n = 0; n < 3; ++n) {
      const auto key = blockKey(name, n), state = boundaryKey(name, n);
      const Bytes payload = payloadOf(key, blockBytes(key)), rest = payloadOf(state, 20'000);
      const std::int64_t end = (n + 1) * kBlockTokens;
      const storage::BoundaryWrite boundary{state, key, end,
                                            n == 2 ? Keep::kTurnEnd : Keep::kNewest, rest};
      if (!blocks.writeBlock({key, blockKey(name, n - 1), end, payload}, &boundary)) return 2;
      report("block " + name);
    }
    if (!blocks.pin(name, boundaryKey(name, 2))) return 3;
    report("pinned " + name);
    if (i < 2) continue;
    const std::string old = std::to_string(run) + "i" + std::to_string(i - 2);
    report("forgetting " + old);
    if (!blocks.unpin(old, Unpinned::kForgotten)) return 4;
    if (i % 3 == 0 && !blocks.sweep({})) return 5;
  }
}

}  // namespace

class CrashTest : public QObject {
  Q_OBJECT
 private slots:
  void noAcknowledgedMessageIsLost() {
    std::mt19937_64 random(testSeed("messages"));
    SessionFixture fixture;
    const auto session = fixture.newSession("s");
    std::set<std::string> asked, answered;
    int n_stopped = 0;
    for (int kill = 0; kill < kKills; ++kill) {
      fixture.close();
      Child child([&](const Report& report) {
        return converse(fixture.path(), session.branch, kill, report);
      });
      killSomewhere(child, random, kill);
      for (const std::string& line : child.lines())
        (line.starts_with("asked ") ? asked : answered).insert(line.substr(line.find(' ') + 1));

      fixture.reopen();
      MUST_ASSIGN(const auto messages, fixture.messages().messagesOf(session.branch));
      std::set<std::string> questions, answers;
      n_stopped = 0;
      for (const storage::Message& message : messages) {
        QVERIFY(!message.damaged && message.status != MessageStatus::kStreaming);
        if (message.role == MessageRole::kUser) {
          questions.insert(message.text.substr(message.text.find(' ') + 1));
        } else if (message.status == MessageStatus::kComplete) {
          const std::string name = message.text.substr(7, message.text.find(' ', 7) - 7);
          QCOMPARE(message.text, answerOf(name));
          QCOMPARE(message.citations.size(), std::size_t{2});
          answers.insert(name);
        } else {
          QVERIFY(message.citations.empty());
          ++n_stopped;
        }
      }
      for (const std::string& name : asked) QVERIFY2(questions.contains(name), name.c_str());
      for (const std::string& name : answered) QVERIFY2(answers.contains(name), name.c_str());
      // What was done but not yet reported: at most one thing per kill.
      QVERIFY(answers.size() + questions.size() <= answered.size() + asked.size() + kill + 1);
    }
    // The search index went along with every crash.
    for (const std::string& name : answered) {
      storage::SearchQuery query;
      query.words = "answer " + name + ' ';
      MUST_ASSIGN(const auto hits, fixture.sessions().search(query));
      QVERIFY2(!hits.empty(), name.c_str());
    }
    std::printf("%d kills, %zu questions and %zu answers acknowledged, 0 lost, %d stopped\n",
                kKills, asked.size(), answered.size(), n_stopped);
    QVERIFY(answered.size() > 10 && n_stopped > 0);
  }

  void noAcknowledgedBlockIsLost() {
    std::mt19937_64 random(testSeed("blocks"));
    BlockFixture fixture;
    MUST_ASSIGN(const auto fresh, fixture->stats());
    std::map<std::string, int> n_blocks;
    std::set<std::string> pinned, forgetting;
    for (int kill = 0; kill < kKills; ++kill) {
      fixture.close();
      Child child([&](const Report& report) { return store(fixture.path(), kill, report); });
      killSomewhere(child, random, kill);
      for (const std::string& line : child.lines()) {
        const std::string name = line.substr(line.find(' ') + 1);
        if (line.starts_with("block ")) ++n_blocks[name];
        if (line.starts_with("pinned ")) pinned.insert(name);
        if (line.starts_with("forgetting ")) forgetting.insert(name);
      }

      fixture.reopen();
      for (const auto& [name, n_acknowledged] : n_blocks) {
        for (int n = 0; n < 3; ++n) {
          const auto key = blockKey(name, n);
          const auto read = fixture->readBlock(key);
          if (read) {
            QVERIFY(*read == payloadOf(key, blockBytes(key)));
          } else {
            QVERIFY(read.error().code == ErrorCode::kNotFound);
            QVERIFY2(n >= n_acknowledged || forgetting.contains(name), name.c_str());
          }
        }
      }
      MUST_ASSIGN(const auto pins, fixture->pins());
      std::set<std::string> held;
      for (const storage::Pin& pin : pins) {
        QVERIFY(pin.complete && pin.n_blocks == 3);
        held.insert(pin.session_key);
      }
      for (const std::string& name : pinned)
        QVERIFY2(held.contains(name) || forgetting.contains(name), name.c_str());
      // Runs that are over make room, so that the test stays small.
      for (const std::string& name : held) MUST(fixture->unpin(name, Unpinned::kForgotten));
      MUST(fixture->evictTo(0, {}));
      MUST(fixture->sweep({}));
      MUST_ASSIGN(const auto stats, fixture->stats());
      QCOMPARE(stats.payload_bytes, 0);
      QCOMPARE(stats.n_dropped, 0);
      QCOMPARE(stats.file_bytes, fresh.file_bytes);
      n_blocks.clear();
      pinned.clear();
      forgetting.clear();
    }
    std::printf("%d kills, 0 blocks lost, 0 half visible, 0 bytes left behind\n", kKills);
  }

  void anotherProcessHoldsTheFolderUntilItDies() {
    SessionFixture session;
    BlockFixture blocks;
    session.close();
    blocks.close();
    Child child([&](const Report& report) {
      const auto first = storage::SessionDatabase::open(session.path());
      const auto second = storage::BlockDatabase::open(blocks.path());
      report(first && second ? "open" : "failed");
      ::pause();
      return 0;
    });
    child.waitForLine();
    REFUSED_WITH(storage::SessionDatabase::open(session.path()), ErrorCode::kBusy);
    REFUSED_WITH(storage::BlockDatabase::open(blocks.path()), ErrorCode::kBusy);
    child.kill();
    QCOMPARE(child.lines().at(0), std::string("open"));
    session.reopen();
    MUST(blocks.tryReopen());
  }
};

LECTERN_TEST(CrashTest)
#include "crash_test.moc"
