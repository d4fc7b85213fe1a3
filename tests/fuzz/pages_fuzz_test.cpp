// Pages of characters anywhere, and messages of a reader that lies: what lectern-reader makes of a
// page its parent accepts, and what the parent accepts becomes a document that keeps its promises.
#include <QTest>
#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <tuple>
#include <utility>

#include "ingest/clean_text.h"
#include "ingest/pdf/glyph_words.h"
#include "ingest/pdf/page_text.h"
#include "ingest/pdf_composition.h"
#include "ingest/reader_message.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/test_main.h"

using fuzz::Mutator;
using namespace ingest;
using namespace std::string_literals;

namespace {

bool kept(bool promise, const char* what) {
  if (!promise) QTest::qFail(what, __FILE__, __LINE__);
  return promise;
}

// Mostly what a page can hold, now and then what only a hostile one does.
double anyNumber(Mutator& mutator, double low, double high) {
  constexpr double kOdd[] = {0,    -0.0, 1e-9, -1e-9, 1e6,  -1e6, 1e18, -1e18, 1e300, -1e300,
                             1e38, std::numeric_limits<double>::infinity(),
                             -std::numeric_limits<double>::infinity(),
                             std::numeric_limits<double>::quiet_NaN()};
  if (mutator.below(200) == 0) return kOdd[mutator.below(std::size(kOdd))];
  return mutator.real(low, high);
}

std::u32string anyText(Mutator& mutator) {
  static const std::u32string kTexts[] = {
      U"a",  U"B",  U"e",  U"-",      U"1",      U".",          U"fi",     U"\uFB03", U"\u00B4",
      U" ",  U"",   U"\t", U"\u0301", U"\u4E2D", U"\u3002",     U"\u05D0", U"\u0628", U"\uFE8F",
      U"*",  U"(",  U")",  U"\u2022", U"\u00AD", U"\u202E",     U"\0"s,    U"\uE000", U"\uFFFF",
      U"\n", U"1.", U"[",  U"\u2010", U"\u200B", U"\U000E0041", U"\U0001F600"};
  if (mutator.below(100) == 0)
    return std::u32string(1, static_cast<char32_t>(mutator.below(0x120000)));
  return kTexts[mutator.below(std::size(kTexts))];
}

Glyph anyGlyph(Mutator& mutator, const PageGlyphs& page) {
  Glyph glyph;
  glyph.text = anyText(mutator);
  glyph.x = anyNumber(mutator, -0.1 * page.width, 1.1 * page.width);
  glyph.y = anyNumber(mutator, -0.1 * page.height, 1.1 * page.height);
  glyph.size = anyNumber(mutator, 1, 30);
  glyph.advance = anyNumber(mutator, -5, 20);
  glyph.spacing = mutator.below(4) == 0 ? anyNumber(mutator, -3, 10) : 0;
  glyph.ascent = anyNumber(mutator, 0.8, 1.1);
  glyph.descent = anyNumber(mutator, -0.4, 0);
  glyph.vertical = mutator.below(40) == 0;
  glyph.bold = mutator.below(8) == 0;
  glyph.mono = mutator.below(8) == 0;
  glyph.hidden = mutator.below(40) == 0;
  glyph.invisible = mutator.below(40) == 0;
  constexpr std::pair<double, double> kDirections[] = {{0, 1}, {-1, 0}, {0, -1}, {0.6, 0.8}};
  if (mutator.below(30) == 0)
    std::tie(glyph.direction_x, glyph.direction_y) = kDirections[mutator.below(4)];
  return glyph;
}

// Runs of characters behind each other, and some that stand alone.
PageGlyphs anyPage(Mutator& mutator) {
  PageGlyphs page;
  page.width = mutator.below(10) == 0 ? mutator.real(0.01, kPagePointsMax) : 595;
  page.height = mutator.below(10) == 0 ? mutator.real(0.01, kPagePointsMax) : 842;
  page.image_share = mutator.real(0, 1);
  const std::size_t n_runs = mutator.below(mutator.below(20) == 0 ? 400 : 40);
  for (std::size_t run = 0; run < n_runs; ++run) {
    Glyph glyph = anyGlyph(mutator, page);
    const std::size_t n_glyphs = 1 + mutator.below(30);
    for (std::size_t i = 0; i < n_glyphs; ++i) {
      page.glyphs.push_back(glyph);
      glyph.x += (glyph.advance + glyph.spacing) * glyph.direction_x;
      glyph.y += (glyph.advance + glyph.spacing) * glyph.direction_y;
      glyph.text = anyText(mutator);
      if (mutator.below(12) == 0) glyph.x += glyph.size * mutator.real(-1, 3);
      if (mutator.below(12) == 0) glyph.y += glyph.size * mutator.real(-0.6, 0.6);
      if (mutator.below(12) == 0) glyph.size *= mutator.real(0.6, 1.4);
    }
  }
  return page;
}

// As lectern-reader sends it.
PageText sentPage(PageGlyphs glyphs, int number) {
  PageText page;
  page.number = number;
  page.width = glyphs.width;
  page.height = glyphs.height;
  ReadPage read = readPage(wordsOf(std::move(glyphs)));
  page.text = std::move(read.text);
  page.words = std::move(read.words);
  page.lines = std::move(read.lines);
  page.hyphens = std::move(read.hyphens);
  page.asides = std::move(read.hidden);
  return page;
}

base::Result<ReaderMessage> received(const std::string& message) {
  MessageHeader header;
  if (message.size() < sizeof header) return decodeMessage(99, {});
  std::memcpy(&header, message.data(), sizeof header);
  return decodeMessage(header.kind, std::string_view(message).substr(sizeof header));
}

bool isDocument(const PdfReading& reading, std::size_t n_pages) {
  const base::Document& document = reading.extracted.document;
  std::uint64_t end = 0;
  for (const base::Page& page : document.pages) {
    if (!kept(page.bytes.begin == end && page.bytes.end >= end, "pages do not fill the text"))
      return false;
    end = page.bytes.end;
  }
  if (!kept(document.pages.size() == n_pages && end == document.text.size(), "pages are missing") ||
      !kept(isCleanText(document.text), "text is not clean"))
    return false;
  std::uint64_t last = 0;
  for (const base::SourceSpan& span : document.spans) {
    if (!kept(span.bytes.begin >= last && span.bytes.begin < span.bytes.end &&
                  span.bytes.end <= document.text.size(),
              "spans out of order") ||
        !kept(isCleanText(document.text.substr(span.bytes.begin, span.bytes.size())),
              "a span cuts a character"))
      return false;
    last = span.bytes.end;
  }
  return std::all_of(reading.headings.begin(), reading.headings.end(), [&](const Heading& heading) {
    return kept(heading.bytes.begin <= heading.bytes.end &&
                    heading.bytes.end <= document.text.size() && heading.page >= 1 &&
                    static_cast<std::size_t>(heading.page) <= n_pages,
                "a heading leads nowhere");
  });
}

}  // namespace

