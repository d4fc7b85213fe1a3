// lectern-reader: one document, locked in before its first byte is looked at.
//
// Started by ingest/reader_client with the document as descriptor 3; answers on stdout in the
// messages of ingest/reader_message.h and says nothing else to anybody.
#include <cstdint>
#include <cstdio>
#include <new>
#include <string_view>
#include <vector>

#include <unistd.h>

#include "ingest/office/office_worker.h"
#include "ingest/pdf/pdf_worker.h"
#include "ingest/reader_request.h"
#include "ingest/sandbox.h"
#include "ingest/sandbox_probe.h"

namespace {

constexpr int kExitUsage = 2;
constexpr std::uint64_t kProbeMemoryBytes = std::uint64_t{1} << 30;

// For `lectern selftest`: what this kernel keeps from a reader, one line each.
int reportSandbox() {
  const auto level = static_cast<int>(ingest::enterSandbox(kProbeMemoryBytes));
  std::printf("level\t%d\n", level);
  for (const ingest::Probe& probe : ingest::probeSandbox(kProbeMemoryBytes))
    std::printf("%s\t%s\n", probe.name.c_str(), probe.refused ? "refused" : "possible");
  return 0;
}

// Poppler and Qt have no way back from a failed allocation; the parent understands the code.
[[noreturn]] void leaveWithoutMemory() { ::_exit(ingest::kExitOutOfMemory); }

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  if (arguments.size() == 1 && arguments[0] == "probe") return reportSandbox();
  const auto request = ingest::parseArguments(arguments);
  if (!request) {
    std::fputs("lectern-reader is started by lectern; it has no commands of its own.\n", stderr);
    return kExitUsage;
  }
  std::set_new_handler(leaveWithoutMemory);
  const ingest::SandboxLevel sandbox = ingest::enterSandbox(request->memory_bytes);
  // No destructors: Poppler's take time on hostile documents and nobody needs them.
  const bool archive = ingest::isArchive(ingest::kDocumentDescriptor);
  ::_exit(archive ? ingest::runOfficeWorker(*request, sandbox, STDOUT_FILENO)
                  : ingest::runPdfWorker(*request, sandbox, STDOUT_FILENO));
}
