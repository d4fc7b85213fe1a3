#include "ingest/pdf_composition.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "ingest/page_furniture.h"

namespace ingest {
namespace {

constexpr double kHeadingSize = 1.15;  // of the document's text
constexpr std::size_t kHeadingBytesMax = 160;
constexpr std::size_t kHeadingLevels = 6;
constexpr std::size_t kSizesMax = 24;  // of headings; beyond it is a poster
constexpr std::size_t kNoteBytesShown = 200;
constexpr int kNotesShownMax = 20;

// First halves after which a hyphen belongs to the word.
bool isCompoundBegin(std::string_view half) {
  static const std::unordered_set<std::string_view> kHalves = {
      "well",  "self",   "ill",    "all",    "half",  "high",  "low",   "long", "short",  "full",
      "cross", "first",  "second", "third",  "one",   "two",   "three", "four", "five",   "six",
      "left",  "right",  "top",    "user",   "real",  "mid",   "non",   "so",   "ex",     "co",
      "quasi", "pseudo", "hard",   "open",   "built", "large", "small", "fine", "single", "double",
      "multi", "much",   "best",   "better", "state", "end",   "point", "cost", "time",   "data",
      "case",  "zero",   "read",   "write", "copy",  "line",  "word", "byte",   "bit"};
  return kHalves.contains(half);
}

bool isLetterByte(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || (c & 0x80) != 0;
}

std::string lowered(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

// Runs of letters, with single hyphens inside, and where each begins.
template <class Take>
void forEachWord(std::string_view text, Take take) {
  for (std::size_t begin = 0; begin < text.size();) {
    if (!isLetterByte(text[begin])) {
      ++begin;
      continue;
    }
    std::size_t end = begin;
    while (end < text.size() &&
           (isLetterByte(text[end]) ||
            (text[end] == '-' && end + 1 < text.size() && isLetterByte(text[end + 1]))))
      ++end;
    take(begin, text.substr(begin, end - begin));
    begin = end;
  }
}

// What the document itself says about its words, lines' ends aside.
class Vocabulary {
 public:
  explicit Vocabulary(const std::vector<PageText>& pages) {
    // Only words that stand at a line end anywhere need to be known.
    for (const PageText& page : pages)
      for (const std::uint32_t at : page.hyphens) {
        const auto [first, second] = halves(page.text, at);
        asked_.insert(lowered(first) + "-" + lowered(second));
        asked_.insert(lowered(first) + lowered(second));
        asked_.insert(lowered(first));
        asked_.insert(lowered(second));
      }
    if (asked_.empty()) return;
    for (const PageText& page : pages) learn(page);
  }

  bool hyphenStays(const PageText& page, std::uint32_t at) const {
    const auto [first, second] = halves(page.text, at);
    if (second.empty()) return true;  // mid-1990s
    const std::string a = lowered(first), b = lowered(second);
    if (known_.contains(a + "-" + b)) return true;
    if (known_.contains(a + b)) return false;
    // e-mail, X-ray; Anglo-American.
    if (first.size() < 2) return true;
    if (std::isupper(static_cast<unsigned char>(second[0])) != 0 &&
        std::isupper(static_cast<unsigned char>(first.back())) == 0)
      return true;
    if (hasHyphenBefore(page.text, at)) return true;
    if (isCompoundBegin(a)) return true;
    return known_.contains(a) && known_.contains(b) && a.size() > 3 && b.size() > 3;
  }

 private:
  // The letters on both sides of a hyphen.
  static std::pair<std::string_view, std::string_view> halves(std::string_view text,
                                                              std::uint32_t at) {
    std::size_t begin = at, end = at + 1;
    while (begin > 0 && isLetterByte(text[begin - 1])) --begin;
    while (end < text.size() && isLetterByte(text[end])) ++end;
    return {text.substr(begin, at - begin), text.substr(at + 1, end - at - 1)};
  }

  // state-of-the-: a word that has hyphens already.
  static bool hasHyphenBefore(std::string_view text, std::uint32_t at) {
    std::size_t begin = at;
    while (begin > 0 && isLetterByte(text[begin - 1])) --begin;
    return begin > 1 && text[begin - 1] == '-' && isLetterByte(text[begin - 2]);
  }

  void learn(const PageText& page) {
    forEachWord(page.text, [&](std::size_t begin, std::string_view word) {
      const auto next = std::lower_bound(page.hyphens.begin(), page.hyphens.end(),
                                         static_cast<std::uint32_t>(begin));
      if (next != page.hyphens.end() && *next < begin + word.size()) return;
      std::string lower = lowered(word);
      if (asked_.contains(lower)) known_.insert(std::move(lower));
    });
  }

  std::unordered_set<std::string> asked_, known_;
};

// Bytes of a page that do not come into the text, sorted and disjoint.
class Cuts {
 public:
  void add(std::size_t begin, std::size_t end) {
    if (!cuts_.empty() && begin <= cuts_.back().end)
      cuts_.back().end = std::max(cuts_.back().end, end);
    else
      cuts_.push_back({begin, end, 0});
  }
  void finish() {
    std::size_t n_cut = 0;
    for (Cut& cut : cuts_) {
      cut.n_before = n_cut;
      n_cut += cut.end - cut.begin;
    }
  }
  // Where a byte of the page comes to stand; the begin of the cut for those that are cut.
  std::size_t moved(std::size_t at) const {
    const auto after =
        std::upper_bound(cuts_.begin(), cuts_.end(), at,
                         [](std::size_t value, const Cut& cut) { return value < cut.begin; });
    if (after == cuts_.begin()) return at;
    const Cut& cut = *(after - 1);
    return std::max(at, cut.end) - cut.n_before - (cut.end - cut.begin);
  }
  std::string apply(const std::string& text) const {
    std::string kept;
    std::size_t begin = 0;
    for (const Cut& cut : cuts_) {
      kept.append(text, begin, cut.begin - begin);
      begin = cut.end;
    }
    return kept.append(text, begin);
  }

 private:
  struct Cut {
    std::size_t begin, end, n_before;
  };
  std::vector<Cut> cuts_;
};

bool isBlank(char c) { return c == ' ' || c == '\t' || c == '\n'; }

// Where the blanks before a line begin.
std::size_t beforeBlanks(const std::string& text, std::size_t begin) {
  while (begin > 0 && isBlank(text[begin - 1])) --begin;
  return begin;
}

Aside asideOf(const PageAside& aside, int page) {
  constexpr Aside::Kind kKinds[] = {Aside::Kind::kHidden, Aside::Kind::kNote, Aside::Kind::kLink,
                                    Aside::Kind::kField};
  return {page, kKinds[static_cast<std::size_t>(aside.kind)], aside.text, aside.target, aside.box};
}

class Composer {
 public:
  explicit Composer(ReadPages read)
      : read_(std::move(read)), furniture_(furnitureOf(read_.pages)), vocabulary_(read_.pages) {}

  PdfReading compose() {
    for (std::size_t i = 0; i < read_.pages.size(); ++i) addPage(i);
    addHeadings();
    reading_.extracted.diagnostics = std::move(read_.diagnostics);
    tellFurniture();
    tellNotes();
    gatherScans();
    return std::move(reading_);
  }

 private:
  // A heading to be: a line of which the document does not know yet how large its text is.
  struct Candidate {
    double size;
    bool bold;
    int page;
    double y;
    base::ByteRange bytes;
  };

  void addPage(std::size_t index) {
    PageText& page = read_.pages[index];
    base::Document& document = reading_.extracted.document;
    const std::size_t begin = document.text.size();
    base::Page& added = document.pages.emplace_back();
    added.number = page.number;
    added.label = std::move(page.label);
    added.width = page.width;
    added.height = page.height;
    for (const PageAside& aside : page.asides)
      reading_.asides.push_back(asideOf(aside, page.number));

    const Cuts cuts = cutsOf(page, furniture_[index]);
    std::string text = cuts.apply(page.text);
    if (std::all_of(text.begin(), text.end(), isBlank)) text.clear();
    for (const PlacedWord& word : page.words) {
      const std::size_t word_begin = cuts.moved(word.begin), word_end = cuts.moved(word.end);
      if (word_begin == word_end || text.empty()) continue;
      document.spans.push_back({.bytes = {begin + word_begin, begin + word_end},
                                .page = page.number,
                                .boxes = {word.box}});
    }
    for (const PageLine& line : page.lines) {
      const std::size_t line_begin = cuts.moved(line.begin), line_end = cuts.moved(line.end);
      if (line_begin == line_end || text.empty()) continue;
      n_bytes_of_size_[std::lround(line.size * 10)] += line_end - line_begin;
      candidates_.push_back({line.size,
                             line.bold && !line.mono,
                             page.number,
                             line.box.y0,
                             {begin + line_begin, begin + line_end}});
    }
    document.text += text;
    added.bytes = {begin, document.text.size()};
    // The raw page is not needed any more; a long book has many.
    page = PageText{};
  }

  Cuts cutsOf(const PageText& page, const std::vector<std::size_t>& furniture) {
    std::map<std::size_t, std::size_t> ranges;  // begin to end
    for (const std::size_t i : furniture) {
      const PageLine& line = page.lines[i];
      const std::size_t begin = beforeBlanks(page.text, line.begin);
      ranges[begin] = std::max<std::size_t>(ranges[begin], line.end);
      reading_.asides.push_back({page.number,
                                 Aside::Kind::kFurniture,
                                 page.text.substr(line.begin, line.end - line.begin),
                                 {},
                                 line.box});
    }
    cutHead(page.text, ranges);
    for (const std::uint32_t at : page.hyphens)
      if (!vocabulary_.hyphenStays(page, at))
        ranges[at] = std::max<std::size_t>(ranges[at], at + 1);
    Cuts cuts;
    for (const auto& [begin, end] : ranges) cuts.add(begin, end);
    cuts.finish();
    n_furniture_ += furniture.empty() ? 0 : 1;
    return cuts;
  }

  // Blank lines behind what is cut from the head of the page.
  static void cutHead(const std::string& text, std::map<std::size_t, std::size_t>& ranges) {
    std::size_t head = 0;
    for (auto& [begin, end] : ranges) {
      if (begin > head) return;
      std::size_t next = end;
      while (next < text.size() && isBlank(text[next])) ++next;
      // The blanks before a line of code are its indent.
      while (next > end && text[next - 1] != '\n') --next;
      end = std::max(end, next);
      head = std::max(head, end);
    }
  }

  double bodySize() const {
    const auto most =
        std::max_element(n_bytes_of_size_.begin(), n_bytes_of_size_.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    return most == n_bytes_of_size_.end() ? 0 : static_cast<double>(most->first) / 10;
  }

  // Letters and digits only, so that "1.1 Über" and "1.1  Über:" agree.
  static std::string folded(std::string_view title) {
    std::string key;
    for (const char c : title)
      if (isLetterByte(c) || std::isdigit(static_cast<unsigned char>(c)) != 0)
        key += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return key;
  }

  std::string titleAt(const base::ByteRange& bytes) const {
    std::string title = reading_.extracted.document.text.substr(bytes.begin, bytes.size());
    for (char& c : title)
      if (c == '\n' || c == '\t') c = ' ';
    return title;
  }

  // A line by itself: its neighbours in the text are line ends.
  bool standsAlone(const base::ByteRange& bytes) const {
    const std::string& text = reading_.extracted.document.text;
    return (bytes.begin == 0 || text[bytes.begin - 1] == '\n') &&
           (bytes.end == text.size() || text[bytes.end] == '\n');
  }

  void addHeadings() {
    if (!read_.outline.items.empty())
      addOutline();
    else
      addLargeLines();
  }

  // The outline's titles, each at the line of its page that says it.
  void addOutline() {
    std::map<int, std::vector<const Candidate*>> of_page;
    for (const Candidate& candidate : candidates_) of_page[candidate.page].push_back(&candidate);
    for (const OutlineItem& item : read_.outline.items) {
      if (item.page == 0 || item.title.empty()) continue;
      Heading heading{.level = item.level, .title = item.title, .page = item.page, .bytes = {}};
      const std::size_t page_begin =
          reading_.extracted.document.pages[static_cast<std::size_t>(item.page - 1)].bytes.begin;
      heading.bytes = {page_begin, page_begin};
      const std::string wanted = folded(item.title);
      double nearest = 1e9;
      for (const Candidate* candidate : of_page[item.page]) {
        const std::string said = folded(titleAt(candidate->bytes));
        if (said.empty() || wanted.empty()) continue;
        const bool same = said == wanted || (said.size() > 3 && wanted.ends_with(said)) ||
                          (wanted.size() > 3 && said.ends_with(wanted));
        const double distance = std::abs(candidate->y - item.y);
        if (same && distance < nearest) {
          nearest = distance;
          heading.bytes = candidate->bytes;
        }
      }
      reading_.headings.push_back(std::move(heading));
    }
  }

  // Without an outline: short lines larger than the text, or bold; the larger the higher.
  void addLargeLines() {
    const double body = bodySize();
    std::set<long, std::greater<>> sizes;
    std::vector<const Candidate*> large;
    for (const Candidate& candidate : candidates_) {
      const bool is_large = candidate.size >= kHeadingSize * body;
      if (candidate.bytes.size() > kHeadingBytesMax || candidate.bytes.size() < 2 ||
          !standsAlone(candidate.bytes) ||
          !(is_large || (candidate.bold && candidate.size >= body)))
        continue;
      sizes.insert(std::lround(candidate.size * 10));
      large.push_back(&candidate);
    }
    if (sizes.size() > kSizesMax) return;
    for (const Candidate* candidate : large) {
      const auto rank = std::distance(sizes.begin(), sizes.find(std::lround(candidate->size * 10)));
      reading_.headings.push_back(
          {.level = static_cast<int>(std::min<std::ptrdiff_t>(rank, kHeadingLevels - 1)),
           .title = titleAt(candidate->bytes),
           .page = candidate->page,
           .bytes = candidate->bytes});
    }
  }

  void tellFurniture() {
    if (n_furniture_ == 0) return;
    reading_.extracted.diagnostics.push_back(
        {"furniture",
         "Running heads, feet and page numbers of " + std::to_string(n_furniture_) +
             (n_furniture_ == 1 ? " page" : " pages") + " are not part of the text.",
         0});
  }

  // Notes are said where the receipt can say them: they are not the author's text.
  void tellNotes() {
    int n_shown = 0;
    for (const Aside& aside : reading_.asides) {
      if (aside.kind != Aside::Kind::kNote || n_shown++ >= kNotesShownMax) continue;
      std::string text = aside.text.substr(0, kNoteBytesShown);
      while (!text.empty() && text.size() < aside.text.size() && (text.back() & 0x80) != 0)
        text.pop_back();
      reading_.extracted.diagnostics.push_back(
          {"note", "A note on the page says: " + text, aside.page});
    }
  }

  // A scan has no text on any page: one sentence instead of one per page.
  void gatherScans() {
    auto& diagnostics = reading_.extracted.diagnostics;
    const auto is_picture = [](const base::Diagnostic& d) { return d.code == "no_text_layer"; };
    const auto first = std::find_if(diagnostics.begin(), diagnostics.end(), is_picture);
    if (!reading_.extracted.document.text.empty() || first == diagnostics.end()) return;
    std::string message = "The document is a scan: no page has text.";
    if (first->message.find("tesseract") != std::string::npos)
      message += " With the package tesseract-ocr installed, scans are read.";
    std::erase_if(diagnostics, is_picture);
    diagnostics.push_back({"no_text_layer", std::move(message), 0});
  }

  ReadPages read_;
  const std::vector<std::vector<std::size_t>> furniture_;
  const Vocabulary vocabulary_;
  PdfReading reading_;
  std::vector<Candidate> candidates_;
  std::map<long, std::size_t> n_bytes_of_size_;
  int n_furniture_ = 0;  // pages
};

}  // namespace

PdfReading composePdf(ReadPages read) { return Composer(std::move(read)).compose(); }

}  // namespace ingest
