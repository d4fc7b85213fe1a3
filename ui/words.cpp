#include "ui/words.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include <QCoreApplication>
#include <QLocale>

namespace ui {
namespace {

QString tr(const char* text, const char* comment = nullptr) {
  return QCoreApplication::translate("ui::words", text, comment);
}

// The C locale groups no digits; people without a locale still want to read 908,704.
QLocale locale() {
  const QLocale locale;
  return locale.language() == QLocale::C ? QLocale(QLocale::English) : locale;
}

constexpr char16_t kBox = u'\u25AF';

bool isHiddenUnit(char16_t c) {
  return (c >= 0x7F && c <= 0x9F) || c == 0xAD || c == 0x61C || c == 0x115F || c == 0x1160 ||
         (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
         (c >= 0x2060 && c <= 0x206F) || c == 0x3164 || c == 0xFEFF || c == 0xFFA0 ||
         (c >= 0xFFF9 && c <= 0xFFFC);
}

// Tags, variation selectors supplement and private planes: U+E0000 and above.
bool isHiddenPair(char16_t high) { return high >= 0xDB40 && high <= 0xDBFF; }

}  // namespace

QString exactCount(std::int64_t n) { return locale().toString(static_cast<qlonglong>(n)); }

QString counted(std::int64_t n, const QString& one, const QString& many) {
  return n == 1 ? one : many.arg(exactCount(n));
}

QString roundCount(std::int64_t n) {
  if (n < 1000) return exactCount(n);
  const double k = static_cast<double>(n) / 1e3;
  if (k < 9.95) return tr("%1K", "thousand").arg(locale().toString(k, 'f', 1));
  if (k < 999.5) return tr("%1K", "thousand").arg(exactCount(std::llround(k)));
  return tr("%1M", "million").arg(locale().toString(k / 1e3, 'f', 2));
}

QString byteWords(std::int64_t bytes) {
  const double b = static_cast<double>(bytes);
  if (b < 1e3) return tr("%1 B", "bytes").arg(bytes);
  if (b < 1e6) return tr("%1 KB", "bytes").arg(locale().toString(b / 1e3, 'f', 1));
  if (b < 1e9) return tr("%1 MB", "bytes").arg(locale().toString(b / 1e6, 'f', 1));
  return tr("%1 GB", "bytes").arg(locale().toString(b / 1e9, 'f', 1));
}

QString durationWords(double seconds) {
  if (seconds < 10) return tr("%1 s", "seconds").arg(locale().toString(seconds, 'f', 1));
  const std::int64_t whole = std::llround(seconds);
  if (whole < 60) return tr("%1 s", "seconds").arg(whole);
  if (whole < 3600)
    return tr("%1 min %2 s").arg(whole / 60).arg(whole % 60, 2, 10, QLatin1Char('0'));
  return tr("%1 h %2 min").arg(whole / 3600).arg(whole % 3600 / 60, 2, 10, QLatin1Char('0'));
}

QString rangeWords(double low_s, double high_s) {
  struct Unit {
    double seconds;
    QString words;
  };
  const Unit unit = high_s < 100     ? Unit{1, tr("%1 to %2 s", "forecast, seconds")}
                    : high_s < 5400 ? Unit{60, tr("%1 to %2 min", "forecast, minutes")}
                                    : Unit{3600, tr("%1 to %2 h", "forecast, hours")};
  const auto low = static_cast<std::int64_t>(std::floor(std::max(0.0, low_s) / unit.seconds));
  const auto high = static_cast<std::int64_t>(std::ceil(std::max(0.0, high_s) / unit.seconds));
  return unit.words.arg(low).arg(std::max(high, low + 1));
}

QString rateWords(double tok_s) {
  return tr("%1 tok/s").arg(locale().toString(tok_s, 'f', tok_s < 100 ? 1 : 0));
}

QString dayWords(const QDateTime& when, const QDateTime& now) {
  const qint64 days = when.date().daysTo(now.date());
  if (days <= 0) return locale().toString(when.time(), QStringLiteral("HH:mm"));
  if (days < 7) return locale().toString(when.date(), QStringLiteral("ddd"));
  if (when.date().year() == now.date().year())
    return locale().toString(when.date(), QStringLiteral("d MMM"));
  return locale().toString(when.date(), QStringLiteral("d MMM yyyy"));
}

QString fileName(const QString& path) { return path.section(QLatin1Char('/'), -1); }

QString positionWords(const base::Citation& citation) {
  if (citation.page > 0) return tr("p. %1", "page").arg(citation.page);
  if (citation.line_start <= 0) return {};
  if (citation.line_end <= citation.line_start) return QString::number(citation.line_start);
  return tr("%1\u2013%2", "lines").arg(citation.line_start).arg(citation.line_end);
}

QString placeWords(const base::Citation& citation, PathForm form) {
  const QString whole = visibleText(citation.path);
  const QString path = form == PathForm::kWhole ? whole : fileName(whole);
  const QString position = positionWords(citation);
  if (position.isEmpty()) return path;
  return citation.page > 0 ? tr("%1, %2", "file, page").arg(path, position)
                           : tr("%1:%2", "file:lines").arg(path, position);
}

QString visibleText(QString text, LineBreaks lines) {
  for (qsizetype i = 0; i < text.size(); ++i) {
    const char16_t c = text.at(i).unicode();
    const bool kept = lines == LineBreaks::kKeep && (c == u'\n' || c == u'\t');
    if (c < 0x20) {
      if (!kept) text[i] = QChar(static_cast<char16_t>(0x2400 + c));  // control pictures
    } else if (isHiddenUnit(c)) {
      text[i] = QChar(kBox);
    } else if (isHiddenPair(c) && i + 1 < text.size()) {
      text[i] = QChar(kBox);
      text[++i] = QChar(kBox);
    }
  }
  return text;
}

QString visibleText(std::string_view utf8, LineBreaks lines) {
  return visibleText(QString::fromUtf8(utf8.data(), static_cast<qsizetype>(utf8.size())), lines);
}

QString tooltipText(const QString& text) {
  constexpr int kShownMax = 600;
  return QLatin1String("<qt>") + visibleText(text.left(kShownMax)).toHtmlEscaped() +
         QLatin1String("</qt>");
}

}  // namespace ui
