// words.h: how numbers, times, places and foreign text are written (ui.md section 8).
#pragma once

#include <cstdint>

#include <QDateTime>
#include <QString>

#include "engine/base/answer.h"

namespace ui {

QString exactCount(std::int64_t n);        // "908,704"
// "1 file" or "169 files": `many` holds %1 for the number.
QString counted(std::int64_t n, const QString& one, const QString& many);
QString roundCount(std::int64_t n);        // "872", "2.1K", "14K", "1.05M"
QString byteWords(std::int64_t bytes);     // decimal, one digit: "3.2 GB"
QString durationWords(double seconds);     // a measured time: "1.2 s", "48 s", "4 min 00 s"
// A forecast: "1 to 2 s", "5 to 7 min". Always matches "\d+ to \d+ (s|min|h)".
QString rangeWords(double low_s, double high_s);
QString rateWords(double tok_s);           // "1,480 tok/s", "27.4 tok/s"
QString dayWords(const QDateTime& when, const QDateTime& now);  // "14:32", "Sun", "12 Nov"

// The last part of a '/' separated path.
QString fileName(const QString& path);
// "version_set.cc:833–835" or "report.pdf, p. 9"; `path` whole or only the file's name.
enum class PathForm { kWhole, kName };
QString placeWords(const base::Citation& citation, PathForm form);
// Lines or page alone: "833–835", "p. 9".
QString positionWords(const base::Citation& citation);

// Text from files, models and errors, safe to paint: control, bidirectional, zero-width and tag
// characters become visible boxes, one UTF-16 unit each, so that positions stay. Line feeds and
// tabs remain when `lines` is kKeep.
enum class LineBreaks { kKeep, kShow };
QString visibleText(QString text, LineBreaks lines = LineBreaks::kShow);
QString visibleText(std::string_view utf8, LineBreaks lines = LineBreaks::kShow);
// The same for a tooltip, where Qt would take what looks like markup for markup.
QString tooltipText(const QString& text);

}  // namespace ui
