#include "ingest/office/office_text.h"

#include <algorithm>
#include <iterator>

#include "ingest/clean_text.h"
#include "ingest/utf8.h"

namespace ingest {
namespace {

bool isRead(std::string_view name) {
  constexpr std::string_view kParts[] = {"word/document.xml", "word/footnotes.xml",
                                         "word/endnotes.xml", "word/_rels/document.xml.rels",
                                         "content.xml", "META-INF/container.xml",
                                         "META-INF/manifest.xml"};
  constexpr std::string_view kBookParts[] = {".xhtml", ".html", ".htm", ".opf"};
  return std::find(std::begin(kParts), std::end(kParts), name) != std::end(kParts) ||
         std::any_of(std::begin(kBookParts), std::end(kBookParts),
                     [&](std::string_view end) { return name.ends_with(end); });
}

// What may not travel is left out; at most one blank line in a row.
std::string cleaned(std::string_view text) {
  std::string clean;
  while (!text.empty()) {
    const Utf8Step step = nextUtf8(text);
    const char32_t c = step.character.value_or(U'\uFFFD');
    if (c == '\n') {
      while (!clean.empty() && clean.back() == ' ') clean.pop_back();
      if (!clean.empty() && !clean.ends_with("\n\n")) clean += '\n';
    } else if (c == '\t' || isCleanCharacter(c)) {
      appendUtf8(clean, c);
    }
    text.remove_prefix(step.n_bytes);
  }
  while (clean.ends_with('\n')) clean.pop_back();
  if (!clean.empty()) clean += '\n';
  return clean;
}

}  // namespace

tl::expected<std::vector<Section>, Refusal> officeText(int descriptor) {
  const auto package = Package::open(descriptor, isRead);
  if (!package) return tl::unexpected(package.error());
  std::vector<Section> sections;
  if (package->part("word/document.xml")) {
    auto text = docxText(*package);
    if (!text) return tl::unexpected(text.error());
    sections.push_back({"", *std::move(text)});
  } else if (package->part("META-INF/container.xml")) {
    auto chapters = epubText(*package);
    if (!chapters) return tl::unexpected(chapters.error());
    sections = *std::move(chapters);
  } else if (package->part("content.xml")) {
    auto text = odtText(*package);
    if (!text) return tl::unexpected(text.error());
    sections.push_back({"", *std::move(text)});
  } else {
    return tl::unexpected(Refusal::kNotDocument);
  }
  for (Section& section : sections) section.text = cleaned(section.text);
  return sections;
}

}  // namespace ingest
