#include "ingest/html_text.h"

#include <algorithm>
#include <array>
#include <vector>

#include "ingest/html_entity.h"

namespace ingest {
namespace {

constexpr std::size_t kAttributeBytesMax = 4096;  // longer: the quote was no quote
constexpr std::size_t kUrlBytesMax = 300;         // longer ones carry data, not a place
constexpr std::size_t kLinksMax = 64;             // open at once

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool isLetter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }
bool isBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\f'; }

std::string lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

template <class Table>
bool contains(const Table& table, std::string_view word) {
  return std::find(std::begin(table), std::end(table), word) != std::end(table);
}

// What is inside of these is not shown.
constexpr std::string_view kUnseen[] = {"script", "style", "template", "svg", "iframe", "object"};
constexpr std::string_view kBlocks[] = {
    "address", "article", "aside",  "blockquote", "br",  "caption", "dd",  "details", "div",
    "dl",      "dt",      "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2",
    "h3",      "h4",      "h5",     "h6",         "header", "hr",   "li",  "main",    "nav",
    "ol",      "p",       "pre",    "section",    "summary", "table", "title", "tr",   "ul"};

class Converter {
 public:
  explicit Converter(std::string_view html) : html_(html) { out_.text.reserve(html.size() / 2); }

  HtmlText run() {
    while (at_ < html_.size()) {
      const char c = html_[at_];
      if (c == '<') readMarkup();
      else if (c == '&') readEntity();
      else readCharacter(c);
    }
    return std::move(out_);
  }

 private:
  std::string& text() { return out_.text; }
  bool lineIsEmpty() const { return out_.text.empty() || out_.text.back() == '\n'; }

  void readCharacter(char c) {
    ++at_;
    if (c == '\n') return breakLine();
    if (isBlank(c)) {
      if (n_pre_ > 0) text() += c == '\r' ? ' ' : c;
      else blank_ = true;
      return;
    }
    put(std::string_view(&c, 1));
  }

  void readEntity() {
    std::string decoded;
    at_ += appendEntity(html_.substr(at_, 40), decoded);
    put(decoded);
  }

  // The only place where the text gets a line feed: where the page has one.
  void breakLine() {
    while (n_pre_ == 0 && !text().empty() && text().back() == ' ') text().pop_back();
    text() += '\n';
    blank_ = false;
  }

  void put(std::string_view piece) {
    if (blank_ && !lineIsEmpty() && text().back() != ' ') text() += ' ';
    blank_ = false;
    text() += piece;
  }

  // Newlines of what is left out.
  void keepLines(std::string_view skipped) {
    for (const char c : skipped)
      if (c == '\n') breakLine();
  }
  void skipTo(std::size_t end) {
    end = std::min(end, html_.size());
    keepLines(html_.substr(at_, end - at_));
    at_ = end;
  }

  void readMarkup() {
    const std::string_view rest = html_.substr(at_);
    if (rest.starts_with("<!--")) return skipTo(behind("-->", at_ + 4));
    if (rest.starts_with("<![CDATA[")) return skipTo(at_ + 9);
    if (rest.size() > 1 && (rest[1] == '!' || rest[1] == '?')) return skipTo(behind(">", at_));
    const bool closes = rest.size() > 1 && rest[1] == '/';
    const std::size_t name = closes ? 2 : 1;
    if (rest.size() <= name || !isLetter(rest[name]) || no_more_ends_)
      return readCharacter('<');
    readTag(at_ + name, closes);
  }

  // Behind the next `mark`; the end of the page when there is none.
  std::size_t behind(std::string_view mark, std::size_t from) const {
    const std::size_t found = html_.find(mark, from);
    return found == std::string_view::npos ? html_.size() : found + mark.size();
  }

  struct Tag {
    std::string name;
    std::string href, alt;
    std::size_t end = 0;  // behind its '>'
  };

  void readTag(std::size_t at, bool closes) {
    Tag tag;
    const std::size_t name = at;
    while (at < html_.size() && at - name < 16 && (isLetter(html_[at]) || (html_[at] >= '0' && html_[at] <= '9')))
      ++at;
    tag.name = lowered(html_.substr(name, at - name));
    if (!readAttributes(at, tag)) {
      no_more_ends_ = true;
      return readCharacter('<');
    }
    skipTo(tag.end);
    if (closes) return close(tag.name);
    if (contains(kUnseen, tag.name)) return skipUnseen(tag.name);
    open(tag);
  }

