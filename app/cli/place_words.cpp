#include "app/cli/place_words.h"

#include <cmath>
#include <utility>

#include "engine/receipt_text.h"
#include "engine/utf8.h"

namespace app {
namespace {

std::string boxWords(const base::Box& box) {
  std::string words = "(";
  for (const double edge : {box.x0, box.y0, box.x1, box.y1})
    words += (words.size() > 1 ? ", " : "") + std::to_string(std::llround(edge));
  return words + ")";
}

}  // namespace

std::string placeWords(const base::Citation& citation) {
  std::string words = engine::oneLine(citation.path);
  if (citation.path.empty()) return "in no document";
  if (citation.page == 0) {
    words += ":" + std::to_string(citation.line_start);
    if (citation.line_end > citation.line_start) words += "-" + std::to_string(citation.line_end);
    return words;
  }
  words += ", page " + std::to_string(citation.page);
  for (const base::Box& box : citation.boxes) words += " " + boxWords(box);
  return words;
}

std::string citationWords(const base::Citation& citation) {
  std::string words = "[" + std::string(base::citationCheckName(citation.check)) + "] \"" +
                      engine::oneLine(citation.quote) + "\" - " + placeWords(citation);
  if (citation.n_places > 1)
    words += " (and " + std::to_string(citation.n_places - 1) + " other places)";
  return words;
}

// Markers come whole: the decode loop writes each in one piece.
std::string AnswerWords::push(std::string_view text) {
  std::string words;
  while (!text.empty()) {
    if (text.starts_with(base::kQuoteOpen)) {
      words += "\u201c";
      in_quote_ = at_start_ = true;
      text.remove_prefix(base::kQuoteOpen.size());
      continue;
    }
    if (text.starts_with(base::kQuoteClose)) {
      words += "\u201d";
      in_quote_ = false;
      blanks_.clear();
      text.remove_prefix(base::kQuoteClose.size());
      continue;
    }
    std::size_t n_bytes = 0;
    engine::nextCodePoint(text, n_bytes);
    const std::string_view character = text.substr(0, n_bytes);
    text.remove_prefix(n_bytes);
    if (character == "\r") continue;
    const bool is_blank = character == " " || character == "\n" || character == "\t";
    if (in_quote_ && is_blank) {
      if (!at_start_) blanks_ += character;
      continue;
    }
    words += std::exchange(blanks_, {});
    words += is_blank || character == "\\" ? std::string(character) : engine::oneLine(character);
    at_start_ = false;
  }
  return words;
}

std::string answerWords(std::string_view text) { return AnswerWords().push(text); }

}  // namespace app
