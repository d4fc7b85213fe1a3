#include "ui/marked_text.h"

#include "ui/words.h"

namespace ui {

MarkedText markedText(const QString& snippet) {
  constexpr QChar kBegin(0x2068), kEnd(0x2069);
  MarkedText marked;
  int begin = -1;
  for (const QChar c : snippet) {
    if (c == kBegin) {
      begin = static_cast<int>(marked.text.size());
    } else if (c == kEnd) {
      const int length = static_cast<int>(marked.text.size()) - begin;
      if (begin >= 0 && length > 0) marked.marks.push_back({begin, length});
      begin = -1;
    } else {
      marked.text += c == QLatin1Char('\n') || c == QLatin1Char('\t') ? QChar(u' ') : c;
    }
  }
  marked.text = visibleText(marked.text);  // one unit for one: the marks stay where they are
  return marked;
}

}  // namespace ui
