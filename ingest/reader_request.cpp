#include "ingest/reader_request.h"

#include <charconv>

namespace ingest {
namespace {

template <class T>
bool parse(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

// Not std::to_string: that follows the locale and rounds.
std::string toText(double value) {
  char digits[64];
  return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
}

}  // namespace

std::vector<std::string> toArguments(const ReaderRequest& request) {
  return {request.work == ReaderRequest::Work::kText ? "text" : "image",
          std::to_string(request.page),
          toText(request.scale),
          std::to_string(request.page_cpu_s),
          std::to_string(request.memory_bytes),
          std::to_string(request.n_pages_max)};
}

std::optional<ReaderRequest> parseArguments(std::span<const std::string_view> arguments) {
  ReaderRequest request;
  if (arguments.size() != 6) return std::nullopt;
  if (arguments[0] != "text" && arguments[0] != "image") return std::nullopt;
  request.work =
      arguments[0] == "text" ? ReaderRequest::Work::kText : ReaderRequest::Work::kImage;
  const bool numbers = parse(arguments[1], request.page) && parse(arguments[2], request.scale) &&
                       parse(arguments[3], request.page_cpu_s) &&
                       parse(arguments[4], request.memory_bytes) &&
                       parse(arguments[5], request.n_pages_max);
  if (!numbers || request.page < 1 || request.page_cpu_s < 1) return std::nullopt;
  return request;
}

}  // namespace ingest
