// lectern-reader: one document, locked in before its first byte is looked at.
//
// Started by ingest/reader_client with the document as descriptor 3; answers on stdout in the
// messages of ingest/reader_message.h and says nothing else to anybody.
#include <cstdio>
#include <new>
#include <string_view>
#include <vector>

#include <unistd.h>

#include "ingest/pdf/pdf_worker.h"
#include "ingest/reader_request.h"
#include "ingest/sandbox.h"

namespace {

constexpr int kExitUsage = 2;

// Poppler and Qt have no way back from a failed allocation; the parent understands the code.
[[noreturn]] void leaveWithoutMemory() { ::_exit(ingest::kExitOutOfMemory); }

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  const auto request = ingest::parseArguments(arguments);
  if (!request) {
    std::fputs("lectern-reader is started by lectern; it has no commands of its own.\n", stderr);
    return kExitUsage;
  }
  std::set_new_handler(leaveWithoutMemory);
  const ingest::SandboxLevel sandbox = ingest::enterSandbox(request->memory_bytes);
  // No destructors: Poppler's take time on hostile documents and nobody needs them.
  ::_exit(ingest::runPdfWorker(*request, sandbox, STDOUT_FILENO));
}
