#include "app/byte_size.h"

#include <cctype>
#include <charconv>
#include <cmath>
#include <string>

namespace app {

namespace {

// 0: no such unit.
double unitBytes(std::string unit) {
  for (char& c : unit) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (unit.empty() || unit == "B") return 1;
  const auto power = std::string_view("KMGT").find(unit.front());
  if (power == std::string_view::npos) return 0;
  const std::string_view rest = std::string_view(unit).substr(1);
  const double base = rest.empty() || rest == "IB" ? 1024 : rest == "B" ? 1000 : 0;
  return std::pow(base, static_cast<double>(power + 1));
}

}  // namespace

base::Result<std::int64_t> parseByteSize(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string unit(end, text.data() + text.size());
  unit.erase(0, unit.find_first_not_of(' ') == std::string::npos ? unit.size()
                                                                 : unit.find_first_not_of(' '));
  const double bytes = number * unitBytes(unit);
  if (error != std::errc() || !(bytes >= 1) || bytes > 1e18)
    return base::failure(base::ErrorCode::kInvalidInput,
                         "\"" + std::string(text) + "\" is no amount of memory",
                         "Write it as 4GiB, 512MiB or a number of bytes.");
  return static_cast<std::int64_t>(bytes);
}

}  // namespace app
