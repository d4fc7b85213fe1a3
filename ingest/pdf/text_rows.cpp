#include "ingest/pdf/text_rows.h"

#include <QChar>
#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>
#include <utility>

namespace ingest {
namespace {

using base::Box;

// In font sizes.
constexpr double kIndentMin = 0.8;
constexpr double kEdgeSlack = 0.5;  // a line that ends so near to the edge is full
constexpr double kBlankWidth = 0.25;
constexpr double kAligned = 0.6;       // cells of one column
constexpr double kSizeRatio = 1.08;    // beyond this two lines are not one paragraph
constexpr double kNoteSize = 0.93;     // of the page's text
constexpr double kWrappedPitch = 0.8;  // of the distance between rows of the table

bool isDigit(char32_t c) { return c >= '0' && c <= '9'; }

bool isBullet(const std::u32string& word) {
  static constexpr std::u32string_view kBullets = U"•◦‣▪▫●○■□–—-*·➤✓◆◇►⁃";
  if (word.size() == 1) return kBullets.find(word[0]) != std::u32string_view::npos;
  // 1. 12) (3) a) [17]
  std::size_t begin = word.front() == '(' || word.front() == '[' ? 1 : 0;
  std::size_t end = begin;
  while (end < word.size() && isDigit(word[end])) ++end;
  if (end == begin && end < word.size() && word[end] >= 'a' && word[end] <= 'z' && begin == 0) {
    return word.size() == 2 && word[1] == ')';
  }
  if (end == begin || end - begin > 3 || end + 1 != word.size()) return false;
  const char32_t last = word[end];
  return begin == 1 ? last == ')' || last == ']' : last == '.' || last == ')';
}

// The mark of a footnote: a number or a sign before its text.
bool beginsNote(const TextLine& line) {
  const std::u32string& word = line.words.front().text;
  static constexpr std::u32string_view kSigns = U"*†‡§¶∗";
  if (kSigns.find(word[0]) != std::u32string_view::npos) return true;
  std::size_t n = 0;
  while (n < word.size() && isDigit(word[n])) ++n;
  return n > 0 && n <= 3 && (n == word.size() || QChar::isLetter(word[n]));
}

bool isIdeographic(char32_t c) {
  return (c >= 0x3001 && c <= 0x30FF) || (c >= 0x3400 && c <= 0x9FFF) ||
         (c >= 0xFF01 && c <= 0xFF60) || (c >= 0x20000 && c <= 0x3FFFF);
}

class RowReader {
 public:
  RowReader(const std::vector<TextLine>& lines, std::vector<Row> rows) : lines_(lines) {
    for (Row& row : rows)
      rows_.push_back({.lines = std::move(row.lines),
                       .region = row.region,
                       .before = row.paragraph ? Break::kParagraph : Break::kLine});
  }

  std::vector<TextRow> read() {
    for (TextRow& row : rows_)
      row.mono =
          std::all_of(row.lines.begin(), row.lines.end(), [&](int i) { return line(i).mono; });
    joinWrappedCells();
    moveNotes();
    measureBlocks();
    for (std::size_t i = 1; i < rows_.size(); ++i) rows_[i].before = breakBefore(i);
    indentCode();
    return std::move(rows_);
  }

 private:
  const TextLine& line(int i) const { return lines_[static_cast<std::size_t>(i)]; }
  const TextLine& first(const TextRow& row) const { return line(row.lines.front()); }
  double size(const TextRow& row) const { return first(row).size; }
  double top(const TextRow& row) const { return first(row).box.y0; }
  double bottom(const TextRow& row) const { return line(row.lines.back()).box.y1; }

  // The second line of a cell stands nearer to its row than the next row does.
  void joinWrappedCells() {
    std::map<int, std::vector<double>> pitches;  // by region
    for (std::size_t i = 1; i < rows_.size(); ++i)
      if (isTable(rows_[i]) && isTable(rows_[i - 1]) && rows_[i].region == rows_[i - 1].region)
        pitches[rows_[i].region].push_back(top(rows_[i]) - top(rows_[i - 1]));
    std::vector<TextRow> joined;
    for (TextRow& row : rows_) {
      const auto known = pitches.find(row.region);
      if (known != pitches.end() && known->second.size() >= 2 && !joined.empty() &&
          wraps(joined.back(), row, median(known->second)))
        putIntoCells(joined.back(), row);
      else {
        // The rows of a table stay together however many lines they have.
        if (!joined.empty() && isTable(joined.back()) && isTable(row) &&
            joined.back().region == row.region)
          row.before = Break::kLine;
        joined.push_back(std::move(row));
      }
    }
    rows_ = std::move(joined);
  }

  bool isTable(const TextRow& row) const { return row.lines.size() > 1 && !row.mono; }

  static double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
  }

  int cellAbove(const TextRow& row, int below) const {
    for (std::size_t i = 0; i < row.lines.size(); ++i)
      if (std::abs(line(row.lines[i]).box.x0 - line(below).box.x0) < kAligned * line(below).size)
        return static_cast<int>(i);
    return -1;
  }

