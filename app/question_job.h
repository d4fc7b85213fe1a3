// question_job.h: a question to an answer whose quotes are proven, saved while it streams.
#pragma once

#include <stop_token>

#include "app/reading_service.h"
#include "app/service_parts.h"

namespace app {

// ReadingService::ask().
base::Result<Answer> runQuestion(ServiceParts& parts, const AskRequest& request,
                                 const AskEvents& events, std::stop_token stop);

}  // namespace app
