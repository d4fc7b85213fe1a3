#include "ingest/office/office_worker.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include <unistd.h>

#include "ingest/clean_text.h"
#include "ingest/office/office_text.h"
#include "ingest/sandbox.h"

namespace ingest {
namespace {

// False when the parent has gone.
bool send(int output, const ReaderMessage& message) {
  const std::string bytes = encodeMessage(message);
  for (std::size_t n_done = 0; n_done < bytes.size();) {
    const ssize_t n = ::write(output, bytes.data() + n_done, bytes.size() - n_done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    n_done += static_cast<std::size_t>(n);
  }
  return true;
}

std::string labelOf(const std::string& label) {
  std::string one_line = label;
  std::erase_if(one_line, [](char c) { return c == '\n' || c == '\t'; });
  return isCleanText(one_line) ? one_line : std::string();
}

bool sendSections(const std::vector<Section>& sections, const ReaderRequest& request,
                  SandboxLevel sandbox, int output) {
  const auto n_sections = static_cast<int>(sections.size());
  if (n_sections > request.n_pages_max) return send(output, Refusal::kTooManyPages);
  if (request.page > n_sections) return send(output, Refusal::kNoSuchPage);
  if (!send(output, DocumentHead{n_sections, sandbox})) return false;
  for (int number = std::max(1, request.page); number <= n_sections; ++number) {
    const Section& section = sections[static_cast<std::size_t>(number - 1)];
    PageText page{.number = number,
                  .label = labelOf(section.label),
                  .width = 1,
                  .height = 1,
                  .text = section.text,
                  .words = {}};
    if (!send(output, page)) return false;
  }
  return send(output, Finished{});
}

}  // namespace

bool isArchive(int descriptor) {
  char begin[4] = {};
  return ::pread(descriptor, begin, sizeof begin, 0) == sizeof begin &&
         std::memcmp(begin, "PK\3\4", sizeof begin) == 0;
}

int runOfficeWorker(const ReaderRequest& request, SandboxLevel sandbox, int output) {
  allowCpuSeconds(request.page_cpu_s);
  try {
    if (request.work == ReaderRequest::Work::kImage) {
      send(output, Refusal::kUnsupported);
      return 0;
    }
    const auto sections = officeText(kDocumentDescriptor);
    if (!sections) send(output, sections.error());
    else sendSections(*sections, request, sandbox, output);
  } catch (const std::bad_alloc&) {
    return kExitOutOfMemory;
  }
  return 0;
}

}  // namespace ingest
