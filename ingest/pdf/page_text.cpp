#include "ingest/pdf/page_text.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "ingest/clean_text.h"
#include "ingest/pdf/reading_order.h"
#include "ingest/pdf/word_text.h"

namespace ingest {
namespace {

using base::Box;

// Two pieces of one row nearer than this, in line heights, are words of one sentence.
constexpr double kCellGap = 1.0;

struct Line {
  std::vector<PageWord> words;  // in reading order
  Box box;
  bool right_to_left = false;
};

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
void turn(Line& line) {
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

std::vector<Line> cleanLines(const PageWords& page, ReadPage& result) {
  std::vector<Line> lines;
  int last = -1;
  for (const PageWord& word : page.words) {
    const Box box = visiblePart(word.box, page.width, page.height);
    if (box.x1 < box.x0) {
      ++result.n_off_page;
      continue;
    }
    WordText clean = cleanWord(word.text);
    result.n_unmapped += clean.n_unmapped;
    if (clean.text.empty()) continue;
    if (lines.empty() || word.line != last) lines.push_back({.words = {}, .box = box});
    last = word.line;
    lines.back().words.push_back({std::move(clean.text), box, word.line, word.space_after});
    lines.back().box = around(lines.back().box, box);
  }
  for (Line& line : lines) turn(line);
  return lines;
}

// Words of turned text are tall, and so is the line they make.
bool isUpright(const Line& line) {
  std::size_t n_characters = 0;
  for (const PageWord& word : line.words) n_characters += word.text.size();
  const double width = line.box.x1 - line.box.x0, height = line.box.y1 - line.box.y0;
  return n_characters < 2 || height < 1.5 * width;
}

class Writer {
 public:
  explicit Writer(ReadPage& result) : result_(result) {}

  void beginRow(bool paragraph) {
    if (!result_.text.empty()) result_.text += paragraph ? "\n\n" : "\n";
  }
  void separate(char separator) { result_.text += separator; }
  void add(const Line& line) {
    for (std::size_t i = 0; i < line.words.size(); ++i) {
      const PageWord& word = line.words[i];
      const auto begin = static_cast<std::uint32_t>(result_.text.size());
      for (const char32_t character : word.text) appendUtf8(result_.text, character);
      const auto end = static_cast<std::uint32_t>(result_.text.size());
      result_.words.push_back({begin, end, word.box});
      if (word.space_after && i + 1 < line.words.size()) result_.text += ' ';
    }
  }
  void finish() {
    if (!result_.text.empty()) result_.text += '\n';
  }

 private:
  ReadPage& result_;
};

char separatorBetween(const Line& a, const Line& b) {
  const double gap = std::max(b.box.x0 - a.box.x1, a.box.x0 - b.box.x1);
  const double height = std::min(a.box.y1 - a.box.y0, b.box.y1 - b.box.y0);
  return gap > kCellGap * height ? '\t' : ' ';
}

}  // namespace

ReadPage readPage(const PageWords& page) {
  ReadPage result;
  const std::vector<Line> lines = cleanLines(page, result);
  std::vector<PlacedLine> places;
  for (const Line& line : lines) places.push_back({line.box, isUpright(line), line.right_to_left});
  // Where most lines are turned (vertical writing, a table set across), Poppler's order stands.
  const auto n_upright =
      std::count_if(places.begin(), places.end(), [](const PlacedLine& p) { return p.upright; });
  if (2 * static_cast<std::size_t>(n_upright) < places.size())
    for (PlacedLine& place : places) place.upright = false;

  Writer writer(result);
  for (const Row& row : readingOrder(places)) {
    writer.beginRow(row.paragraph);
    for (std::size_t i = 0; i < row.lines.size(); ++i) {
      const Line& line = lines[static_cast<std::size_t>(row.lines[i])];
      if (i > 0)
        writer.separate(separatorBetween(lines[static_cast<std::size_t>(row.lines[i - 1])], line));
      writer.add(line);
    }
  }
  writer.finish();
  return result;
}

}  // namespace ingest
