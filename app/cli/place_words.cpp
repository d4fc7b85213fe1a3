#include "app/cli/place_words.h"

#include <cmath>

#include "engine/receipt_text.h"

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

std::string answerWords(std::string text) {
  const auto replace = [&](std::string_view marker, std::string_view words) {
    for (std::size_t at = 0; (at = text.find(marker, at)) != std::string::npos; at += words.size())
      text.replace(at, marker.size(), words);
  };
  replace(base::kQuoteOpen, "\u201c");
  replace(base::kQuoteClose, "\u201d");
  return text;
}

}  // namespace app
