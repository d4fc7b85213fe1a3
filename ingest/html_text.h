// html_text.h: what a person reads of an HTML page, as Markdown.
//
// Invariant: line n of the text is what line n of the page shows. Nothing is moved to another line,
// so a place in the text is a place in the file. Takes time proportional to the page, whatever it
// holds: no recursion, no look-ahead that is not consumed.
#pragma once

#include <string>
#include <string_view>

namespace ingest {

// A whole page that somebody wrote to be read; not a fragment, and not a template, which is code.
bool isHtmlPage(std::string_view name, std::string_view head);

struct HtmlText {
  std::string text;     // headings, lists, links, table cells and code are marked as in Markdown
  int n_left_out = 0;   // scripts, styles and other parts that nobody sees
};

// `html` is UTF-8.
HtmlText htmlText(std::string_view html);

}  // namespace ingest
