#include "app/selftest.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <unistd.h>

#include "app/child_process.h"
#include "app/document_reader.h"
#include "app/engine_client.h"
#include "app/progress_line.h"
#include "app/reading_service.h"
#include "engine/engine.h"
#include "engine/tokenizer.h"
#include "storage/storage.h"

namespace app {

namespace fs = std::filesystem;
using base::ErrorCode;
using base::failure;
using base::Result;

namespace {

using Detail = Result<std::string>;  // what was found

// Several scripts, a combining mark, emoji, and text that spells a control token.
constexpr const char* kOddText =
    "int main() { return 0x2A; }\n\tna\u00efve e\u0301 \u4e2d\u6587 \U0001F4DA <\uff5cUser\uff5c>";

constexpr double kReaderPatience_s = 10;

class Selftest {
 public:
  Selftest(const Paths& paths, const fs::path& folder, std::stop_token stop)
      : paths_(paths), folder_(folder), stop_(stop) {}

  Detail programsAreThere() {
    std::error_code error;
    for (const fs::path& program : {paths_.engine_program, paths_.reader_program})
      if (!fs::exists(program, error))
        return failure(ErrorCode::kNotFound, program.string() + " is missing");
    return "lectern-engine and lectern-reader lie beside lectern";
  }

  Detail modelOpens() {
    TRY_ASSIGN(const auto engine, engine::Engine::open(paths_.model, {}));
    return std::to_string(engine->config().n_layers) + " layers, " +
           byteWords(engine->plan(0).weights_bytes) + " of weights, up to " +
           countWords(engine->contextMax()) + " tokens";
  }

  Detail tokenizerRoundTrip() {
    TRY_ASSIGN(const auto tokenizer, engine::Tokenizer::open(paths_.model));
    const auto ids = tokenizer->encodeText(kOddText);
    if (tokenizer->decode(ids) != kOddText)
      return failure(ErrorCode::kInternal, "text comes back changed");
    for (const base::TokenId id : ids)
      if (tokenizer->isAdded(id))
        return failure(ErrorCode::kInternal, "text became a control token");
    return std::to_string(ids.size()) + " tokens back to the same bytes, none of them control";
  }

  Detail splitsAgree() {
    engine::EngineOptions options;
    TRY_ASSIGN(const auto engine, engine::Engine::open(paths_.model, options));
    std::vector<base::TokenId> tokens;
    for (int i = 0; i < 48; ++i)
      tokens.push_back(static_cast<base::TokenId>((i * 37 + 11) % engine->config().vocab));
    TRY_ASSIGN(const auto whole, engine->allLogits(tokens, 48, nullptr, stop_));
    TRY_ASSIGN(const auto split, engine->allLogits(tokens, 30, nullptr, stop_));
    if (whole != split)
      return failure(ErrorCode::kInternal, "reading and answering compute different numbers");
    return "48 tokens read at once and in two ways give the same logits";
  }

  Detail databasesOpen() {
    TRY_ASSIGN(const auto sessions, storage::SessionDatabase::open(folder_));
    storage::NewSession wanted;
    wanted.name = "selftest";
    TRY_ASSIGN(const auto session, sessions->sessions().create(wanted));
    TRY(sessions->sessions().remove(session.id));
    TRY_ASSIGN(const auto blocks, storage::BlockDatabase::open(folder_));
    return "session.db and snapshots.db are made, migrated and written";
  }

  Detail pdfIsRead() {
    const fs::path pdf = samplesFolder() / "handbook.pdf";
    TRY_ASSIGN(const auto extracted, readFile(pdf, paths_.reader_program, stop_));
    if (extracted.document.pages.empty() || extracted.document.spans.empty())
      return failure(ErrorCode::kInternal, "the sample PDF gave no text");
    return std::to_string(extracted.document.pages.size()) + " pages, " +
           std::to_string(extracted.document.spans.size()) + " spans with boxes";
  }