  bool wraps(const TextRow& above, const TextRow& row, double pitch) const {
    if (!isTable(above) || above.region != row.region || row.lines.size() >= above.lines.size() ||
        top(row) - top(above) > kWrappedPitch * pitch)
      return false;
    return std::all_of(row.lines.begin(), row.lines.end(), [&](int below) {
      const int cell = cellAbove(above, below);
      if (cell < 0) return false;
      // It ends before the next cell begins.
      const auto next = static_cast<std::size_t>(cell) + 1;
      return next == above.lines.size() || line(below).box.x1 < line(above.lines[next]).box.x0 ||
             isBelow(above, cell, next);
    });
  }

  // Whether one line of a row stands under another: both belong to one cell.
  bool isBelow(const TextRow& row, int cell, std::size_t next) const {
    return line(row.lines[next]).box.y0 > line(row.lines[static_cast<std::size_t>(cell)]).box.y0 +
                                              0.5 * line(row.lines[next]).size;
  }

  void putIntoCells(TextRow& above, const TextRow& row) const {
    for (const int below : row.lines) {
      std::size_t at = static_cast<std::size_t>(cellAbove(above, below)) + 1;
      // Behind the lines the cell has already.
      while (at < above.lines.size() && std::abs(line(above.lines[at]).box.x0 -
                                                 line(below).box.x0) < kAligned * line(below).size)
        ++at;
      above.lines.insert(above.lines.begin() + static_cast<std::ptrdiff_t>(at), below);
    }
  }

  // Small lines that end a column and begin with a mark.
  void moveNotes() {
    const double body = bodySize();
    std::vector<TextRow> text, notes;
    for (std::size_t begin = 0; begin < rows_.size();) {
      std::size_t end = begin;
      while (end < rows_.size() && rows_[end].region == rows_[begin].region) ++end;
      std::size_t note = end;
      while (note > begin && isSmall(rows_[note - 1], body)) --note;
      while (note < end && !beginsNote(first(rows_[note]))) ++note;
      // A page that is all small has no notes.
      if (note == begin && end == rows_.size() && begin == 0) note = end;
      for (std::size_t i = begin; i < end; ++i)
        (i < note ? text : notes).push_back(std::move(rows_[i]));
      begin = end;
    }
    if (!notes.empty()) notes.front().before = Break::kParagraph;
    // What follows a column's notes begins a column, so its break is right already.
    rows_ = std::move(text);
    first_note_ = rows_.size();
    std::move(notes.begin(), notes.end(), std::back_inserter(rows_));
  }

  bool isSmall(const TextRow& row, double body) const {
    return size(row) < kNoteSize * body && !row.mono && first(row).upright;
  }

