// lectern demo: the main job from end to end in a terminal, on the bundled samples: read a code
// tree and a PDF, ask, prove the answer, stop, pick the session up in another process, ask on.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "app/child_process.h"
#include "app/cli/command_line.h"
#include "app/cli/commands.h"
#include "app/cli/engine_flags.h"
#include "app/cli/ingest_report.h"
#include "app/cli/place_words.h"
#include "app/json_fields.h"

namespace app {

namespace fs = std::filesystem;
using base::ErrorCode;
using base::failure;
using base::Result;
using base::Status;
using engine::Json;

namespace {

constexpr const char* kSession = "demo";
constexpr double kReusedShareMin = 0.95;

struct Options {
  std::string samples;
  EngineFlags engine;
};

// resources/samples/questions.json.
struct Questions {
  std::vector<std::string> first;
  std::string follow_up;
};

struct Figures {
  std::int64_t n_context = 0;
  double read_s = 0, prefill_s = 0, prefill_tok_s = 0, decode_tok_s = 0, first_token_s = 0;
  std::int64_t peak_rss_bytes = 0, snapshot_bytes = 0;
  double resume_s = 0;         // start of the second process to its first token
  double resume_engine_s = 0;  // of these, from the question to the first token
  std::int64_t n_reused = 0, n_resumed_context = 0;
};

// A folder that goes away with the object, unless the user chose it.
class DataFolder {
 public:
  static Result<DataFolder> open(const fs::path& chosen) {
    if (!chosen.empty()) return DataFolder(chosen, false);
    std::error_code error;
    std::string name = (fs::temp_directory_path(error) / "lectern-demo-XXXXXX").string();
    if (error || ::mkdtemp(name.data()) == nullptr)
      return failure(ErrorCode::kIo, "cannot make a temporary folder",
                     "Say where the demo may write with --data DIR.");
    return DataFolder(name, true);
  }
  DataFolder(DataFolder&& other) noexcept
      : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, false)) {}
  ~DataFolder() {
    std::error_code ignored;
    if (temporary_) fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  DataFolder(fs::path path, bool temporary) : path_(std::move(path)), temporary_(temporary) {}
  fs::path path_;
  bool temporary_;
};

Result<Questions> readQuestions(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in)
    return failure(ErrorCode::kNotFound, "cannot read " + file.string(),
                   "The bundled samples are missing: fetch Lectern again.");
  TRY_ASSIGN(const Json json, engine::parseJson(text.str(), file.string()));
  Questions questions;
  JsonFields fields(json);
  fields.need("questions", questions.first);
  fields.need("follow_up", questions.follow_up);
  TRY(fields.status());
  return questions;
}

class Demo {
 public:
  Demo(const Options& options, const Invocation& invocation)
      : options_(options), invocation_(invocation) {}

  Result<int> run() {
    const fs::path samples =
        options_.samples.empty() ? samplesFolder() : fs::path(options_.samples);
    TRY_ASSIGN(const Questions questions, readQuestions(samples / "questions.json"));
    TRY_ASSIGN(const DataFolder data, DataFolder::open(invocation_.path_options.data));
    invocation_.path_options.data = data.path();
    TRY(readAndAsk(samples, questions));
    TRY(askInSecondProcess(questions.follow_up));
    printFigures();
    return verdict();
  }

 private:
  // The first process: everything in it is gone when this returns.
  Status readAndAsk(const fs::path& samples, const Questions& questions) {
    TRY_ASSIGN(const auto service, openService(invocation_, options_.engine));
    TRY(read(*service, samples));
    for (const std::string& question : questions.first) TRY(ask(*service, question));
    TRY_ASSIGN(const EngineStats stats, service->engine().stats(invocation_.stop));
    figures_.peak_rss_bytes = stats.peak_rss_bytes;
    figures_.snapshot_bytes = stats.file_bytes;
    return {};
  }

