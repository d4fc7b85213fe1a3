#include "ingest/page_furniture.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <string>
#include <utility>

namespace ingest {
namespace {

constexpr double kEdgeShare = 0.14;  // of the page's height: furniture stands in it
constexpr double kPlaceSlack = 3;    // points between the heads of two pages
constexpr double kSizeMax = 1.15;    // of the document's text: titles of slides are no furniture
constexpr int kPagesAround = 8;      // a chapter's head lasts a while; left and right pages differ
constexpr int kPagesAlikeMin = 3;
constexpr std::size_t kLinesPerEdge = 3;  // rows that are looked at, from the edge inwards
constexpr std::size_t kLineBytesMax = 200;
constexpr std::size_t kPartBytesMin = 6;  // of a title that is the same on several pages

enum class Edge { kTop, kBottom };

// Lines of one height at the edge of a page.
struct EdgeRow {
  std::vector<std::size_t> lines;
  double y = 0;
  std::vector<std::string> parts = {};  // the texts without what counts up, sorted
  std::string key;                      // all of them
  bool only_number = false;
};

bool isRoman(const std::string& word) {
  return !word.empty() && word.find_first_not_of("ivxlcIVXLC") == std::string::npos;
}

// "Page 12 of 40" and "Page 13 of 40" are alike, "iv" and "v" too.
std::string keyOf(std::string_view text) {
  std::string key, word;
  const auto endWord = [&] {
    key += isRoman(word) ? "#" : word;
    word.clear();
  };
  for (const char c : text) {
    if (std::isdigit(static_cast<unsigned char>(c)) != 0) {
      endWord();
      if (key.empty() || key.back() != '#') key += '#';
    } else if (c == ' ' || c == '\t' || c == '\n') {
      endWord();
      if (!key.empty() && key.back() != ' ') key += ' ';
    } else {
      word += c;
    }
  }
  endWord();
  return key;
}

bool isOnlyNumber(const std::string& key) {
  if (key.find('#') == std::string::npos) return false;
  return std::none_of(key.begin(), key.end(),
                      [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; });
}

double bodySize(const std::vector<PageText>& pages) {
  std::map<long, std::size_t> n_bytes;
  for (const PageText& page : pages)
    for (const PageLine& line : page.lines)
      n_bytes[std::lround(line.size * 10)] += line.end - line.begin;
  const auto most =
      std::max_element(n_bytes.begin(), n_bytes.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == n_bytes.end() ? 0 : static_cast<double>(most->first) / 10;
}

// Rows from the edge inwards, as far as they may be furniture.
std::vector<EdgeRow> rowsAt(const PageText& page, Edge edge, double size_max) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < page.lines.size(); ++i) {
    const base::Box& box = page.lines[i].box;
    const double depth = edge == Edge::kTop ? box.y1 : page.height - box.y0;
    if (depth <= kEdgeShare * page.height) order.push_back(i);
  }
  const auto y = [&](std::size_t i) {
    const base::Box& box = page.lines[i].box;
    return edge == Edge::kTop ? (box.y0 + box.y1) / 2 : page.height - (box.y0 + box.y1) / 2;
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return y(a) < y(b); });
  std::vector<EdgeRow> rows;
  for (const std::size_t i : order) {
    if (rows.empty() || y(i) - rows.back().y > 0.5 * page.lines[i].size) {
      if (rows.size() == kLinesPerEdge) break;
      rows.push_back({.lines = {}, .y = y(i), .key = {}});
    }
    rows.back().lines.push_back(i);
  }
  for (EdgeRow& row : rows) {
    std::sort(row.lines.begin(), row.lines.end(), [&](std::size_t a, std::size_t b) {
      return page.lines[a].box.x0 < page.lines[b].box.x0;
    });
    for (const std::size_t i : row.lines) {
      const PageLine& line = page.lines[i];
      if (line.size > size_max || line.end - line.begin > kLineBytesMax) {
        rows.resize(static_cast<std::size_t>(&row - rows.data()));
        return rows;
      }
      row.parts.push_back(
          keyOf(std::string_view(page.text).substr(line.begin, line.end - line.begin)));
    }
    // The number stands left on one page and right on the next.
    std::sort(row.parts.begin(), row.parts.end());
    for (const std::string& part : row.parts) row.key += part + "|";
    row.only_number = isOnlyNumber(row.key);
  }
  return rows;
}

// The same text, or the same title of the chapter beside another one of the section.
bool areAlike(const EdgeRow& a, const EdgeRow& b) {
  if (a.key == b.key) return true;
  return std::any_of(a.parts.begin(), a.parts.end(), [&](const std::string& part) {
    return part.size() >= kPartBytesMin && std::binary_search(b.parts.begin(), b.parts.end(), part);
  });
}

class FurnitureFinder {
 public:
  FurnitureFinder(const std::vector<PageText>& pages, Edge edge) : edge_(edge) {
    const double size_max = kSizeMax * bodySize(pages);
    for (const PageText& page : pages) rows_.push_back(rowsAt(page, edge, size_max));
  }

  // Rows of the page that are furniture: the outermost and those behind it without a break.
  void find(std::size_t page, std::vector<std::size_t>& lines) const {
    for (const EdgeRow& row : rows_[page]) {
      if (!isFurniture(page, row)) break;
      lines.insert(lines.end(), row.lines.begin(), row.lines.end());
    }
  }

 private:
  bool isFurniture(std::size_t page, const EdgeRow& row) const {
    int n_alike = 1;
    const auto first = page > kPagesAround ? page - kPagesAround : 0;
    const auto last = std::min(rows_.size(), page + kPagesAround + 1);
    for (std::size_t other = first; other < last; ++other)
      n_alike +=
          other != page &&
          std::any_of(rows_[other].begin(), rows_[other].end(), [&](const EdgeRow& candidate) {
            return areAlike(candidate, row) && std::abs(candidate.y - row.y) < kPlaceSlack;
          });
    return n_alike >= (row.only_number ? kPagesAlikeMin - 1 : kPagesAlikeMin);
  }

  const Edge edge_;
  std::vector<std::vector<EdgeRow>> rows_;
};

}  // namespace

std::vector<std::vector<std::size_t>> furnitureOf(const std::vector<PageText>& pages) {
  std::vector<std::vector<std::size_t>> furniture(pages.size());
  const FurnitureFinder top(pages, Edge::kTop), bottom(pages, Edge::kBottom);
  for (std::size_t i = 0; i < pages.size(); ++i) {
    top.find(i, furniture[i]);
    bottom.find(i, furniture[i]);
    auto& lines = furniture[i];
    std::sort(lines.begin(), lines.end());
    lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
    // A page that would lose everything is the same page again, not a frame around nothing; but a
    // page with nothing but its number is empty.
    std::size_t n_bytes = 0;
    for (const std::size_t k : lines) n_bytes += pages[i].lines[k].end - pages[i].lines[k].begin;
    if (lines.size() == pages[i].lines.size() && n_bytes > 12) lines.clear();
  }
  return furniture;
}

}  // namespace ingest
