// local_day.h: days as people write them, in this machine's time zone.
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/result.h"

namespace app {

// Unix time at which the day "2026-11-25" begins here. kInvalidInput for anything else.
base::Result<std::int64_t> dayBegin_ms(const std::string& day);
std::string dayOf(std::int64_t unix_ms);  // "2026-11-25"

}  // namespace app
