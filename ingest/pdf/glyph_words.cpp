#include "ingest/pdf/glyph_words.h"

#include <QChar>
#include <QList>
#include <QString>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace ingest {
namespace {

using base::Box;

// In font sizes.
constexpr double kWordGap = 0.12;       // between the pen and the next character of a word
constexpr double kIdeographGap = 0.5;   // the same in scripts without blanks
constexpr double kMixedGap = 0.18;      // and where such a script meets another
constexpr double kOverlapMax = 0.4;     // a character may reach so far back into its word
constexpr double kLineGap = 0.9;        // wider gaps end a line: a cell, a column
constexpr double kBaseLineStep = 0.06;  // between two words of a line
constexpr double kBaseLineSpan = 0.25;  // and between all of them
constexpr double kDoubleShift = 0.1;    // bold by drawing twice
constexpr double kRiseMax = 0.5;        // of a mark that was drawn as a part of its word
// Marks: smaller than their line, above or below its base line.
constexpr double kMarkSize = 0.85;
constexpr std::size_t kMarkCharactersMax = 8;
constexpr double kSizeMax = 1e6;         // points: larger than any page
constexpr double kScanImageShare = 0.5;  // of the page
constexpr std::size_t kSpacedLettersMin = 4;

bool isBlank(const std::u32string& text) {
  return std::all_of(text.begin(), text.end(), [](char32_t c) {
    return c == ' ' || c == 0xA0 || c == '\t' || c == '\n' || c == '\r' ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x3000;
  });
}

// Scripts that put no blanks between words.
bool isIdeographic(char32_t c) {
  return (c >= 0x3001 && c <= 0x30FF) || (c >= 0x3400 && c <= 0x9FFF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFF01 && c <= 0xFF60) ||
         (c >= 0x20000 && c <= 0x3FFFF);
}

// The accent that combines with a letter, of one that stands alone; 0 for others.
char32_t combining(char32_t c) {
  static constexpr std::pair<char32_t, char32_t> kPairs[] = {
      {0x60, 0x300},  {0xB4, 0x301},  {0x5E, 0x302},  {0x2C6, 0x302}, {0x7E, 0x303}, {0x2DC, 0x303},
      {0xAF, 0x304},  {0x2C9, 0x304}, {0x2D8, 0x306}, {0x2D9, 0x307}, {0xA8, 0x308}, {0x2DA, 0x30A},
      {0x2DD, 0x30B}, {0x2C7, 0x30C}, {0xB8, 0x327},  {0x2DB, 0x328}};
  for (const auto& [alone, mark] : kPairs)
    if (alone == c) return mark;
  return c >= 0x300 && c <= 0x36F ? c : 0;
}

std::u32string composed(char32_t letter, char32_t mark) {
  const char32_t pair[] = {letter, mark};
  const QList<uint> joined =
      QString::fromUcs4(pair, 2).normalized(QString::NormalizationForm_C).toUcs4();
  return {joined.begin(), joined.end()};
}

// A place in the frame of its writing: u along it, v across, downwards.
struct Direction {
  double x = 1, y = 0;
  double u(double px, double py) const { return px * x + py * y; }
  double v(double px, double py) const { return py * x - px * y; }
};

// Part of a word, or all of it.
struct Piece {
  std::u32string text;
  double u0 = 0, u1 = 0, v = 0;  // v: base line
  double line_v = 0;             // of the word it was drawn with: x^2, H2O, the logo of TeX
  bool attached = false;         // drawn right behind the piece before, without a blank
  double pen = 0;                // where the next character is expected
  double size = 0;
  double top = 0, bottom = 0;  // of the base line, in points; top is negative
  double last_u0 = 0;          // of its last character
  bool space_after = false;    // a blank, drawn or left open
  bool drawn_blank = false;
  bool bold = false, mono = false, hidden = false;
};

struct Line {
  std::vector<Piece> pieces;  // from left to right
  double v = 0, size = 0, u0 = 0, u1 = 0;
};

int degreesOf(const Glyph& glyph) {
  if (glyph.vertical) return 90;
  if (glyph.direction_y == 0 && glyph.direction_x > 0) return 0;
  const int degrees = static_cast<int>(
      std::lround(std::atan2(glyph.direction_y, glyph.direction_x) * 180 / 3.14159265358979));
  return (degrees + 360) % 360;
}

Direction directionOf(int degrees) {
  switch (degrees) {
    case 0:
      return {1, 0};
    case 90:
      return {0, 1};
    case 180:
      return {-1, 0};
    case 270:
      return {0, -1};
    default: {
      const double radians = degrees * 3.14159265358979 / 180;
      return {std::cos(radians), std::sin(radians)};
    }
  }
}

// Characters to pieces: one direction of writing.
class PieceBuilder {
 public:
  explicit PieceBuilder(Direction direction) : direction_(direction) {}

