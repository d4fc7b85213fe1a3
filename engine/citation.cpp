#include "engine/citation.h"

#include <algorithm>

namespace engine {
namespace {

using base::ByteRange;

bool isLineEnd(char c) { return c == '\n' || c == '\r'; }

// The range without the line ends around it.
ByteRange trimmed(std::string_view text, ByteRange range) {
  while (range.begin < range.end && isLineEnd(text[range.begin])) ++range.begin;
  while (range.begin < range.end && isLineEnd(text[range.end - 1])) --range.end;
  return range;
}

// 1-based line of a byte.
int lineOf(std::string_view text, std::size_t at) {
  return 1 + static_cast<int>(
                 std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
}

// Word boxes of one line become one box: a highlight without gaps.
void addBox(const base::Box& box, std::vector<base::Box>& boxes) {
  if (!boxes.empty()) {
    base::Box& last = boxes.back();
    const double height = box.y1 - box.y0;
    const double shared = std::min(last.y1, box.y1) - std::max(last.y0, box.y0);
    if (shared > height / 2 && box.x0 >= last.x0 && box.x0 - last.x1 < height) {
      last = {last.x0, std::min(last.y0, box.y0), std::max(last.x1, box.x1),
              std::max(last.y1, box.y1)};
      return;
    }
  }
  boxes.push_back(box);
}

void addPage(const base::Document& document, base::Citation& citation) {
  for (const base::Page& page : document.pages) {
    if (page.bytes.begin > citation.bytes.begin || page.bytes.end <= citation.bytes.begin) continue;
    citation.page = page.number;
    citation.page_label = page.label;
  }
  auto span = std::partition_point(
      document.spans.begin(), document.spans.end(),
      [&](const base::SourceSpan& s) { return s.bytes.end <= citation.bytes.begin; });
  for (; span != document.spans.end() && span->bytes.begin < citation.bytes.end; ++span)
    for (const base::Box& box : span->boxes) addBox(box, citation.boxes);
}

}  // namespace

void placeIn(const base::Document& document, base::Citation& citation) {
  citation.path = document.path;
  citation.line_start = citation.line_end = citation.page = 0;
  citation.page_label.clear();
  citation.boxes.clear();
  if (!document.pages.empty()) return addPage(document, citation);
  citation.line_start = lineOf(document.text, citation.bytes.begin);
  citation.line_end = lineOf(document.text, citation.bytes.end);
}

base::CitationCheck verifyQuote(std::string_view text, const ByteRange& range,
                                std::string_view quote) {
  const bool inside = range.begin <= range.end && range.end <= text.size();
  return inside && !quote.empty() && text.substr(range.begin, range.size()) == quote
             ? base::CitationCheck::kVerified
             : base::CitationCheck::kUnverified;
}

base::Citation makeCitation(const base::QuoteMatch& match, std::string_view answer_text,
                            const Context& context, const Tokenizer& tokenizer,
                            std::span<const CitedDocument> documents) {
  base::Citation citation;
  citation.n_places = match.n_places;
  if (match.answer.begin > match.answer.end || match.answer.end > answer_text.size())
    return citation;
  citation.answer = trimmed(answer_text, match.answer);
  citation.quote = answer_text.substr(citation.answer.begin, citation.answer.size());

  const std::optional<Place> place = locate(context, tokenizer, match.context);
  if (!place || place->document >= static_cast<int>(documents.size())) return citation;
  const CitedDocument& cited = documents[static_cast<std::size_t>(place->document)];
  const base::Document& document = *cited.document;
  if (place->bytes.end > document.text.size()) return citation;
  citation.document = cited.id;
  citation.bytes = trimmed(document.text, place->bytes);
  citation.check = verifyQuote(document.text, citation.bytes, citation.quote);
  placeIn(document, citation);
  return citation;
}

}  // namespace engine