  // False when the tag never ends.
  bool readAttributes(std::size_t at, Tag& tag) {
    std::string attribute;
    for (; at < html_.size(); ++at) {
      const char c = html_[at];
      if (c == '>') {
        tag.end = at + 1;
        return true;
      }
      if (c == '"' || c == '\'') {
        const std::size_t end = nextQuote(c, at + 1);
        if (end == std::string_view::npos || end - at > kAttributeBytesMax) continue;
        const std::string_view value = html_.substr(at + 1, end - at - 1);
        if (attribute == "href=") tag.href = value;
        if (attribute == "alt=") tag.alt = value;
        attribute.clear();
        at = end;
      } else if (c == '=' || isLetter(c)) {
        if (attribute.size() < 8) attribute += lower(c);
      } else {
        attribute.clear();
      }
    }
    return false;
  }

  // Positions only grow, so every byte is searched once per kind of quote.
  std::size_t nextQuote(char quote, std::size_t from) {
    std::size_t& known = next_quote_[quote == '"'];
    if (known != std::string_view::npos && known < from) known = html_.find(quote, from);
    return known;
  }

  void skipUnseen(const std::string& name) {
    ++out_.n_left_out;
    const std::string end = "</" + name;
    for (std::size_t at = html_.find('<', at_); at != std::string_view::npos;
         at = html_.find('<', at + 1))
      if (lowered(html_.substr(at, end.size())) == end) {
        const std::size_t close = html_.find('>', at);
        return skipTo(close == std::string_view::npos ? html_.size() : close + 1);
      }
    skipTo(html_.size());
  }

  void separate() { blank_ = true; }

  void open(const Tag& tag) {
    if (contains(kBlocks, tag.name)) separate();
    const std::string& name = tag.name;
    if (name.size() == 2 && name[0] == 'h' && name[1] >= '1' && name[1] <= '6')
      put(std::string(static_cast<std::size_t>(name[1] - '0'), '#') + " ");
    else if (name == "title") put("# ");
    else if (name == "li") put("- ");
    else if (name == "td" || name == "th") separate(), put("| ");
    else if (name == "pre") ++n_pre_;
    else if (name == "code" && n_pre_ == 0) put("`");
    else if (name == "img" && !tag.alt.empty()) putAttribute("![" + tag.alt + "]");
    else if (name == "a" && links_.size() < kLinksMax) openLink(tag.href);
  }

  void openLink(const std::string& href) {
    const bool shown = !href.empty() && href[0] != '#' && href.size() <= kUrlBytesMax &&
                       !lowered(href.substr(0, 11)).starts_with("javascript");
    links_.push_back(shown ? href : "");
    if (shown) put("[");
  }

  void close(const std::string& name) {
    if (name == "pre") n_pre_ = std::max(0, n_pre_ - 1);
    else if (name == "code" && n_pre_ == 0) text() += '`';
    else if (name == "tr" && !lineIsEmpty()) separate(), put("|");
    else if (name == "a" && !links_.empty()) {
      if (!links_.back().empty()) putAttribute("](" + links_.back() + ")");
      links_.pop_back();
    }
    if (contains(kBlocks, name)) separate();
  }

  // A value of an attribute: entities decoded, on one line.
  void putAttribute(std::string_view value) {
    std::string decoded;
    for (std::size_t at = 0; at < value.size();) {
      if (value[at] == '&') {
        at += appendEntity(value.substr(at, 40), decoded);
      } else {
        decoded += value[at] == '\n' || value[at] == '\r' ? ' ' : value[at];
        ++at;
      }
    }
    blank_ = blank_ && value[0] == '!';
    put(decoded);
  }

  const std::string_view html_;
  std::size_t at_ = 0;
  HtmlText out_;
  bool blank_ = false;         // white space is due before the next piece
  bool no_more_ends_ = false;  // no tag ends behind here: every '<' is a character
  int n_pre_ = 0;
  std::vector<std::string> links_;
  std::array<std::size_t, 2> next_quote_{};
};

}  // namespace

bool isHtmlPage(std::string_view name, std::string_view head) {
  const std::string ending = lowered(name.substr(name.rfind('.') + 1));
  if (ending != "html" && ending != "htm" && ending != "xhtml") return false;
  const std::string begin = lowered(head.substr(0, 2048));
  if (begin.find("<!doctype html") == std::string::npos && begin.find("<html") == std::string::npos)
    return false;
  for (const std::string_view mark : {"{{", "{%", "<?php", "<%", "<script type=\"module\"", "ng-app"})
    if (head.find(mark) != std::string_view::npos) return false;
  return true;
}

HtmlText htmlText(std::string_view html) { return Converter(html).run(); }

}  // namespace ingest