  void add(Glyph& glyph) {
    double u = direction_.u(glyph.x, glyph.y);
    const double v = direction_.v(glyph.x, glyph.y);
    double advance = glyph.advance;
    if (advance < 0) {
      u += advance;
      advance = -advance;
    }
    if (!glyph.text.empty() && isBlank(glyph.text)) return addBlank(u, v, glyph);
    if (isDouble(glyph, u, v)) return;
    if (glyph.text.size() == 1 && joinsAccent(glyph.text[0], u, advance, v)) return;
    if (!continues(glyph, u, v)) begin(glyph, u, v);
    Piece& piece = pieces_.back();
    if (glyph.text.empty()) glyph.text.assign(1, 0xFFFD);
    piece.text += glyph.text;
    piece.last_u0 = u;
    piece.u1 = std::max(piece.u1, u + advance);
    piece.pen = u + advance + glyph.spacing;
    open_ = true;
  }

  std::vector<Piece> take() {
    for (std::size_t begin = 0; begin < pieces_.size();) {
      std::size_t end = begin + 1;
      while (end < pieces_.size() && pieces_[end].attached) ++end;
      setLine(begin, end);
      begin = end;
    }
    return std::move(pieces_);
  }

 private:
  // Pieces of one word stand on the base line of the largest.
  void setLine(std::size_t begin, std::size_t end) {
    const Piece* main = &pieces_[begin];
    for (std::size_t i = begin + 1; i < end; ++i)
      if (pieces_[i].size > 1.01 * main->size) main = &pieces_[i];
    const double v = main->v, reach = kRiseMax * main->size;
    for (std::size_t i = begin; i < end; ++i) {
      Piece& piece = pieces_[i];
      piece.line_v = std::abs(piece.v - v) <= reach ? v : piece.v;
    }
  }

  void addBlank(double u, double v, const Glyph& glyph) {
    if (open_ && std::abs(v - pieces_.back().v) < 0.5 * glyph.size &&
        u - pieces_.back().u1 < glyph.size)
      pieces_.back().space_after = pieces_.back().drawn_blank = true;
    open_ = false;
  }

  // The same character again, nearly in place: each drawn twice in turn.
  bool isDouble(const Glyph& glyph, double u, double v) const {
    if (!open_ || glyph.text.empty()) return false;
    const Piece& piece = pieces_.back();
    return std::abs(u - piece.last_u0) < kDoubleShift * glyph.size &&
           std::abs(v - piece.v) < kDoubleShift * glyph.size && piece.text.ends_with(glyph.text);
  }

  bool continues(const Glyph& glyph, double u, double v) const {
    if (!open_) return false;
    const Piece& piece = pieces_.back();
    const double size = std::min(piece.size, glyph.size);
    if (std::abs(v - piece.v) > kBaseLineStep * size ||
        std::abs(piece.size - glyph.size) > 0.05 * size || piece.hidden != glyph.hidden)
      return false;
    const double gap = u - piece.pen;
    if (gap > kWordGap * size || gap < -kOverlapMax * size || u < piece.u0) return false;
    const bool ideographic =
        isIdeographic(piece.text.back()) || (!glyph.text.empty() && isIdeographic(glyph.text[0]));
    return !ideographic;
  }

  // Raised, lowered or in another size, but no other word.
  bool attaches(const Glyph& glyph, double u, double v) const {
    if (!open_ || pieces_.back().hidden != glyph.hidden) return false;
    const Piece& before = pieces_.back();
    const double size = std::max(before.size, glyph.size), gap = u - before.pen;
    return std::abs(v - before.v) <= kRiseMax * size && gap <= kWordGap * size &&
           gap >= -kOverlapMax * size;
  }

