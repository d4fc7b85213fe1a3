#include "ingest/pdf/text_recognition.h"

#include <dlfcn.h>

#include <QList>
#include <QString>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

namespace ingest {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLibrary = "libtesseract.so.5";
constexpr const char* kLanguages = "/usr/share/tesseract-ocr/5/tessdata";
constexpr std::size_t kLanguagesMax = 4;  // each costs time on every page
constexpr float kConfidenceMin = 25;      // of 100; below it is dirt and pictures

// From Tesseract's C interface, which has kept its binary form through version 5.
constexpr int kTextLine = 2, kWord = 3;

// "eng+deu"; files for orientation and formulas are no languages.
std::string installedLanguages() {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(kLanguages, error)) {
    const std::string name = entry.path().stem().string();
    if (entry.path().extension() == ".traineddata" && name != "osd" && name != "equ")
      names.push_back(name);
  }
  std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
    return std::pair(a != "eng", a) < std::pair(b != "eng", b);
  });
  std::string joined;
  for (std::size_t i = 0; i < std::min(names.size(), kLanguagesMax); ++i)
    joined += (i > 0 ? "+" : "") + names[i];
  return joined;
}

}  // namespace

struct TextRecognition::Tesseract {
  void* library = nullptr;
  void* engine = nullptr;

  void* (*create)() = nullptr;
  int (*init)(void*, const char*, const char*) = nullptr;
  void (*set_image)(void*, const unsigned char*, int, int, int, int) = nullptr;
  void (*set_resolution)(void*, int) = nullptr;
  int (*recognise)(void*, void*) = nullptr;
  void* (*iterator)(void*) = nullptr;
  void (*delete_iterator)(void*) = nullptr;
  void* (*page_iterator)(void*) = nullptr;
  int (*box)(const void*, int, int*, int*, int*, int*) = nullptr;
  int (*is_at_begin)(const void*, int) = nullptr;
  char* (*text)(const void*, int) = nullptr;
  float (*confidence)(const void*, int) = nullptr;
  int (*next)(void*, int) = nullptr;
  void (*delete_text)(const char*) = nullptr;

  template <class Function>
  bool find(const char* name, Function& function) {
    function = reinterpret_cast<Function>(::dlsym(library, name));
    return function != nullptr;
  }

  bool load() {
    // Threads of its own would only compete with the readers of other pages.
    ::setenv("OMP_THREAD_LIMIT", "1", 1);
    library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
    return library != nullptr && find("TessBaseAPICreate", create) &&
           find("TessBaseAPIInit3", init) && find("TessBaseAPISetImage", set_image) &&
           find("TessBaseAPISetSourceResolution", set_resolution) &&
           find("TessBaseAPIRecognize", recognise) && find("TessBaseAPIGetIterator", iterator) &&
           find("TessResultIteratorDelete", delete_iterator) &&
           find("TessResultIteratorGetPageIterator", page_iterator) &&
           find("TessPageIteratorBoundingBox", box) &&
           find("TessPageIteratorIsAtBeginningOf", is_at_begin) &&
           find("TessResultIteratorGetUTF8Text", text) &&
           find("TessResultIteratorConfidence", confidence) &&
           find("TessResultIteratorNext", next) && find("TessDeleteText", delete_text);
  }

  bool start() {
    const std::string languages = installedLanguages();
    if (languages.empty() || !load()) return false;
    engine = create();
    return engine != nullptr && init(engine, kLanguages, languages.c_str()) == 0;
  }
};

TextRecognition::TextRecognition() = default;
TextRecognition::~TextRecognition() = default;

bool TextRecognition::isInstalled() const { return !installedLanguages().empty(); }

bool TextRecognition::ready() {
  if (!tried_) {
    tried_ = true;
    tesseract_ = std::make_unique<Tesseract>();
    if (!tesseract_->start()) tesseract_.reset();
  }
  return tesseract_ != nullptr;
}

PageWords TextRecognition::wordsOn(const RenderedPage& image) {
  PageWords page{.width = image.width, .height = image.height, .words = {}};
  Tesseract& tesseract = *tesseract_;
  tesseract.set_image(tesseract.engine, reinterpret_cast<const unsigned char*>(image.rgb.data()),
                      image.width_px, image.height_px, 3, 3 * image.width_px);
  tesseract.set_resolution(tesseract.engine, static_cast<int>(72 * image.scale));
  if (tesseract.recognise(tesseract.engine, nullptr) != 0) return page;
  void* at = tesseract.iterator(tesseract.engine);
  if (at == nullptr) return page;
  int line = 0;
  do {
    const void* place = tesseract.page_iterator(at);
    if (tesseract.is_at_begin(place, kTextLine) != 0) ++line;
    int x0 = 0, y0 = 0, x1 = 0, y1 = 0;
    char* text = tesseract.text(at, kWord);
    if (text != nullptr && tesseract.confidence(at, kWord) >= kConfidenceMin &&
        tesseract.box(place, kWord, &x0, &y0, &x1, &y1) != 0) {
      const QList<uint> characters = QString::fromUtf8(text).toUcs4();
      PageWord word;
      word.text.assign(characters.begin(), characters.end());
      word.box = {x0 / image.scale, y0 / image.scale, x1 / image.scale, y1 / image.scale};
      word.line = line;
      word.space_after = true;
      page.words.push_back(std::move(word));
    }
    tesseract.delete_text(text);
  } while (tesseract.next(at, kWord) != 0);
  tesseract.delete_iterator(at);
  // The lines of a scan have one size, whatever letters they are made of.
  for (std::size_t begin = 0; begin < page.words.size();) {
    std::size_t end = begin;
    double height = 0;
    for (; end < page.words.size() && page.words[end].line == page.words[begin].line; ++end)
      height = std::max(height, page.words[end].box.y1 - page.words[end].box.y0);
    for (std::size_t i = begin; i < end; ++i) page.words[i].size = height;
    begin = end;
  }
  return page;
}

}  // namespace ingest
