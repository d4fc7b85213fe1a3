// reader_message.h: what lectern-reader says to its parent.
//
// A message is a header {kind: u32, n_bytes: u32} and n_bytes of body, numbers in machine order.
// Text travels once per page; words are offsets into it. The reader is not trusted: it names
// what is wrong by number, never in sentences of its own, and decodeMessage() lets nothing
// through that breaks a promise of the values below.
//
//   text:   DocumentHead, Outline, then PageRemark and PageText per page in order, then Finished
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
  kPageTooLarge,           // its program inflates to more than kPageProgramBytesMax
  kHiddenText,             // text nobody sees was left out: white, tiny, clipped, without ink
  kOcrLayer,               // a scan; its text is what some program recognised
  kRecognised,             // a scan; its text was recognised here
  kNoRecognition,          // a scan without text, and no Tesseract on this machine
  kActiveContent,          // scripts, programs to start, forms to send: none of it was done
  kPageCountWrong,         // the file promises pages it does not have
};
inline constexpr Remark kLastRemark = Remark::kPageCountWrong;

// Where a word is. Invariant (decodeMessage): the words of a page are sorted, do not overlap, lie
// inside the text and on character boundaries; boxes are finite, ordered and inside the page.
struct PlacedWord {
  std::uint32_t begin = 0, end = 0;  // bytes of PageText::text
  base::Box box;
};

// A line as it is set on the page. Invariant (decodeMessage): as for words; lines do not overlap.
struct PageLine {
  std::uint32_t begin = 0, end = 0;  // bytes of PageText::text
  base::Box box;
  double size = 0;  // of its font in points
  bool bold = false, mono = false;
};

// What belongs to a page and not to its reading text.
struct PageAside {
  enum class Kind : std::uint32_t { kHidden, kNote, kLink, kField };
  Kind kind = Kind::kHidden;
  std::string text;    // of the note; value of the field; what the link covers is in the text
  std::string target;  // where the link leads; name of the field
  base::Box box;
};

struct OutlineItem {
  int level = 0;  // 0: topmost
  std::string title;
  int page = 0;   // 0: leads to no page
  double y = 0;   // points from the top of that page
};

struct Outline {
  std::vector<OutlineItem> items;
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
  std::vector<PageLine> lines = {};
  // Bytes in `text` that are hyphens at former line ends: some belong to the word, some do not.
  std::vector<std::uint32_t> hyphens = {};
  std::vector<PageAside> asides = {};
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
    std::variant<DocumentHead, PageText, PageRemark, RenderedPage, Refusal, Finished, Outline>;

struct MessageHeader {
  std::uint32_t kind = 0;  // index in ReaderMessage
  std::uint32_t n_bytes = 0;
};

inline constexpr std::uint64_t kImagePixelsMax = 25'000'000;
inline constexpr std::uint32_t kMessageBytesMax = kImagePixelsMax * 3 + 4096;
inline constexpr double kPagePointsMax = 1e6;  // width and height of a page
inline constexpr std::size_t kLabelBytesMax = 64;
inline constexpr std::size_t kAsideBytesMax = 4096;     // text and target, each
inline constexpr std::size_t kAsidesMax = 4000;         // of a page
inline constexpr std::size_t kOutlineItemsMax = 20'000;
inline constexpr std::size_t kTitleBytesMax = 512;
inline constexpr std::uint64_t kPageProgramBytesMax = std::uint64_t{96} << 20;

// Header and body.
std::string encodeMessage(const ReaderMessage& message);

// kInvalidInput when anything about it is wrong.
base::Result<ReaderMessage> decodeMessage(std::uint32_t kind, std::string_view body);

}  // namespace ingest