  void begin(const Glyph& glyph, double u, double v) {
    Piece piece;
    piece.attached = attaches(glyph, u, v);
    piece.u0 = u;
    piece.u1 = u;
    piece.v = v;
    piece.size = glyph.size;
    piece.top = glyph.vertical ? -glyph.size / 2 : -glyph.ascent * glyph.size;
    piece.bottom = glyph.vertical ? glyph.size / 2 : -glyph.descent * glyph.size;
    piece.bold = glyph.bold;
    piece.mono = glyph.mono;
    piece.hidden = glyph.hidden;
    pieces_.push_back(std::move(piece));
  }

  // An accent over the letter before it, or a letter under the accent before it.
  bool joinsAccent(char32_t c, double u, double advance, double v) {
    if (!open_) return false;
    Piece& piece = pieces_.back();
    const char32_t before = piece.text.back();
    const double middle = u + advance / 2, size = piece.size;
    if (std::abs(v - piece.v) > 0.5 * size) return false;
    const char32_t mark = combining(c), mark_before = combining(before);
    const bool over =
        middle > piece.last_u0 && middle < piece.u1 - 0.1 * (piece.u1 - piece.last_u0);
    if (mark != 0 && mark_before == 0 && over && c != 0x60 && c != 0x5E && c != 0x7E) {
      const std::u32string joined = composed(before, mark);
      piece.text.replace(piece.text.size() - 1, 1, joined);
      return true;
    }
    const double mark_middle = (piece.last_u0 + piece.u1) / 2;
    if (mark == 0 && mark_before != 0 && before > 0x7F && u <= piece.last_u0 + 0.1 * size &&
        mark_middle > u && mark_middle < u + advance) {
      const std::u32string joined = composed(c, mark_before);
      if (joined.size() != 1) return false;
      piece.text.replace(piece.text.size() - 1, 1, joined);
      piece.u0 = std::min(piece.u0, u);
      piece.last_u0 = u;
      piece.u1 = std::max(piece.u1, u + advance);
      piece.pen = u + advance;
      return true;
    }
    return false;
  }

  const Direction direction_;
  std::vector<Piece> pieces_;
  bool open_ = false;  // the next character may belong to the last piece
};

// Words that stand on each other are one word drawn twice.
void removeDoubles(std::vector<Piece>& pieces) {
  std::unordered_multimap<std::u32string_view, const Piece*> seen;
  seen.reserve(pieces.size());
  std::vector<bool> twice(pieces.size(), false);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const Piece& piece = pieces[i];
    // A full stop repeated 60,000 times is compared with a few others, not with all of them.
    int n_compared = 0;
    const auto [begin, end] = seen.equal_range(piece.text);
    for (auto other = begin; other != end && n_compared < 64; ++other, ++n_compared) {
      const double near = 2 * kDoubleShift * piece.size;
      if (std::abs(other->second->u0 - piece.u0) < near &&
          std::abs(other->second->v - piece.v) < near) {
        twice[i] = true;
        break;
      }
    }
    if (!twice[i]) seen.emplace(piece.text, &piece);
  }
  std::size_t n_kept = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (twice[i]) continue;
    if (n_kept != i) pieces[n_kept] = std::move(pieces[i]);
    ++n_kept;
  }
  pieces.resize(n_kept);
}

bool joinWithoutBlank(const Piece& a, const Piece& b) {
  const double size = std::min(a.size, b.size), gap = b.u0 - a.u1;
  const int n_ideographic = isIdeographic(a.text.back()) + isIdeographic(b.text.front());
  const double gap_max[] = {kWordGap, kMixedGap, kIdeographGap};
  return gap < gap_max[n_ideographic] * size;
}

// After these a number that follows is read as part of the word: m2, but not "of 1911. 2".
bool takesMark(char32_t c) {
  return c > 0x7F || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
         c == ')' || c == ']';
}

bool isRaised(const Piece& mark, const Piece& other) {
  return mark.size < kMarkSize * other.size && mark.v < other.v;
}

bool needsBlank(const Piece& a, const Piece& b) {
  if (!b.attached) return !joinWithoutBlank(a, b);
  // Behind a sentence a mark is no part of it, and before one that of a footnote is none.
  return isRaised(b, a) ? !takesMark(a.text.back()) : !a.attached && isRaised(a, b);
}

