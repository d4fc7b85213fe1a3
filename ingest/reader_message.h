// reader_message.h: what lectern-reader says to its parent.
//
// A message is a header {kind: u32, n_bytes: u32} and n_bytes of body, numbers in machine order.
// Text travels once per page; words are offsets into it. The reader is not trusted: it names
// what is wrong by number, never in sentences of its own, and decodeMessage() lets nothing
// through that breaks a promise of the values below.
//
//   text:   DocumentHead, then PageRemark and PageText per page in order, then Finished
//   image:  DocumentHead, RenderedPage, Finished
//   either: Refusal instead of the rest
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/base/result.h"
#include "engine/base/span.h"

namespace ingest {

// How much the kernel keeps from the reader.
enum class SandboxLevel : std::uint32_t {
  kRlimits,   // time, memory, writing
  kSyscalls,  // and network, processes, opening for writing (seccomp)
  kFull,      // and every file but fonts and libraries (Landlock)
};

enum class Refusal : std::uint32_t {
  kNotPdf,       // nothing in the file looks like a PDF
  kDamaged,      // it does, but Poppler cannot open it
  kLocked,       // needs a password
  kUnsupported,  // encryption Poppler does not know
  kNoPages,
  kTooManyPages,
  kNoSuchPage,
  kImageTooLarge,
  kNotDocument,      // an archive, but no docx, odt or epub
  kArchiveTooLarge,  // unpacks to more than a document has
  kArchivePath,      // names in it lead elsewhere, or stand for two things
  kXmlEntities,      // defines entities, as only bombs do
};

enum class Remark : std::uint32_t {
  kRepaired,               // Poppler had to rebuild the file's structure
  kNotPermitted,           // the author forbids copying
  kNoTextLayer,            // the page shows something but has no text
  kUnmappedGlyphs,         // glyphs without a character; they are U+FFFD in the text
  kOffPageText,            // text outside of the visible page was left out
  kPageDamaged,            // Poppler could not load the page
};

// Where a word is. Invariant (decodeMessage): the words of a page are sorted, do not overlap, lie
// inside the text and on character boundaries; boxes are finite, ordered and inside the page.
struct PlacedWord {
  std::uint32_t begin = 0, end = 0;  // bytes of PageText::text
  base::Box box;
};

struct DocumentHead {
  int n_pages = 0;
  SandboxLevel sandbox = SandboxLevel::kRlimits;
};

struct PageText {
  int number = 0;     // 1-based
  std::string label;  // empty when it is the number
  double width = 0, height = 0;
  std::string text;   // clean (clean_text.h); ends with a line feed unless empty
  std::vector<PlacedWord> words;
};

struct PageRemark {
  Remark remark = Remark::kRepaired;
  int page = 0;  // 0: the document
};

struct RenderedPage {
  int number = 0;
  std::string label;
  double width = 0, height = 0;
  double scale = 0;
  int width_px = 0, height_px = 0;
  std::string rgb;
};

struct Finished {};

using ReaderMessage =
    std::variant<DocumentHead, PageText, PageRemark, RenderedPage, Refusal, Finished>;

struct MessageHeader {
  std::uint32_t kind = 0;  // index in ReaderMessage
  std::uint32_t n_bytes = 0;
};

inline constexpr std::uint64_t kImagePixelsMax = 25'000'000;
inline constexpr std::uint32_t kMessageBytesMax = kImagePixelsMax * 3 + 4096;
inline constexpr double kPagePointsMax = 1e6;  // width and height of a page
inline constexpr std::size_t kLabelBytesMax = 64;

// Header and body.
std::string encodeMessage(const ReaderMessage& message);

// kInvalidInput when anything about it is wrong.
base::Result<ReaderMessage> decodeMessage(std::uint32_t kind, std::string_view body);

}  // namespace ingest
