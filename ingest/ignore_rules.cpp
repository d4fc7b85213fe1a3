#include "ingest/ignore_rules.h"

#include <algorithm>

namespace ingest {
namespace {

constexpr std::string_view kGlobCharacters = "*?[\\";

char folded(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Blanks at the end do not count unless a backslash holds them.
std::string_view withoutTrailingBlanks(std::string_view line) {
  std::size_t end = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool escaped = line[i] == '\\';
    if (escaped && ++i == line.size()) return line;
    if (escaped || line[i] != ' ') end = i + 1;
  }
  return line.substr(0, end);
}

}  // namespace

IgnoreFile::IgnoreFile(std::string_view text, std::string base, CaseMode letters)
    : base_(std::move(base)), letters_(letters) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    addLine(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void IgnoreFile::addLine(std::string_view line) {
  if (line.empty() || line[0] == '#') return;
  if (line.ends_with('\r')) line.remove_suffix(1);
  line = withoutTrailingBlanks(line.substr(0, line.find('\0')));

  const bool negated = line.starts_with('!');
  if (negated) line.remove_prefix(1);
  const bool folders_only = line.ends_with('/');
  if (folders_only) line.remove_suffix(1);
  if (line.empty()) return;

  const bool name_only = line.find('/') == std::string_view::npos;
  // git compares the part before the first special character as it is and gives only the rest to
  // the glob, where a "**" may then stand at the beginning.
  std::size_t n_prefix = std::min(line.find_first_of(kGlobCharacters), line.size());
  if (name_only && n_prefix < line.size()) n_prefix = 0;
  if (!name_only && line[0] == '/') {
    line.remove_prefix(1);
    n_prefix -= std::min<std::size_t>(n_prefix, 1);
  }
  const std::string_view rest = line.substr(n_prefix);
  patterns_.push_back(
      {.negated = negated,
       .folders_only = folders_only,
       .name_only = name_only,
       .prefix = std::string(line.substr(0, n_prefix)),
       .rest = Glob(rest, name_only ? SlashMode::kOrdinary : SlashMode::kSeparates, letters_),
       .rest_empty = rest.empty()});
}

IgnoreFile::Answer IgnoreFile::ask(std::string_view path, PathType type) const {
  for (auto pattern = patterns_.rbegin(); pattern != patterns_.rend(); ++pattern) {
    if (pattern->folders_only && type != PathType::kFolder) continue;
    if (matches(*pattern, path)) return pattern->negated ? Answer::kWanted : Answer::kIgnored;
  }
  return Answer::kSilent;
}

bool IgnoreFile::matches(const Pattern& pattern, std::string_view path) const {
  if (pattern.name_only) {
    path.remove_prefix(path.rfind('/') + 1);
  } else {
    if (path.size() <= base_.size() || !equal(path.substr(0, base_.size()), base_)) return false;
    path.remove_prefix(base_.size());
  }
  const std::size_t n_prefix = pattern.prefix.size();
  if (path.size() < n_prefix || !equal(path.substr(0, n_prefix), pattern.prefix)) return false;
  path.remove_prefix(n_prefix);
  return pattern.rest_empty ? path.empty() : pattern.rest.matches(path);
}

bool IgnoreFile::equal(std::string_view a, std::string_view b) const {
  if (letters_ == CaseMode::kExact) return a == b;
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return folded(x) == folded(y); });
}

IgnoreRules::IgnoreRules(std::vector<std::shared_ptr<const IgnoreFile>> everywhere)
    : files_(std::move(everywhere)) {}

IgnoreRules IgnoreRules::below(std::shared_ptr<const IgnoreFile> file) const {
  IgnoreRules rules = *this;
  if (file && !file->empty()) rules.files_.insert(rules.files_.begin(), std::move(file));
  return rules;
}

bool IgnoreRules::ignored(std::string_view path, PathType type) const {
  for (const auto& file : files_) {
    const auto answer = file->ask(path, type);
    if (answer != IgnoreFile::Answer::kSilent) return answer == IgnoreFile::Answer::kIgnored;
  }
  return false;
}

}  // namespace ingest