class PagesFuzzTest : public QObject {
  Q_OBJECT
 private slots:
  void layouts() {
    fuzz::repeat("layouts", {""}, [](Mutator& mutator) {
      ReadPages read;
      const std::size_t n_pages = 1 + mutator.below(5);
      PageGlyphs glyphs;
      for (std::size_t i = 0; i < n_pages; ++i) {
        // The same page again has heads and feet in common with the one before.
        if (i == 0 || mutator.below(2) == 0) glyphs = anyPage(mutator);
        auto page = received(encodeMessage(sentPage(glyphs, static_cast<int>(i) + 1)));
        if (!kept(page.has_value(), page ? "" : page.error().message.c_str())) return false;
        read.pages.push_back(std::get<PageText>(*std::move(page)));
      }
      return isDocument(composePdf(std::move(read)), n_pages);
    });
  }

  // What is let through once is let through again, unchanged.
  void messages() {
    fuzz::repeat("messages", {""}, [](Mutator& mutator) {
      static std::string body;
      if (body.empty() || mutator.below(50) == 0)
        body = encodeMessage(sentPage(anyPage(mutator), 1)).substr(sizeof(MessageHeader));
      const auto kind = static_cast<std::uint32_t>(mutator.below(3) == 0 ? mutator.below(8) : 1);
      auto message = decodeMessage(kind, mutator.changed(body));
      if (!message) return true;
      const std::string sent = encodeMessage(*message);
      const auto again = received(sent);
      if (!kept(again.has_value(), "refused the second time") ||
          !kept(encodeMessage(*again) == sent, "not the same the second time"))
        return false;
      if (!std::holds_alternative<PageText>(*message)) return true;
      ReadPages read;
      read.pages.push_back(std::get<PageText>(*std::move(message)));
      read.pages.back().number = 1;  // the assembly refuses others
      return isDocument(composePdf(std::move(read)), 1);
    });
  }
};

LECTERN_TEST(PagesFuzzTest)
#include "pages_fuzz_test.moc"
