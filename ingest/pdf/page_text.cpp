#include "ingest/pdf/page_text.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "ingest/clean_text.h"
#include "ingest/pdf/reading_order.h"
#include "ingest/pdf/text_rows.h"
#include "ingest/pdf/word_text.h"

namespace ingest {
namespace {

using base::Box;

// Two pieces of one row nearer than this, in line heights, are words of one sentence.
constexpr double kCellGap = 0.9;
constexpr int kIndentMax = 200;           // blanks before a line of code
constexpr std::size_t kHiddenMax = 1000;  // lines that are listed
constexpr double kBlankWidth = 0.6;       // of a character of code, in font sizes

bool isFinite(const Box& box) {
  return std::isfinite(box.x0) && std::isfinite(box.y0) && std::isfinite(box.x1) &&
         std::isfinite(box.y1);
}

// Cut to the page; empty (x1 < x0) when the middle of the word is not on it.
Box visiblePart(const Box& box, double width, double height) {
  const double x = (box.x0 + box.x1) / 2, y = (box.y0 + box.y1) / 2;
  if (!isFinite(box) || box.x1 < box.x0 || box.y1 < box.y0 || x < 0 || x > width || y < 0 ||
      y > height)
    return {1, 1, 0, 0};
  return {std::clamp(box.x0, 0.0, width), std::clamp(box.y0, 0.0, height),
          std::clamp(box.x1, 0.0, width), std::clamp(box.y1, 0.0, height)};
}

Box around(const Box& a, const Box& b) {
  return {std::min(a.x0, b.x0), std::min(a.y0, b.y0), std::max(a.x1, b.x1), std::max(a.y1, b.y1)};
}

bool hasRightToLeft(const PageWord& word) {
  return std::any_of(word.text.begin(), word.text.end(), isRightToLeft);
}

bool hasLeftToRight(const PageWord& word) {
  return std::any_of(word.text.begin(), word.text.end(), isLeftToRight);
}

// A space belongs between the same two words whichever of them comes first.
void reverseWords(std::vector<PageWord>& words, std::size_t begin, std::size_t end) {
  for (std::size_t i = end - 1; i > begin; --i) words[i].space_after = words[i - 1].space_after;
  std::reverse(words.begin() + static_cast<std::ptrdiff_t>(begin),
               words.begin() + static_cast<std::ptrdiff_t>(end));
}

// A line with right-to-left words is turned: as a whole where they are the majority, else only the
// runs of them. Numbers belong to the words around them.
void turn(TextLine& line) {
  std::size_t n_right = 0, n_left = 0;
  for (PageWord& word : line.words) {
    n_right += hasRightToLeft(word);
    n_left += hasLeftToRight(word) && !hasRightToLeft(word);
    word.text = toReadingOrder(word.text);
  }
  if (n_right == 0) return;
  line.right_to_left = n_right >= n_left;
  if (line.right_to_left) reverseWords(line.words, 0, line.words.size());
  const auto against = line.right_to_left ? hasLeftToRight : hasRightToLeft;
  for (std::size_t begin = 0; begin < line.words.size(); ++begin) {
    if (!against(line.words[begin])) continue;
    std::size_t end = begin + 1;
    while (end < line.words.size() && against(line.words[end])) ++end;
    reverseWords(line.words, begin, end);
    begin = end;
  }
}

// The box as it lies when the page is turned so that text of this direction is upright.
Box turned(const Box& box, int direction) {
  switch (direction) {
    case 90:
      return {box.y0, -box.x1, box.y1, -box.x0};
    case 180:
      return {-box.x1, -box.y1, -box.x0, -box.y0};
    case 270:
      return {-box.y1, box.x0, -box.y0, box.x1};
    default:
      return box;
  }
}

// The direction in which most of the page is written; of slanted text no page is made.
int mainDirection(const PageWords& page) {
  std::map<int, std::size_t> n_characters;
  for (const PageWord& word : page.words)
    if (!word.hidden && word.direction % 90 == 0) n_characters[word.direction] += word.text.size();
  int direction = 0;
  for (const auto& [candidate, n] : n_characters)
    if (n > n_characters[direction]) direction = candidate;
  return direction;
}

class LineCleaner {
 public:
  LineCleaner(const PageWords& page, int direction, ReadPage& result)
      : page_(page), direction_(direction), result_(result) {}

  std::vector<TextLine> clean() {
    std::vector<TextLine> lines;
    int last = -1;
    for (const PageWord& word : page_.words) {
      const Box box = visiblePart(word.box, page_.width, page_.height);
      if (box.x1 < box.x0) {
        ++result_.n_off_page;
        continue;
      }
      WordText clean = cleanWord(word.text);
      if (clean.text.empty()) continue;
      if (word.hidden) {
        hide(word, clean.text, box);
        continue;
      }
      result_.n_unmapped += clean.n_unmapped;
      if (lines.empty() || word.line != last) lines.emplace_back().box = turned(box, direction_);
      last = word.line;
      PageWord copy = word;
      copy.text = std::move(clean.text);
      copy.box = box;
      if (copy.size <= 0) copy.size = thickness(box, copy.text.size());
      lines.back().words.push_back(std::move(copy));
      lines.back().box = around(lines.back().box, turned(box, direction_));
    }
    for (TextLine& line : lines) describe(line);
    return lines;
  }