void append(Line& line, Piece piece) {
  if (line.pieces.empty()) {
    line.v = piece.line_v;
    line.u0 = piece.u0;
    line.u1 = piece.u1;
  } else {
    Piece& before = line.pieces.back();
    if (needsBlank(before, piece)) before.space_after = true;
  }
  line.size = std::max(line.size, piece.size);
  line.u0 = std::min(line.u0, piece.u0);
  line.u1 = std::max(line.u1, piece.u1);
  line.pieces.push_back(std::move(piece));
}

// Pieces of one base line, split where the gaps are wide.
void appendLines(std::vector<Line>& lines, std::vector<Piece>::iterator begin,
                 std::vector<Piece>::iterator end) {
  std::stable_sort(begin, end, [](const Piece& a, const Piece& b) { return a.u0 < b.u0; });
  double reach = 0;
  for (auto piece = begin; piece != end; ++piece) {
    const bool apart =
        piece == begin ||
        piece->u0 - reach > kLineGap * std::max(piece->size, lines.back().pieces.back().size) ||
        piece->hidden != lines.back().pieces.back().hidden;
    if (apart) lines.emplace_back();
    reach = apart ? piece->u1 : std::max(reach, piece->u1);
    append(lines.back(), std::move(*piece));
  }
}

std::vector<Line> linesOf(std::vector<Piece> pieces) {
  std::stable_sort(pieces.begin(), pieces.end(),
                   [](const Piece& a, const Piece& b) { return a.line_v < b.line_v; });
  std::vector<Line> lines;
  for (auto begin = pieces.begin(); begin != pieces.end();) {
    auto end = begin + 1;
    while (end != pieces.end() &&
           end->line_v - (end - 1)->line_v <=
               kBaseLineStep * std::min(end->size, (end - 1)->size) &&
           end->line_v - begin->line_v <= kBaseLineSpan * begin->size)
      ++end;
    appendLines(lines, begin, end);
    begin = end;
  }
  return lines;
}

std::size_t characterCount(const Line& line) {
  std::size_t n = 0;
  for (const Piece& piece : line.pieces) n += piece.text.size();
  return n;
}

bool isMarkOf(const Line& mark, const Line& line) {
  if (mark.size > kMarkSize * line.size || mark.pieces[0].hidden != line.pieces[0].hidden)
    return false;
  const double rise = line.v - mark.v;
  return rise < 0.75 * line.size && rise > -0.45 * line.size &&
         mark.u0 > line.u0 - 0.1 * line.size && mark.u0 - line.u1 < 0.3 * line.size;
}

// Into the gap it stands in; false where there is none.
bool insertMark(Line& line, Line& mark) {
  std::size_t at = 0;
  while (at < line.pieces.size() && line.pieces[at].u0 < mark.u0) ++at;
  if (at == 0) return false;
  const double slack = 0.2 * mark.size;
  Piece& before = line.pieces[at - 1];
  if (before.u1 > mark.u0 + slack) return false;
  if (at < line.pieces.size() && line.pieces[at].u0 < mark.u1 - slack) return false;
  before.space_after = !takesMark(before.text.back()) || mark.u0 - before.u1 > kWordGap * line.size;
  if (at < line.pieces.size() && line.pieces[at].u0 - mark.u1 > kWordGap * line.size)
    mark.pieces.back().space_after = true;
  line.u1 = std::max(line.u1, mark.u1);
  line.pieces.insert(line.pieces.begin() + static_cast<std::ptrdiff_t>(at),
                     std::make_move_iterator(mark.pieces.begin()),
                     std::make_move_iterator(mark.pieces.end()));
  mark.pieces.clear();
  return true;
}

// Footnote numbers and exponents go into the line they stand beside. Lines are sorted by base line.
void placeMarks(std::vector<Line>& lines) {
  constexpr std::size_t kNear = 40;  // lines above and below that are asked
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].pieces.empty() || characterCount(lines[i]) > kMarkCharactersMax) continue;
    const std::size_t first = i > kNear ? i - kNear : 0, last = std::min(lines.size(), i + kNear);
    for (std::size_t k = first; k < last; ++k)
      if (k != i && !lines[k].pieces.empty() && isMarkOf(lines[i], lines[k]) &&
          insertMark(lines[k], lines[i]))
        break;
  }
  std::erase_if(lines, [](const Line& line) { return line.pieces.empty(); });
}

