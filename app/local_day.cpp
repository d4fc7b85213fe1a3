#include "app/local_day.h"

#include <cstdio>
#include <ctime>

namespace app {

base::Result<std::int64_t> dayBegin_ms(const std::string& day) {
  std::tm wanted{};
  int n_read = 0;
  const bool has_shape = std::sscanf(day.c_str(), "%4d-%2d-%2d%n", &wanted.tm_year, &wanted.tm_mon,
                                     &wanted.tm_mday, &n_read) == 3 &&
                         static_cast<std::size_t>(n_read) == day.size();
  wanted.tm_year -= 1900;
  wanted.tm_mon -= 1;
  wanted.tm_isdst = -1;
  std::tm found = wanted;
  const std::time_t begin = std::mktime(&found);
  // mktime carries what does not exist over: 31 April becomes 1 May.
  if (!has_shape || begin == -1 || found.tm_mday != wanted.tm_mday || found.tm_mon != wanted.tm_mon)
    return base::failure(base::ErrorCode::kInvalidInput, "\"" + day + "\" is no day",
                         "Write days as 2026-11-25.");
  return static_cast<std::int64_t>(begin) * 1000;
}

std::string dayOf(std::int64_t unix_ms) {
  const std::time_t seconds = unix_ms / 1000;
  std::tm local{};
  char text[32] = "";
  if (::localtime_r(&seconds, &local)) std::strftime(text, sizeof text, "%Y-%m-%d", &local);
  return text;
}

}  // namespace app
