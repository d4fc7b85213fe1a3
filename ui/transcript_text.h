// transcript_text.h: a paragraph with chips in it, laid out once for a width.
#pragma once

#include <memory>
#include <vector>

#include <QTextLayout>

#include "ui/answer_text.h"
#include "ui/theme.h"

namespace ui {

// A quote's mark or underline, in the paragraph's coordinates.
struct ChipPlace {
  int quote = 0;
  QRectF rect;
};

class ParagraphLayout {
 public:
  struct Style {
    FontRole role = FontRole::kReading;
    Token ink = Token::kText;
    bool emphasis = false;
  };

  // `quotes` are those of the answer; the paragraph keeps no pointer into them.
  ParagraphLayout(const std::vector<Inline>& content, const std::vector<Quote>& quotes,
                  const Style& style, qreal width);
  // Plain words without quotes.
  ParagraphLayout(const QString& text, const Style& style, qreal width);

  qreal height() const { return height_; }
  // Of the longest line.
  qreal textWidth() const;
  QPointF end() const;          // behind the last character, at the top of its line
  const std::vector<ChipPlace>& chips() const { return chips_; }
  void paint(QPainter& painter, const QPointF& at, int current_quote) const;

 private:
  struct Chip {
    int quote = 0;
    int position = 0;
    EvidenceState state = EvidenceState::kUnverified;
    QString words;
  };
  struct Underline {
    int start = 0, length = 0;
    EvidenceState state = EvidenceState::kUnverified;
  };

  void add(const Inline& part, const std::vector<Quote>& quotes, const Style& style,
           QString& text, QList<QTextLayout::FormatRange>& formats);
  void layOut(qreal width, const Style& style);
  void paintChip(QPainter& painter, const Chip& chip, const QRectF& rect, bool current) const;
  void paintUnderline(QPainter& painter, const QPointF& at, const Underline& underline) const;

  std::unique_ptr<QTextLayout> layout_;
  std::vector<Chip> marks_;
  std::vector<Underline> underlines_;
  std::vector<ChipPlace> chips_;
  qreal height_ = 0;
};

}  // namespace ui
