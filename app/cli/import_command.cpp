// lectern import FILE: an exported session becomes one of this machine's.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "app/cli/command_line.h"
#include "app/cli/commands.h"
#include "app/cli/engine_flags.h"
#include "app/json_fields.h"
#include "app/progress_line.h"
#include "app/session_import.h"
#include "engine/receipt_text.h"

namespace app {

using base::Result;
using engine::Json;

namespace {

struct Options {
  std::string file, session;
  bool with_kv = false;
};

Json reportJson(const ImportReport& report) {
  Json json{{"session", report.session},
            {"documents", report.n_documents},
            {"messages", report.n_messages},
            {"branches", report.n_branches},
            {"citations", report.n_citations},
            {"unverified", report.n_unverified},
            {"kv", nullptr}};
  if (report.kv)
    json["kv"] = {{"blocks", report.kv->n_blocks},
                  {"bytes", report.kv->n_bytes},
                  {"tokens", report.kv->n_tokens}};
  if (report.kv_refused) json["kv_refused"] = errorToJson(*report.kv_refused);
  return json;
}

void print(const ImportReport& report) {
  std::printf("session \"%s\": %s documents, %s messages, %s of %s quotes verified\n",
              engine::oneLine(report.session).c_str(), countWords(report.n_documents).c_str(),
              countWords(report.n_messages).c_str(),
              countWords(report.n_citations - report.n_unverified).c_str(),
              countWords(report.n_citations).c_str());
  if (report.kv)
    std::printf("%s tokens need not be read again\n", countWords(report.kv->n_tokens).c_str());
  else if (report.kv_refused)
    std::printf("its KV was not taken: %s\nThe text is read again before the next answer.\n",
                report.kv_refused->message.c_str());
  else if (report.has_kv)
    std::printf(
        "its KV was left: the text is read again before the next answer. If you trust who sent "
        "the file, import it with --with-kv.\n");
}

Result<int> run(const Options& options, const Invocation& invocation) {
  TRY_ASSIGN(const auto service, openService(invocation, {}));
  TRY_ASSIGN(const ImportReport report,
             importSession(*service, options.file, options.session,
                           options.with_kv ? ImportKv::kTake : ImportKv::kLeave, invocation.stop));
  if (invocation.json)
    printJson(reportJson(report));
  else
    print(report);
  return kDone;
}

}  // namespace

void addImportCommand(CommandLine& line) {
  auto options = std::make_shared<Options>();
  CLI::App& app = line.add("import", "Take an exported session in",
                           [options](const Invocation& at) { return run(*options, at); });
  app.add_option("FILE", options->file, "Written by `lectern export`")->required();
  app.add_option("--session", options->session, "Its name here; none: the one in the file");
  app.add_flag("--with-kv", options->with_kv,
               "Take its KV too. Only from people you trust: quotes are always proven, but whether "
               "KV is what the model would have read cannot be checked");
}

}  // namespace app
