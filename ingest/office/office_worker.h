// office_worker.h: what lectern-reader does with a document that is an archive.
#pragma once

#include "ingest/reader_message.h"
#include "ingest/reader_request.h"

namespace ingest {

// Whether the document at `descriptor` begins as a ZIP archive. Leaves it at its beginning.
bool isArchive(int descriptor);

// Sends the messages of a text, one page per section, to `output`; the exit code.
int runOfficeWorker(const ReaderRequest& request, SandboxLevel sandbox, int output);

}  // namespace ingest