bool isSingle(const Piece& piece, bool dot) {
  if (piece.text.size() != 1) return false;
  const char32_t c = piece.text[0];
  return dot ? c == '.' : QChar::isLetter(c) && !isIdeographic(c);
}

// "S p a c e d" and the dots before a page number: single characters with equal gaps are one word
// each time the gap is the small one.
void closeSpacedLetters(Line& line) {
  auto& pieces = line.pieces;
  for (std::size_t begin = 0; begin < pieces.size();) {
    const bool dots = isSingle(pieces[begin], true);
    std::size_t end = begin;
    while (end < pieces.size() && isSingle(pieces[end], dots)) ++end;
    if (end - begin >= kSpacedLettersMin) {
      double smallest = 1e9;
      for (std::size_t i = begin; i + 1 < end; ++i)
        smallest = std::min(smallest, pieces[i + 1].u0 - pieces[i].u1);
      std::size_t n_small = 0;
      for (std::size_t i = begin; i + 1 < end; ++i)
        n_small += pieces[i + 1].u0 - pieces[i].u1 < 1.35 * smallest + 0.1 * pieces[i].size;
      if (smallest > 0 && 3 * n_small >= 2 * (end - begin - 1))
        for (std::size_t i = begin; i + 1 < end; ++i)
          pieces[i].space_after =
              pieces[i].drawn_blank ||
              pieces[i + 1].u0 - pieces[i].u1 >= 1.35 * smallest + 0.1 * pieces[i].size;
    }
    begin = std::max(end, begin + 1);
  }
}

Box boxOf(const Piece& piece, const Direction& direction) {
  const double us[] = {piece.u0, piece.u1};
  const double vs[] = {piece.v + piece.top, piece.v + piece.bottom};
  Box box{1e30, 1e30, -1e30, -1e30};
  for (const double u : us)
    for (const double v : vs) {
      const double x = u * direction.x - v * direction.y, y = u * direction.y + v * direction.x;
      box = {std::min(box.x0, x), std::min(box.y0, y), std::max(box.x1, x), std::max(box.y1, y)};
    }
  return box;
}

// A text layer under a picture of the page is what the picture says; elsewhere text without ink
// is hidden.
void judgeInvisible(PageGlyphs& page, PageWords& words) {
  const bool scan = page.image_share >= kScanImageShare;
  for (Glyph& glyph : page.glyphs) {
    if (!glyph.invisible || glyph.hidden) continue;
    if (scan)
      words.has_text_layer = true;
    else
      glyph.hidden = true;
  }
}

}  // namespace

PageWords wordsOf(PageGlyphs page) {
  PageWords result;
  result.width = page.width;
  result.height = page.height;
  judgeInvisible(page, result);

  std::map<int, PieceBuilder> builders;
  int last_degrees = -1;
  PieceBuilder* builder = nullptr;
  for (Glyph& glyph : page.glyphs) {
    if (!std::isfinite(glyph.x) || !std::isfinite(glyph.y) || !std::isfinite(glyph.advance) ||
        !(glyph.size > 0 && glyph.size <= kSizeMax))
      continue;
    const int degrees = degreesOf(glyph);
    if (degrees != last_degrees)
      builder = &builders.try_emplace(degrees, directionOf(degrees)).first->second;
    last_degrees = degrees;
    builder->add(glyph);
  }

  int n_lines = 0;
  for (auto& [degrees, pieces_of] : builders) {
    const Direction direction = directionOf(degrees);
    std::vector<Piece> pieces = pieces_of.take();
    removeDoubles(pieces);
    std::vector<Line> lines = linesOf(std::move(pieces));
    placeMarks(lines);
    for (Line& line : lines) {
      closeSpacedLetters(line);
      for (Piece& piece : line.pieces)
        result.words.push_back({.text = std::move(piece.text),
                                .box = boxOf(piece, direction),
                                .line = n_lines,
                                .space_after = piece.space_after,
                                .size = piece.size,
                                .bold = piece.bold,
                                .mono = piece.mono,
                                .hidden = piece.hidden,
                                .direction = degrees});
      ++n_lines;
    }
  }
  return result;
}

}  // namespace ingest
