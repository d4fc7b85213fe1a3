// ingest_job.h: sources to a session whose context is read and stored.
#pragma once

#include <stop_token>

#include "app/reading_service.h"
#include "app/service_parts.h"

namespace app {

// ReadingService::ingest().
base::Result<IngestReport> runIngest(ServiceParts& parts, const IngestRequest& request,
                                     const IngestEvents& events, std::stop_token stop);

// ReadingService::changes().
base::Result<ChangeReport> lookForChanges(ServiceParts& parts, const IngestRequest& request,
                                          const IngestEvents& events, std::stop_token stop);

// Version of our readers: a better one makes a new document of the same bytes.
inline constexpr std::int64_t kReaderVersion = 3;

// Stores what is to be read, for another day; the job is the session's unfinished one.
base::Status queueIngest(ServiceParts& parts, const IngestRequest& request, std::stop_token stop);

}  // namespace app