  Status read(ReadingService& service, const fs::path& samples) {
    std::printf("== reading %s and %s\n", (samples / "gateway").c_str(),
                (samples / "handbook.pdf").c_str());
    ProgressLine progress;
    IngestRequest request;
    request.session = kSession;
    request.paths = {samples / "gateway", samples / "handbook.pdf"};
    TRY_ASSIGN(const IngestReport report,
               service.ingest(request, showIngest(progress, stdout), invocation_.stop));
    progress.finish("read " + countWords(report.n_prefilled) + " tokens in " +
                    durationWords(report.prefill_s));
    printSkipped(stdout, report.plan.receipt);
    figures_.n_context = report.n_context;
    figures_.read_s = report.read_s;
    figures_.prefill_s = report.prefill_s;
    if (report.prefill_s > 0)
      figures_.prefill_tok_s = static_cast<double>(report.n_prefilled) / report.prefill_s;
    return {};
  }

  Status ask(ReadingService& service, const std::string& question) {
    std::printf("== %s\n", question.c_str());
    std::fflush(stdout);
    AskRequest request;
    request.session = kSession;
    request.question = question;
    AskEvents events;
    events.on_restart = showRestart();
    TRY_ASSIGN(const Answer answer, service.ask(request, events, invocation_.stop));
    if (answer.finish == base::FinishReason::kStopped)
      return failure(ErrorCode::kCancelled, "stopped");
    std::printf("%s\n", answerWords(answer.text).c_str());
    for (const base::Citation& citation : answer.citations) {
      std::printf("%s\n", citationWords(citation).c_str());
      if (citation.check != base::CitationCheck::kVerified) continue;
      cited_code_ = cited_code_ || citation.line_start > 0;
      cited_page_ = cited_page_ || (citation.page > 0 && !citation.boxes.empty());
    }
    figures_.decode_tok_s = answer.usage.decode_tok_s;
    figures_.first_token_s = answer.usage.first_token_s;
    return {};
  }

  Status askInSecondProcess(const std::string& question) {
    std::printf("== closed; a second process goes on: %s\n", question.c_str());
    std::fflush(stdout);
    const auto begin = std::chrono::steady_clock::now();
    TRY_ASSIGN(const Json answer, runAsk(question));
    const double wall_s =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    std::string text;
    JsonFields fields(answer);
    fields.need("answer", text);
    TRY(fields.status());
    std::printf("%s\n", answerWords(text).c_str());
    printCitations(answer);
    return takeUsage(answer, wall_s);
  }

  Result<Json> runAsk(const std::string& question) {
    std::vector<std::string> arguments{"ask",    "--session", kSession, "--json",
                                       "--data", invocation_.path_options.data.string()};
    if (!invocation_.path_options.model.empty())
      arguments.insert(arguments.end(), {"--model", invocation_.path_options.model.string()});
    arguments.insert(arguments.end(),
                     {"--backend", options_.engine.backend, "--numerics", options_.engine.numerics,
                      "--threads", std::to_string(options_.engine.n_threads), "--", question});
    TRY_ASSIGN(auto child, ChildProcess::start(siblingProgram("lectern"), arguments));
    child->closeInput();
    // SIGINT lets it save and leave; its output then ends.
    std::stop_callback on_stop(invocation_.stop, [&] { child->kill(SIGINT); });
    std::string output;
    char buffer[4096];
    for (ssize_t n; (n = ::read(child->output(), buffer, sizeof buffer)) > 0;)
      output.append(buffer, static_cast<std::size_t>(n));
    const auto end = child->wait(-1);
    if (invocation_.stop.stop_requested()) return failure(ErrorCode::kCancelled, "stopped");
    TRY_ASSIGN(Json json, engine::parseJson(output, "the second process's answer"));
    if (const Json* error = JsonFields(json).find("error"))
      return tl::make_unexpected(errorFromJson(*error));
    if (!end || end->exit_code != kDone)
      return failure(ErrorCode::kInternal, "the second process " +
                                               (end ? end->sentence() : "was lost"));
    return json;
  }

