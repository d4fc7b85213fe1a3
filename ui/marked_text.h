// marked_text.h: text with ranges that are to stand out, as data: nothing in it is markup.
#pragma once

#include <vector>

#include <QString>

namespace ui {

struct MarkedText {
  struct Mark {
    int begin = 0, length = 0;  // UTF-16 units of `text`
  };
  QString text;                 // safe to paint
  std::vector<Mark> marks;      // in order, apart from each other
};

// What stands between U+2068 and U+2069 is marked. One without the other marks nothing.
MarkedText markedText(const QString& snippet);

}  // namespace ui
