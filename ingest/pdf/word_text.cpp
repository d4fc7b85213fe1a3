#include "ingest/pdf/word_text.h"

#include <QChar>
#include <QList>
#include <QString>
#include <algorithm>

#include "ingest/clean_text.h"

namespace ingest {
namespace {

// Latin and Armenian ligatures, Hebrew and Arabic presentation forms, punctuation turned for
// vertical writing.
bool isPresentationForm(char32_t c) {
  return (c >= 0xFE10 && c <= 0xFE19) || (c >= 0xFE30 && c <= 0xFE48) ||
         (c >= 0xFB00 && c <= 0xFDFF) || (c >= 0xFE70 && c <= 0xFEFC);
}

bool isPrivateUse(char32_t c) {
  return (c >= 0xE000 && c <= 0xF8FF) || (c >= 0xF0000 && c <= 0x10FFFD);
}

// Glyphs without a character arrive as private codes, as the replacement character, or as the raw
// code of the font, which is a control character where it was numbered from zero.
bool isUnmapped(char32_t c) {
  return isPrivateUse(c) || c == 0xFFFD || (c < 0x20 && c != '\t' && c != '\n' && c != '\r') ||
         (c >= 0x7F && c <= 0x9F);
}

bool isMark(char32_t c) { return QChar::isMark(c); }

void appendFolded(std::u32string& text, char32_t c) {
  if (!isPresentationForm(c)) {
    text.push_back(c);
    return;
  }
  const QString folded = QString::fromUcs4(&c, 1).normalized(QString::NormalizationForm_KC);
  for (const uint part : folded.toUcs4()) text.push_back(part);
}

}  // namespace

bool isRightToLeft(char32_t c) {
  const QChar::Direction direction = QChar::direction(c);
  return direction == QChar::DirR || direction == QChar::DirAL;
}

bool isLeftToRight(char32_t c) { return QChar::direction(c) == QChar::DirL; }

WordText cleanWord(std::u32string_view word) {
  WordText result;
  for (std::size_t i = 0; i < word.size(); ++i) {
    char32_t c = word[i];
    if ((c == 0x00AD || c == 0x2010) && i + 1 == word.size()) c = '-';
    if (isUnmapped(c)) {
      ++result.n_unmapped;
      result.text.push_back(0xFFFD);
    } else if (isCleanCharacter(c)) {
      appendFolded(result.text, c);
    }
  }
  return result;
}

std::u32string toReadingOrder(std::u32string_view word) {
  if (std::none_of(word.begin(), word.end(), isRightToLeft)) return std::u32string(word);
  std::u32string turned(word.rbegin(), word.rend());
  // What is written left to right inside was turned as well: turn it back. Marks stood behind
  // their letter on paper order too, so each group of marks is turned back with its letter.
  for (auto begin = turned.begin(); begin != turned.end();) {
    auto end = begin;
    if (isMark(*begin)) {
      while (end != turned.end() && isMark(*end)) ++end;
      if (end != turned.end()) ++end;
      std::reverse(begin, end);
    } else if (!isRightToLeft(*begin) && QChar::isLetterOrNumber(*begin)) {
      auto last = begin;
      for (end = begin; end != turned.end() && !isRightToLeft(*end) && !isMark(*end); ++end)
        if (QChar::isLetterOrNumber(*end)) last = end;
      end = last + 1;
      std::reverse(begin, end);
    } else {
      ++end;
    }
    begin = end;
  }
  return turned;
}

}  // namespace ingest
