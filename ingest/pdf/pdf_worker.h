// pdf_worker.h: the work of lectern-reader after it has locked itself in.
#pragma once

#include "ingest/reader_message.h"
#include "ingest/reader_request.h"

namespace ingest {

// Reads the document of descriptor kDocumentDescriptor and writes messages to `output`. The exit
// code of the process.
int runPdfWorker(const ReaderRequest& request, SandboxLevel sandbox, int output);

}  // namespace ingest
