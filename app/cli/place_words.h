// place_words.h: where a quote stands, in words.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/answer.h"

namespace app {

// "gateway/src/queue.h:12-14", "handbook.pdf, page 3 (72, 100, 300, 112)".
std::string placeWords(const base::Citation& citation);
// "[verified] "quote" - place", on one line.
std::string citationWords(const base::Citation& citation);

// An answer for a terminal, piece by piece: quotation marks instead of the markers, without the
// blanks and line ends a quote begins or ends with. What would steer the terminal is spelt out.
// `text` is whole characters.
class AnswerWords {
 public:
  std::string push(std::string_view text);

 private:
  bool in_quote_ = false, at_start_ = false;
  std::string blanks_;  // inside a quote, not known yet whether they end it
};

// The whole answer at once.
std::string answerWords(std::string_view text);

}  // namespace app
