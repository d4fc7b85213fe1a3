// place_words.h: where a quote stands, in words.
#pragma once

#include <string>

#include "engine/base/answer.h"

namespace app {

// "gateway/src/queue.h:12-14", "handbook.pdf, page 3 (72, 100, 300, 112)".
std::string placeWords(const base::Citation& citation);
// "[verified] "quote" - place", on one line.
std::string citationWords(const base::Citation& citation);

// The answer for a terminal: quotes in quotation marks instead of their markers.
std::string answerWords(std::string text);

}  // namespace app