  // A reader locks itself in and then tries to get out.
  Detail readerIsLockedIn() {
    TRY_ASSIGN(const auto reader, ChildProcess::start(paths_.reader_program, {"probe"}));
    std::string said;
    char bytes[512];
    for (ssize_t n; (n = ::read(reader->output(), bytes, sizeof bytes)) > 0;)
      said.append(bytes, static_cast<std::size_t>(n));
    const auto end = reader->wait(kReaderPatience_s);
    if (!end || end->exit_code != 0)
      return failure(ErrorCode::kInternal, "lectern-reader did not finish the attempts");
    std::string refused, possible;
    int level = 0;
    std::istringstream lines(said);
    for (std::string line; std::getline(lines, line);) {
      const std::string name = line.substr(0, line.find('\t'));
      const std::string answer = line.substr(std::min(line.size(), name.size() + 1));
      if (name == "level") {
        level = std::atoi(answer.c_str());
        continue;
      }
      std::string& list = answer == "refused" ? refused : possible;
      list += (list.empty() ? "" : ", ") + name;
    }
    constexpr const char* kLacks[] = {"; this kernel lacks seccomp and Landlock",
                                      "; this kernel lacks Landlock", ""};
    const std::string lacks = level >= 0 && level <= 2 ? kLacks[level] : "";
    if (!possible.empty())
      return failure(ErrorCode::kUnsupported,
                     "a reader could get at: " + possible + "; refused: " + refused + lacks);
    return "refused: " + refused + lacks;
  }

  // In the real processes: read, leave, come back.
  Detail snapshotRoundTrip() {
    std::ofstream(folder_ / "note.txt") << "The answer to everything is written here.\n";
    ServiceOptions options;
    options.paths = paths_;
    options.paths.data = folder_ / "data";
    options.paths.log = options.paths.data / "log";
    IngestRequest request;
    request.session = "selftest";
    request.paths = {folder_ / "note.txt"};
    std::int64_t n_context = 0;
    for (const bool again : {false, true}) {
      TRY_ASSIGN(const auto service, ReadingService::open(options));
      TRY_ASSIGN(const IngestReport report, service->ingest(request, {}, stop_));
      n_context = report.n_context;
      if (report.n_reused != (again ? n_context : 0))
        return failure(ErrorCode::kInternal, std::to_string(report.n_reused) + " of " +
                                                 std::to_string(n_context) +
                                                 " tokens were picked up again");
    }
    return std::to_string(n_context) + " tokens picked up again in a second process";
  }

 private:
  const Paths& paths_;
  const fs::path folder_;
  const std::stop_token stop_;
};

struct Check {
  const char* name;
  Detail (Selftest::*run)();
};

constexpr Check kChecks[] = {
    {"programs", &Selftest::programsAreThere},
    {"model", &Selftest::modelOpens},
    {"tokenizer", &Selftest::tokenizerRoundTrip},
    {"logits", &Selftest::splitsAgree},
    {"databases", &Selftest::databasesOpen},
    {"pdf", &Selftest::pdfIsRead},
    {"sandbox", &Selftest::readerIsLockedIn},
    {"snapshot", &Selftest::snapshotRoundTrip},
};

CheckResult resultOf(const char* name, const Detail& detail) {
  if (detail) return {.name = name, .ok = true, .detail = *detail};
  return {.name = name, .ok = false, .detail = detail.error().message};
}

}  // namespace

std::vector<CheckResult> runSelftest(const Paths& paths,
                                     const std::function<void(const CheckResult&)>& on_result,
                                     std::stop_token stop) {
  std::error_code error;
  std::string folder = (fs::temp_directory_path(error) / "lectern-selftest-XXXXXX").string();
  std::vector<CheckResult> results;
  const auto add = [&](CheckResult result) {
    results.push_back(std::move(result));
    if (on_result) on_result(results.back());
  };
  if (error || ::mkdtemp(folder.data()) == nullptr) {
    add({.name = "temporary folder", .ok = false, .detail = "cannot be made"});
    return results;
  }
  Selftest selftest(paths, folder, stop);
  for (const Check& check : kChecks) {
    if (stop.stop_requested()) break;
    add(resultOf(check.name, (selftest.*check.run)()));
  }
  fs::remove_all(folder, error);
  return results;
}

}  // namespace app
