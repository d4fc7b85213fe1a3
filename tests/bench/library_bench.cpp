// library_bench [FOLDER [SESSIONS]]: search, listing and deletion over many saved sessions, in a
// data folder made for it below FOLDER (default: the folder for temporary files).
//
// Four questions and answers a session, words drawn as natural text has them: the commonest occurs
// in most messages, most words hardly ever.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "storage/storage.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kWords = 30000, kTurns = 4, kRepeats = 25;

[[noreturn]] void die(const base::Error& error) {
  std::fprintf(stderr, "library_bench: %s\n", error.message.c_str());
  std::exit(1);
}
void must(const base::Status& status) {
  if (!status) die(status.error());
}
template <class T>
T must(base::Result<T> result) {
  if (!result) die(result.error());
  return *std::move(result);
}

// Word n is drawn n + 2 times more rarely than word 0 is.
class Writer {
 public:
  Writer() {
    double sum = 0;
    for (int i = 0; i < kWords; ++i) cumulated_.push_back(sum += 1.0 / (i + 2));
  }
  std::string text(int n_words) {
    std::uniform_real_distribution<double> any(0, cumulated_.back());
    std::string text;
    for (int i = 0; i < n_words; ++i) {
      const auto at = std::lower_bound(cumulated_.begin(), cumulated_.end(), any(random_));
      text += word(static_cast<int>(at - cumulated_.begin())) + (i % 13 == 12 ? ".\n" : " ");
    }
    return text;
  }
  // "baba", "babe", ...: the same number is always the same word.
  static std::string word(int n) {
    static const std::string consonants = "bdfgklmnprst", vowels = "aeiou";
    std::string word;
    for (int i = 0; i < 3 || n > 0; ++i, n /= 60)
      word += {consonants[static_cast<std::size_t>(n % 12)],
               vowels[static_cast<std::size_t>(n / 12 % 5)]};
    return word;
  }

 private:
  std::mt19937_64 random_{1};
  std::vector<double> cumulated_;
};

void fill(storage::SessionDatabase& database, int n_sessions) {
  Writer writer;
  std::vector<base::WorkspaceId> workspaces;
  for (int i = 0; i < 9; ++i)
    workspaces.push_back(
        must(database.sessions().createWorkspace("workspace " + std::to_string(i))));
  for (int i = 0; i < n_sessions; ++i) {
    const auto session = must(database.sessions().create(
        {.name = "session " + std::to_string(i),
         .title = writer.text(5),
         .model_name = "mini",
         .model_fingerprint = {},
         .workspace = workspaces[static_cast<std::size_t>(i) % workspaces.size()]}));
    for (int turn = 0; turn < kTurns; ++turn)
      for (const auto role : {storage::MessageRole::kUser, storage::MessageRole::kAssistant})
        (void)must(database.messages().append(
            session.branch, {.role = role,
                             .text = writer.text(role == storage::MessageRole::kUser ? 12 : 80),
                             .tokens = std::vector<base::TokenId>(100, 7)}));
    if (i % 7 == 0) must(database.sessions().setArchived(session.id, true));
  }
}

// Middle and longest of the repeats, in milliseconds.
template <class Work>
void measure(const std::string& what, int n_repeats, Work work) {
  std::vector<double> times_ms;
  std::string result;
  for (int i = 0; i < n_repeats; ++i) {
    const auto begin = Clock::now();
    result = work(i);
    times_ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  }
  std::sort(times_ms.begin(), times_ms.end());
  std::printf("%-52s median %7.2f ms  longest %7.2f ms  %s\n", what.c_str(),
              times_ms[times_ms.size() / 2], times_ms.back(), result.c_str());
}

void measureSearch(storage::SessionStore& sessions, const std::string& what,
                   storage::SearchQuery query) {
  measure("search: " + what, kRepeats,
          [&](int) { return std::to_string(must(sessions.search(query)).size()) + " hits"; });
}

}  // namespace

int main(int argc, char** argv) {
  const std::filesystem::path place =
      argc > 1 ? std::filesystem::path(argv[1]) : std::filesystem::temp_directory_path();
  const int n_sessions = argc > 2 ? std::atoi(argv[2]) : 10000;
  const auto folder = place / ("lectern_library_bench_" + std::to_string(std::random_device{}()));
  {
    auto database = must(storage::SessionDatabase::open(folder));
    const auto begin = Clock::now();
    fill(*database, n_sessions);
    std::printf("%d sessions with %d messages saved in %.1f s\n", n_sessions,
                n_sessions * kTurns * 2,
                std::chrono::duration<double>(Clock::now() - begin).count());
  }
  measure("open", 3, [&](int) {
    (void)must(storage::SessionDatabase::open(folder));
    return std::to_string(std::filesystem::file_size(folder / "session.db") >> 20) + " MiB";
  });
  auto database = must(storage::SessionDatabase::open(folder));
  auto& sessions = database->sessions();
  measure("list of all sessions", 5,
          [&](int) { return std::to_string(must(sessions.list()).size()) + " sessions"; });
  const auto word = Writer::word;
  measureSearch(sessions, "the commonest word", {.words = word(0)});
  measureSearch(sessions, "a rare word", {.words = word(20000)});
  measureSearch(sessions, "no such word", {.words = "xylophone"});
  measureSearch(sessions, "two common words", {.words = word(1) + " " + word(3)});
  measureSearch(sessions, "three common words", {.words = word(1) + " " + word(3) + " " + word(7)});
  measureSearch(sessions, "one letter", {.words = "b"});
  measureSearch(sessions, "a common word and three letters", {.words = word(2) + " bab"});
  measureSearch(sessions, "answers of one workspace",
                {.words = word(0),
                 .workspace = base::WorkspaceId{4},
                 .role = storage::MessageRole::kAssistant});
  measureSearch(sessions, "one session, commonest word",
                {.words = word(0), .session = base::SessionId{n_sessions / 2}});
  measureSearch(sessions, "a time when nothing was said", {.words = word(0), .until_ms = 1});
  measure("delete of one session", 10, [&](int i) {
    must(sessions.remove({i * 5 + 3}));
    return std::string();
  });
  database.reset();
  std::filesystem::remove_all(folder);
}