  // The size in which most of the page is set.
  double bodySize() const {
    std::map<long, std::size_t> n_characters;
    for (const TextLine& one : lines_)
      for (const PageWord& word : one.words)
        n_characters[std::lround(10 * word.size)] += word.text.size();
    const auto most =
        std::max_element(n_characters.begin(), n_characters.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    return most == n_characters.end() ? 0 : static_cast<double>(most->first) / 10;
  }

  // Both edges of the text a row belongs to, as seen by its reader: for right-to-left text the
  // page is mirrored.
  struct Edges {
    double x0 = 0, x1 = 0;
  };
  Edges edges(const TextRow& row) const {
    const TextLine& begin = first(row);
    const TextLine& end = line(row.lines.back());
    if (begin.right_to_left) return {-begin.box.x1, -end.box.x0};
    return {begin.box.x0, end.box.x1};
  }

  bool sameSize(const TextRow& a, const TextRow& b) const {
    return std::max(size(a), size(b)) < kSizeRatio * std::min(size(a), size(b));
  }

  void measureBlocks() {
    blocks_.resize(rows_.size());
    for (std::size_t begin = 0; begin < rows_.size();) {
      Edges block = edges(rows_[begin]);
      std::size_t end = begin + 1;
      for (; end < rows_.size() && rows_[end].before != Break::kParagraph &&
             rows_[end].region == rows_[begin].region && sameSize(rows_[end], rows_[begin]) &&
             rows_[end].mono == rows_[begin].mono;
           ++end) {
        const Edges more = edges(rows_[end]);
        block = {std::min(block.x0, more.x0), std::max(block.x1, more.x1)};
      }
      std::fill(blocks_.begin() + static_cast<std::ptrdiff_t>(begin),
                blocks_.begin() + static_cast<std::ptrdiff_t>(end), block);
      begin = end;
    }
  }

  Break breakBefore(std::size_t i) const {
    const TextRow& above = rows_[i - 1];
    const TextRow& row = rows_[i];
    const bool text = above.lines.size() == 1 && row.lines.size() == 1 && !above.mono &&
                      !row.mono && first(above).upright && first(row).upright;
    if (!text) return row.before;
    if (row.before == Break::kParagraph)
      return above.region != row.region && goesOnElsewhere(above, row) ? goOn(above, row)
                                                                       : Break::kParagraph;
    if (!sameSize(above, row) || first(above).bold != first(row).bold)
      return size(above) > kSizeRatio * size(row) || size(row) > kSizeRatio * size(above)
                 ? Break::kParagraph
                 : Break::kLine;
    if (first(above).right_to_left != first(row).right_to_left) return Break::kLine;
    if (isBullet(first(row).words.front().text)) return Break::kLine;
    if (i >= first_note_ && beginsNote(first(row))) return Break::kLine;
    if (endsInsideWord(first(above), first(row))) return Break::kHyphen;
    const double em = size(row);
    const Edges here = edges(row), before = edges(above);
    if (here.x0 > before.x0 + kIndentMin * em && !isBullet(first(above).words.front().text)) {
      // The first line of a paragraph, unless the lines after it stand there too.
      const bool goes_on = i + 1 < rows_.size() && rows_[i + 1].before != Break::kParagraph &&
                           rows_[i + 1].region == row.region;
      if (goes_on && edges(rows_[i + 1]).x0 < here.x0 - kIndentMin / 2 * em) return Break::kLine;
    }
    if (here.x0 < before.x0 - kIndentMin * em && i >= 2 && rows_[i - 2].region == row.region &&
        rows_[i - 1].before != Break::kParagraph &&
        std::abs(edges(rows_[i - 2]).x0 - before.x0) < kIndentMin / 2 * em)
      return Break::kLine;
    return isFull(above, row, blocks_[i].x1) ? goOn(above, row) : Break::kLine;
  }

  // The first word of the row had no place at the end of the line above.
  bool isFull(const TextRow& above, const TextRow& row, double edge) const {
    const double em = size(row);
    return edges(above).x1 + kBlankWidth * em + firstWordWidth(row) > edge - kEdgeSlack * em;
  }

  double firstWordWidth(const TextRow& row) const {
    double width = 0;
    for (const PageWord& word : first(row).words) {
      width += word.box.x1 - word.box.x0;
      if (word.space_after || isIdeographic(word.text.back())) break;
    }
    return width;
  }

  // A sentence runs from the foot of one column to the head of the next.
  bool goesOnElsewhere(const TextRow& above, const TextRow& row) const {
    if (!sameSize(above, row) || first(above).bold != first(row).bold ||
        above.region + 1 != row.region || !sameColumnWidth(above, row))
      return false;
    const char32_t last = first(above).words.back().text.back();
    return QChar::isLower(first(row).words.front().text.front()) &&
           (QChar::isLetter(last) || last == ',' || last == '-' || last == 0x2010);
  }

  bool sameColumnWidth(const TextRow& above, const TextRow& row) const {
    const double em = size(row), width = edges(row).x1 - edges(row).x0;
    return top(row) < top(above) && std::abs(edges(above).x1 - edges(above).x0 - width) < 4 * em;
  }

  Break goOn(const TextRow& above, const TextRow& row) const {
    const PageWord& last = first(above).words.back();
    const PageWord& next = first(row).words.front();
    const char32_t end = last.text.back();
    if ((end == '-' || end == 0x2010) && last.text.size() > 1 &&
        QChar::isLetter(last.text[last.text.size() - 2]) && QChar::isLetterOrNumber(next.text[0]))
      return Break::kHyphen;
    if (end == '-' && last.text.size() == 1 && first(above).words.size() == 1) return Break::kLine;
    if (end == '-' && last.text.size() > 1 && last.text[last.text.size() - 2] == '-')
      return Break::kLine;  // a separator, an option, a dash typed as two
    if (isIdeographic(end) && isIdeographic(next.text[0])) return Break::kNone;
    return Break::kSpace;
  }

  // From the left edge of the listing, which goes on over blank lines.
  void indentCode() {
    for (std::size_t begin = 0; begin < rows_.size();) {
      const TextRow& head = rows_[begin];
      double left = edges(head).x0;
      std::size_t end = begin + 1;
      for (; end < rows_.size() && rows_[end].mono == head.mono && rows_[end].region == head.region;
           ++end)
        left = std::min(left, edges(rows_[end]).x0);
      for (std::size_t i = begin; i < end && head.mono; ++i)
        if (!first(rows_[i]).right_to_left) rows_[i].indent = edges(rows_[i]).x0 - left;
      begin = end;
    }
  }

  const std::vector<TextLine>& lines_;
  std::vector<TextRow> rows_;
  std::vector<Edges> blocks_;
  std::size_t first_note_ = 0;
};

}  // namespace

bool endsInsideWord(const TextLine& above, const TextLine& line) {
  const std::u32string& word = above.words.back().text;
  const char32_t next = line.words.front().text.front();
  return word.size() > 1 && word.back() == '-' && QChar::isLetter(word[word.size() - 2]) &&
         (QChar::isLower(next) || isDigit(next));
}

std::vector<TextRow> textRows(const std::vector<TextLine>& lines, std::vector<Row> rows) {
  return RowReader(lines, std::move(rows)).read();
}

}  // namespace ingest
