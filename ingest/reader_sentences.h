// reader_sentences.h: what a reader says by number, in words for people.
#pragma once

#include "engine/base/document.h"
#include "engine/base/result.h"
#include "ingest/reader_message.h"
#include "ingest/reader_process.h"

namespace ingest {

base::Error refusalError(Refusal refusal);

// `page` on which the reader ended; 0 while it opened the document.
base::Error failureError(const ReaderFailure& failed, int page);

base::Diagnostic remarkDiagnostic(const PageRemark& remark);

}  // namespace ingest
