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

PageRange pagesOfPart(int n_pages, int part, int n_parts) {
  const auto before = [&](int parts) {
    return static_cast<int>(static_cast<long long>(n_pages) * parts / n_parts);
  };
  return {before(part) + 1, before(part + 1)};
}

std::vector<std::string> toArguments(const ReaderRequest& request) {
  return {request.work == ReaderRequest::Work::kText ? "text" : "image",
          std::to_string(request.page),
          std::to_string(request.part),
          std::to_string(request.n_parts),
          request.recognise ? "1" : "0",
          toText(request.scale),
          std::to_string(request.page_cpu_s),
          std::to_string(request.memory_bytes),
          std::to_string(request.n_pages_max)};
}

std::optional<ReaderRequest> parseArguments(std::span<const std::string_view> arguments) {
  ReaderRequest request;
  if (arguments.size() != 9) return std::nullopt;
  if (arguments[0] != "text" && arguments[0] != "image") return std::nullopt;
  request.work = arguments[0] == "text" ? ReaderRequest::Work::kText : ReaderRequest::Work::kImage;
  int recognise = 0;
  const bool numbers =
      parse(arguments[1], request.page) && parse(arguments[2], request.part) &&
      parse(arguments[3], request.n_parts) && parse(arguments[4], recognise) &&
      parse(arguments[5], request.scale) && parse(arguments[6], request.page_cpu_s) &&
      parse(arguments[7], request.memory_bytes) && parse(arguments[8], request.n_pages_max);
  if (!numbers || request.page < 0 || request.page_cpu_s < 1 || request.part < 0 ||
      request.part >= request.n_parts)
    return std::nullopt;
  request.recognise = recognise != 0;
  return request;
}

}  // namespace ingest
