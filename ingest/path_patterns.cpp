#include "ingest/path_patterns.h"

namespace ingest {
namespace {

std::string joined(std::span<const std::string> patterns) {
  std::string text;
  for (const std::string& pattern : patterns) text += pattern + "\n";
  return text;
}

}  // namespace

PathPatterns::PathPatterns(std::span<const std::string> patterns)
    : patterns_(joined(patterns), "", CaseMode::kExact) {}

bool PathPatterns::match(std::string_view path) const {
  if (patterns_.empty()) return false;
  bool matched = false;
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/', slash + 1)) {
    const auto answer = patterns_.ask(path.substr(0, slash), PathType::kFolder);
    if (answer != IgnoreFile::Answer::kSilent) matched = answer == IgnoreFile::Answer::kIgnored;
  }
  if (path.ends_with('/')) return matched;
  const auto answer = patterns_.ask(path, PathType::kFile);
  return answer == IgnoreFile::Answer::kSilent ? matched : answer == IgnoreFile::Answer::kIgnored;
}

}  // namespace ingest
