#include "app/stored_sessions.h"

#include <algorithm>

namespace app {

const EnginePin* pinOf(const std::vector<EnginePin>& pins, const storage::Session& session) {
  const auto found = std::find_if(pins.begin(), pins.end(), [&](const EnginePin& pin) {
    return pin.session_key == session.key;
  });
  return found == pins.end() ? nullptr : &*found;
}

ResumeForecast resumeForecast(const storage::Session& session, const EnginePin* pin,
                              const SpeedRecord& record) {
  const base::Hash128& model = session.model_fingerprint;
  const SpeedForecast reading = record.forecast(model);
  ResumeForecast resume;
  const bool stored = pin != nullptr && pin->complete;
  const std::int64_t n_stored = stored ? std::min(pin->n_tokens, session.n_context_tokens) : 0;
  resume.from = stored ? ResumeFrom::kSnapshot : ResumeFrom::kReadAgain;
  resume.n_read = session.n_context_tokens - n_stored;
  resume.seconds_low = reading.secondsLow(resume.n_read);
  resume.seconds_high = reading.secondsHigh(resume.n_read);
  resume.measured = resume.n_read == 0 || reading.measured;
  if (!stored) return resume;
  const RestoreForecast restore = record.restoreForecast(model, n_stored, pin->logical_bytes);
  resume.seconds_low += restore.seconds_low;
  resume.seconds_high += restore.seconds_high;
  resume.measured = resume.measured && restore.measured;
  return resume;
}

}  // namespace app
