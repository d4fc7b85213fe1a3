#include "ingest/outline.h"

#include <algorithm>
#include <cctype>
#include <span>
#include <string_view>

#include "ingest/code_outline.h"
#include "ingest/text_line.h"

namespace ingest {
namespace {

using base::ByteRange;
using base::DocumentKind;
using Lines = std::vector<TextLine>;
using Kept = std::vector<std::size_t>;

constexpr std::size_t kHeadingBytesMax = 160;

bool isAll(std::string_view text, std::string_view chars) {
  return text.find_first_not_of(chars) == std::string_view::npos;
}

// "=====" or "-----" under a line that may be a title.
bool isUnderline(std::string_view text) {
  return text.size() >= 3 && isAll(text, text.substr(0, 1)) && isAll(text, "=-~^\"*+#");
}

bool isMarkdownHeading(std::string_view text) {
  const std::size_t n = text.find_first_not_of('#');
  return n != std::string_view::npos && n >= 1 && n <= 6 && text[n] == ' ';
}

Kept markdownOutline(const Lines& lines) {
  Kept kept;
  std::string_view fence;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string_view text = lines[i].text;
    if (text.starts_with("```") || text.starts_with("~~~")) {
      if (fence.empty())
        fence = text.substr(0, 3);
      else if (text.starts_with(fence))
        fence = {};
    } else if (fence.empty() && lines[i].indent < 4) {
      const bool titled = i + 1 < lines.size() && isUnderline(lines[i + 1].text) &&
                          (lines[i + 1].text[0] == '=' || lines[i + 1].text[0] == '-');
      if (isMarkdownHeading(text) || (titled && !text.empty() && !isUnderline(text)))
        kept.push_back(i);
    }
  }
  return kept;
}

// "3.1 Results", "Chapter 4", "IV. METHOD", or a line in capitals.
bool looksLikeHeading(std::string_view text) {
  if (text.size() < 3 || text.size() > kHeadingBytesMax) return false;
  if (std::string_view(".,;:").find(text.back()) != std::string_view::npos) return false;
  const auto letters = [](std::string_view part) {
    return std::count_if(part.begin(), part.end(), [](unsigned char c) { return std::isalpha(c); });
  };
  std::size_t n = 0;
  while (n < text.size() && (std::isdigit(static_cast<unsigned char>(text[n])) || text[n] == '.'))
    ++n;
  if (n > 0 && n < text.size() && text[n] == ' ')
    return std::isupper(static_cast<unsigned char>(text[n + 1])) && letters(text) >= 3;
  for (const std::string_view word : {"Chapter ", "Part ", "Appendix ", "Section "})
    if (text.starts_with(word)) return true;
  const bool lower =
      std::any_of(text.begin(), text.end(), [](unsigned char c) { return std::islower(c); });
  return !lower && letters(text) >= 4;
}

Kept proseOutline(const Lines& lines) {
  Kept kept;
  bool first = true;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string_view text = lines[i].text;
    if (text.empty() || isUnderline(text)) continue;
    const bool alone = i == 0 || lines[i - 1].text.empty() || isUnderline(lines[i - 1].text);
    const bool underlined = i + 1 < lines.size() && isUnderline(lines[i + 1].text);
    if (text.size() <= kHeadingBytesMax &&
        (first || underlined || (alone && looksLikeHeading(text))))
      kept.push_back(i);
    first = false;
  }
  return kept;
}

Kept outlineOfLines(DocumentKind kind, const Lines& lines) {
  switch (kind) {
    case DocumentKind::kCode:
      return codeOutline(lines);
    case DocumentKind::kMarkdown:
      return markdownOutline(lines);
    case DocumentKind::kText:
    case DocumentKind::kPdf:
      return proseOutline(lines);
  }
  return {};
}

void add(std::vector<ByteRange>& ranges, std::size_t page_begin, const ByteRange& bytes) {
  if (!ranges.empty() && ranges.back().end == bytes.begin && ranges.back().begin >= page_begin)
    ranges.back().end = bytes.end;
  else
    ranges.push_back(bytes);
}

}  // namespace

std::vector<ByteRange> outlineOf(const base::Document& document) {
  std::vector<ByteRange> parts;
  for (const base::Page& page : document.pages) parts.push_back(page.bytes);
  if (parts.empty()) parts.push_back({0, document.text.size()});
  std::vector<ByteRange> ranges;
  for (const ByteRange& part : parts) {
    const Lines lines = linesOf(document.text, part);
    for (const std::size_t i : outlineOfLines(document.kind, lines))
      add(ranges, part.begin, lines[i].bytes);
  }
  return ranges;
}

}  // namespace ingest