 private:
  void hide(const PageWord& word, const std::u32string& text, const Box& box) {
    auto& hidden = result_.hidden;
    const bool same_line = !hidden.empty() && word.line == last_hidden_line_;
    last_hidden_line_ = word.line;
    if (!same_line && hidden.size() >= kHiddenMax) return;
    if (same_line && hidden.back().text.size() + text.size() * 4 > kAsideBytesMax) return;
    if (!same_line)
      hidden.push_back({.kind = PageAside::Kind::kHidden, .text = {}, .target = {}, .box = box});
    for (const char32_t character : text) appendUtf8(hidden.back().text, character);
    if (word.space_after) hidden.back().text += ' ';
    hidden.back().box = around(hidden.back().box, box);
  }

  void describe(TextLine& line) const {
    std::size_t n_characters = 0, n_bold = 0, n_mono = 0;
    std::map<double, std::size_t> sizes;
    for (PageWord& word : line.words) {
      n_characters += word.text.size();
      n_bold += word.bold ? word.text.size() : 0;
      n_mono += word.mono ? word.text.size() : 0;
      sizes[word.size] += word.text.size();
    }
    line.size = std::max_element(sizes.begin(), sizes.end(), [](const auto& a, const auto& b) {
                  return a.second < b.second;
                })->first;
    line.bold = n_bold == n_characters;
    line.mono = 10 * n_mono >= 9 * n_characters;
    line.upright = line.words.front().direction == direction_ && !isTall(line, n_characters);
    turn(line);
    // The frame is for finding the order; what is printed keeps its place on the page.
    if (direction_ == 0) return;
    for (PageWord& word : line.words) word.box = turned(word.box, direction_);
  }

  // The size of a word of which only the place is known.
  static double thickness(const Box& box, std::size_t n_characters) {
    const double width = box.x1 - box.x0, height = box.y1 - box.y0;
    return n_characters >= 2 && height >= 1.5 * width ? width : height;
  }

  // Turned text of which nobody said that it is.
  static bool isTall(const TextLine& line, std::size_t n_characters) {
    const double width = line.box.x1 - line.box.x0, height = line.box.y1 - line.box.y0;
    return n_characters >= 2 && height >= 1.5 * width && height > 3 * line.size;
  }

  const PageWords& page_;
  const int direction_;
  ReadPage& result_;
  int last_hidden_line_ = -1;
};

class Writer {
 public:
  Writer(ReadPage& result, const std::vector<TextLine>& lines, int direction)
      : result_(result), lines_(lines), direction_(direction) {}

  void add(const TextRow& row) {
    if (!result_.text.empty()) addBreak(row.before);
    if (row.mono) addBlanks(row.indent, line(row.lines[0]).size);
    for (std::size_t i = 0; i < row.lines.size(); ++i) {
      if (i > 0) separate(line(row.lines[i - 1]), line(row.lines[i]), row.mono);
      add(line(row.lines[i]));
    }
  }
  void finish() {
    if (!result_.text.empty()) result_.text += '\n';
  }

 private:
  const TextLine& line(int i) const { return lines_[static_cast<std::size_t>(i)]; }

  void addBreak(Break before) {
    switch (before) {
      case Break::kNone:
        return;
      case Break::kHyphen:
        return noteHyphen();
      case Break::kSpace:
        result_.text += ' ';
        return;
      case Break::kLine:
        result_.text += '\n';
        return;
      case Break::kParagraph:
        result_.text += "\n\n";
        return;
    }
  }

  // Written as a plain one, so that it can be found again whether it stays or not.
  void noteHyphen() {
    if (result_.text.back() == '-')
      result_.hyphens.push_back(static_cast<std::uint32_t>(result_.text.size() - 1));
  }

  void addBlanks(double points, double size) {
    const double n = points / (kBlankWidth * std::max(size, 1e-3));
    result_.text.append(static_cast<std::size_t>(std::clamp<double>(std::round(n), 0, kIndentMax)),
                        ' ');
  }

  void separate(const TextLine& a, const TextLine& b, bool mono) {
    // A line below: the cell goes on.
    if (b.box.y0 > a.box.y1 - 0.4 * std::min(a.size, b.size)) {
      if (endsInsideWord(a, b))
        noteHyphen();
      else
        result_.text += ' ';
      return;
    }
    const double gap = std::max(b.box.x0 - a.box.x1, a.box.x0 - b.box.x1);
    if (gap <= kCellGap * std::max(a.size, b.size))
      result_.text += ' ';
    else if (mono)
      addBlanks(gap, a.size);
    else
      result_.text += '\t';
  }

  void add(const TextLine& line) {
    PageLine set{.begin = size(),
                 .end = 0,
                 .box = onPage(line.box),
                 .size = line.size,
                 .bold = line.bold,
                 .mono = line.mono};
    for (std::size_t i = 0; i < line.words.size(); ++i) {
      const PageWord& word = line.words[i];
      const std::uint32_t begin = size();
      for (const char32_t character : word.text) appendUtf8(result_.text, character);
      result_.words.push_back({begin, size(), onPage(word.box)});
      if (word.space_after && i + 1 < line.words.size()) result_.text += ' ';
    }
    set.end = size();
    result_.lines.push_back(set);
  }

  std::uint32_t size() const { return static_cast<std::uint32_t>(result_.text.size()); }
  Box onPage(const Box& box) const { return turned(box, (360 - direction_) % 360); }

  ReadPage& result_;
  const std::vector<TextLine>& lines_;
  const int direction_;
};

}  // namespace

ReadPage readPage(const PageWords& page) {
  ReadPage result;
  const int direction = mainDirection(page);
  const std::vector<TextLine> lines = LineCleaner(page, direction, result).clean();
  std::vector<PlacedLine> places;
  for (const TextLine& line : lines) places.push_back({line.box, line.upright, line.right_to_left});
  Writer writer(result, lines, direction);
  for (const TextRow& row : textRows(lines, readingOrder(places))) writer.add(row);
  writer.finish();
  return result;
}

}  // namespace ingest
