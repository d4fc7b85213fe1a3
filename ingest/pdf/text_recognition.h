// text_recognition.h: scans to words, with Tesseract where it is installed.
//
// The library is loaded at run time: Lectern neither needs nor links it. It works inside the
// sandbox like everything else that looks at foreign bytes.
#pragma once

#include <memory>
#include <optional>

#include "ingest/pdf/page_word.h"
#include "ingest/reader_message.h"

namespace ingest {

class TextRecognition {
 public:
  TextRecognition();
  ~TextRecognition();
  TextRecognition(const TextRecognition&) = delete;
  TextRecognition& operator=(const TextRecognition&) = delete;

  // Whether there is a language to read in. Cheap.
  bool isInstalled() const;
  // Loads the library and the languages; false where that fails. Slow once.
  bool ready();

  // Words in page points. Empty when nothing was recognised. Needs ready().
  PageWords wordsOn(const RenderedPage& image);

 private:
  struct Tesseract;
  std::unique_ptr<Tesseract> tesseract_;
  bool tried_ = false;
};

}  // namespace ingest