  static void printCitations(const Json& answer) {
    const Json* citations = JsonFields(answer).find("citations");
    if (citations == nullptr || !citations->is_array()) return;
    for (const Json& json : *citations) {
      base::Citation citation;
      bool verified = false;
      JsonFields fields(json);
      fields.need("quote", citation.quote);
      fields.need("path", citation.path);
      fields.need("line_start", citation.line_start);
      fields.need("line_end", citation.line_end);
      fields.need("page", citation.page);
      fields.need("boxes", citation.boxes);
      fields.need("places", citation.n_places);
      fields.need("verified", verified);
      if (verified) citation.check = base::CitationCheck::kVerified;
      std::printf("%s\n", citationWords(citation).c_str());
    }
  }

  Status takeUsage(const Json& answer, double wall_s) {
    const Json* usage = JsonFields(answer).find("usage");
    const Json none = Json::object();
    double decode_tok_s = 0;
    std::int64_t n_decoded = 0;
    JsonFields fields(usage != nullptr ? *usage : none);
    fields.need("context_tokens", figures_.n_resumed_context);
    fields.need("reused_tokens", figures_.n_reused);
    fields.need("first_token_s", figures_.resume_engine_s);
    fields.need("decode_tokens", n_decoded);
    fields.need("decode_tok_s", decode_tok_s);
    TRY(fields.status());
    const double decode_s =
        decode_tok_s > 0 ? static_cast<double>(n_decoded) / decode_tok_s : 0;
    figures_.resume_s = wall_s - decode_s;
    return {};
  }

  double reusedShare() const {
    return figures_.n_resumed_context > 0 ? static_cast<double>(figures_.n_reused) /
                                                static_cast<double>(figures_.n_resumed_context)
                                          : 0;
  }

  void printFigures() const {
    std::printf("== figures\n");
    std::printf("context            %s tokens\n", countWords(figures_.n_context).c_str());
    std::printf("files to text      %s\n", durationWords(figures_.read_s).c_str());
    std::printf("reading            %s, %.0f tok/s\n", durationWords(figures_.prefill_s).c_str(),
                figures_.prefill_tok_s);
    std::printf("answering          %.0f tok/s, first token after %.2f s\n", figures_.decode_tok_s,
                figures_.first_token_s);
    std::printf("resumed            reused_tokens %s of %s (%.1f %%), first token after %.2f s "
                "(%.2f s with the start of both programs)\n",
                countWords(figures_.n_reused).c_str(),
                countWords(figures_.n_resumed_context).c_str(), 100 * reusedShare(),
                figures_.resume_engine_s, figures_.resume_s);
    std::printf("engine memory      %s at most\n", byteWords(figures_.peak_rss_bytes).c_str());
    std::printf("snapshots on disk  %s\n", byteWords(figures_.snapshot_bytes).c_str());
  }

  int verdict() const {
    const auto say = [](bool ok, const char* what) {
      std::printf("%s %s\n", ok ? "ok    " : "NOT OK", what);
      return ok;
    };
    bool ok = say(cited_code_, "a verified quote from the code, with its lines");
    ok = say(cited_page_, "a verified quote from the PDF, with page and box") && ok;
    ok = say(reusedShare() >= kReusedShareMin, "the second process reused what was read") && ok;
    return ok ? kDone : kAnswerIsNo;
  }

  const Options& options_;
  Invocation invocation_;
  Figures figures_;
  bool cited_code_ = false, cited_page_ = false;
};

}  // namespace

void addDemoCommand(CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App& app = line.add("demo", "Do the main job on the bundled samples, in the terminal",
                           [options](const Invocation& at) { return Demo(*options, at).run(); });
  app.add_option("--samples", options->samples,
                 "Folder with gateway/, handbook.pdf and questions.json");
  addEngineFlags(app, options->engine);
}

}  // namespace app
