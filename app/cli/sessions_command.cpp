// lectern sessions: what is saved. lectern delete NAME: what shall not be any more.
#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>

#include "app/cli/command_line.h"
#include "app/cli/commands.h"
#include "app/cli/engine_flags.h"
#include "app/progress_line.h"
#include "engine/receipt_text.h"
#include "storage/storage.h"

namespace app {

using base::Result;
using engine::Json;

namespace {

Json sessionJson(const storage::Session& session) {
  return Json{{"name", session.name},
              {"title", session.title},
              {"model", session.model_name},
              {"model_fingerprint", session.model_fingerprint.hex()},
              {"context_tokens", session.n_context_tokens},
              {"documents", session.n_documents},
              {"messages", session.n_messages},
              {"created_ms", session.created_ms},
              {"used_ms", session.used_ms},
              {"pinned", session.pinned},
              {"archived", session.archived}};
}

Result<int> listSessions(const Invocation& invocation) {
  TRY_ASSIGN(const auto service, openService(invocation, {}));
  TRY_ASSIGN(const auto sessions, service->sessions());
  if (invocation.json) {
    Json list = Json::array();
    for (const storage::Session& session : sessions) list.push_back(sessionJson(session));
    printJson({{"sessions", std::move(list)}});
    return kDone;
  }
  for (const storage::Session& session : sessions)
    std::printf("%-24s %12s tokens %5s documents %4s messages  %s\n",
                engine::oneLine(session.name).c_str(),
                countWords(session.n_context_tokens).c_str(),
                countWords(session.n_documents).c_str(), countWords(session.n_messages).c_str(),
                session.model_name.c_str());
  if (sessions.empty()) std::printf("no sessions yet: lectern ingest PATH --session NAME\n");
  return kDone;
}

Result<int> deleteSession(const std::string& name, const Invocation& invocation) {
  TRY_ASSIGN(const auto service, openService(invocation, {}));
  TRY(service->remove(name, invocation.stop));
  if (invocation.json)
    printJson({{"deleted", name}});
  else
    std::printf("deleted \"%s\": its text, its messages and what was stored of its reading\n",
                name.c_str());
  return kDone;
}

}  // namespace

void addSessionsCommand(CommandLine& line) {
  line.add("sessions", "List the saved sessions",
           [](const Invocation& invocation) { return listSessions(invocation); });
}

void addDeleteCommand(CommandLine& line) {
  auto name = std::make_shared<std::string>();
  CLI::App& app =
      line.add("delete", "Delete a session: its text, messages and stored reading",
               [name](const Invocation& invocation) { return deleteSession(*name, invocation); });
  app.add_option("SESSION,--session", *name, "Name of the session")->required();
}

}  // namespace app
