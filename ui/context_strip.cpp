#include "ui/context_strip.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <QHelpEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QPainterPath>
#include <QToolTip>

#include "ui/theme.h"
#include "ui/words.h"

namespace ui {
namespace {

constexpr int kMargin = 16, kLaneTop = 30, kLaneHeight = 13;
constexpr double kGapWidth = 2.6;  // narrower rectangles are merged

Token kindColor(SegmentKind kind) {
  switch (kind) {
    case SegmentKind::kInstructions: return Token::kSys;
    case SegmentKind::kCode: return Token::kCode;
    case SegmentKind::kPdf: return Token::kPdf;
    case SegmentKind::kConversation: return Token::kTalk;
  }
  return Token::kSys;
}

}  // namespace

ContextStrip::ContextStrip(QWidget* parent) : QWidget(parent) {
  setObjectName(QStringLiteral("contextStrip"));
  setFixedHeight(theme().px(52));
  setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
  connect(&theme(), &Theme::changed, this, [this] {
    setFixedHeight(theme().px(52));
    invalidate();
  });
}

void ContextStrip::setValue(const ContextValue& value) {
  value_ = value;
  setAccessibleName(tr("Context: %1 of %2 tokens")
                        .arg(exactCount(value.n_used), exactCount(value.n_max)));
  invalidate();
}

void ContextStrip::setStaleFiles(int n_files) {
  n_stale_ = n_files;
  update();
}

void ContextStrip::setQuotes(const QStringList& paths, int current) {
  quotes_ = paths;
  current_ = current;
  update();
}

QSize ContextStrip::sizeHint() const { return {600, theme().px(52)}; }

void ContextStrip::invalidate() {
  cache_ = {};
  update();
}

void ContextStrip::resizeEvent(QResizeEvent*) { invalidate(); }

QRect ContextStrip::laneRect() const {
  return {kMargin, theme().px(kLaneTop), width() - 2 * kMargin, kLaneHeight};
}

double ContextStrip::xOf(std::int64_t token) const {
  if (value_.n_max <= 0) return laneRect().left();
  const double share = static_cast<double>(token) / static_cast<double>(value_.n_max);
  return laneRect().left() + share * laneRect().width();
}

const ContextSegment* ContextStrip::segmentAt(int x) const {
  for (const ContextSegment& segment : value_.segments)
    if (x >= xOf(segment.tokens.begin) && x < std::max(xOf(segment.tokens.end),
                                                       xOf(segment.tokens.begin) + 1))
      return &segment;
  return nullptr;
}

int ContextStrip::quoteX(int quote) const {
  if (quote < 0 || quote >= quotes_.size()) return -1;
  for (const ContextSegment& segment : value_.segments)
    if (segment.path == quotes_[quote])
      return static_cast<int>((xOf(segment.tokens.begin) + xOf(segment.tokens.end)) / 2);
  return -1;
}

void ContextStrip::paintLane(QPainter& painter) const {
  const QRect lane = laneRect();
  painter.setPen(Qt::NoPen);
  painter.setBrush(QBrush(color(Token::kLineStrong), Qt::BDiagPattern));
  painter.drawRect(lane);
  for (const ContextSegment& segment : value_.segments) {
    const double left = xOf(segment.tokens.begin);
    double width = xOf(segment.tokens.end) - left;
    if (width > kGapWidth) width -= 1;
    // A tiny file in a huge context still shows.
    width = std::max(width, 1.0);
    QColor fill = color(kindColor(segment.kind));
    painter.fillRect(QRectF(left, lane.top(), width, lane.height()), color(Token::kWindow));
    if (segment.tokens.begin >= value_.n_read) fill.setAlphaF(0.28F);
    painter.fillRect(QRectF(left, lane.top(), width, lane.height()), fill);
  }
  if (value_.reading)
    painter.fillRect(QRectF(xOf(value_.n_read) - 1, lane.top() - 3, 2, lane.height() + 6),
                     color(Token::kAccent));
}

int ContextStrip::paintBudget(QPainter& painter) const {
  const int baseline = theme().px(20);
  int x = kMargin;
  const auto write = [&](const QString& text, FontRole role, Token ink) {
    painter.setFont(theme().font(role));
    painter.setPen(color(ink));
    painter.drawText(x, baseline, text);
    x += painter.fontMetrics().horizontalAdvance(text) + 8;
  };
  write(tr("Context"), FontRole::kSmallStrong, Token::kText);
  if (value_.reading) {
    write(exactCount(value_.n_read), FontRole::kSmallStrong, Token::kAccent);
    write(tr("read of %1 planned, budget %2 tokens")
              .arg(exactCount(value_.n_used), exactCount(value_.n_max)),
          FontRole::kSmall, Token::kText2);
    return x;
  }
  write(exactCount(value_.n_used), FontRole::kSmallStrong, Token::kText);
  write(tr("of %1 tokens").arg(exactCount(value_.n_max)), FontRole::kSmall, Token::kText2);
  x += 8;
  const bool over = value_.n_used > value_.n_max;
  if (over) write(tr("over by %1").arg(exactCount(value_.n_used - value_.n_max)),
                  FontRole::kSmallStrong, Token::kDanger);
  else write(tr("%1 free").arg(exactCount(freeTokens())), FontRole::kSmall, Token::kText2);
  if (!over && n_stale_ > 0)
    write(counted(n_stale_, tr("1 file changed on disk"), tr("%1 files changed on disk")),
          FontRole::kSmallStrong, Token::kWarn);
  return x;
}

// The legend drops entries from the right as the width shrinks.
void ContextStrip::paintLegend(QPainter& painter, int left_limit) const {
  const std::vector<std::pair<Token, QString>> entries = {
      {Token::kSys, tr("instructions")}, {Token::kCode, tr("code and text")},
      {Token::kPdf, tr("PDF")}, {Token::kTalk, tr("conversation")},
      {Token::kLineStrong, tr("free")}};
  painter.setFont(theme().font(FontRole::kSmall));
  const QFontMetrics metrics = painter.fontMetrics();
  std::vector<int> widths;
  int total = 0;
  for (const auto& [token, words] : entries) {
    widths.push_back(metrics.horizontalAdvance(words) + 13 + 16);
    total += widths.back();
  }
  size_t n_shown = entries.size();
  while (n_shown > 0 && width() - kMargin - total < left_limit + 16) total -= widths[--n_shown];
  int x = width() - kMargin - total + 16;
  const int baseline = theme().px(20);
  for (size_t i = 0; i < n_shown; ++i) {
    const QRect swatch(x, baseline - 8, 8, 8);
    painter.setRenderHint(QPainter::Antialiasing);
    const bool free = entries[i].first == Token::kLineStrong;
    painter.setPen(free ? QPen(color(Token::kControl)) : QPen(Qt::NoPen));
    painter.setBrush(free ? QBrush(Qt::NoBrush) : QBrush(color(entries[i].first)));
    painter.drawRoundedRect(swatch, 2, 2);
    painter.setPen(color(Token::kText2));
    painter.drawText(x + 13, baseline, entries[i].second);
    x += widths[i];
  }
}

void ContextStrip::paintEvent(QPaintEvent*) {
  if (cache_.isNull()) {
    cache_ = QPixmap(size() * devicePixelRatioF());
    cache_.setDevicePixelRatio(devicePixelRatioF());
    cache_.fill(color(Token::kWindow));
    QPainter painter(&cache_);
    paintLane(painter);
  }
  QPainter painter(this);
  painter.drawPixmap(0, 0, cache_);
  paintLegend(painter, paintBudget(painter));
  painter.setRenderHint(QPainter::Antialiasing);
  painter.setPen(Qt::NoPen);
  for (int quote = 0; quote < quotes_.size(); ++quote) {
    const int x = quoteX(quote);
    if (x < 0) continue;
    const int y = laneRect().top() - 1;
    QPainterPath triangle(QPointF(x, y));
    triangle.lineTo(x - 4, y - 5);
    triangle.lineTo(x + 4, y - 5);
    triangle.closeSubpath();
    painter.fillPath(triangle, color(quote == current_ ? Token::kAccent : Token::kOk));
  }
  painter.fillRect(QRect(0, height() - 1, width(), 1), color(Token::kLine));
}

void ContextStrip::mousePressEvent(QMouseEvent* event) {
  if (const ContextSegment* segment = segmentAt(event->pos().x()))
    if (segment->kind == SegmentKind::kCode || segment->kind == SegmentKind::kPdf)
      emit fileActivated(segment->path);
}

bool ContextStrip::event(QEvent* event) {
  if (event->type() != QEvent::ToolTip) return QWidget::event(event);
  auto* help = static_cast<QHelpEvent*>(event);
  const ContextSegment* segment = segmentAt(help->pos().x());
  if (!segment || !laneRect().adjusted(0, -6, 0, 6).contains(help->pos())) {
    QToolTip::hideText();
    return true;
  }
  QToolTip::showText(help->globalPos(),
                     tr("%1\n%2 tokens from %3\n%4", "path, count, position, state")
                         .arg(visibleText(segment->path), exactCount(segment->tokens.size()),
                              exactCount(segment->tokens.begin),
                              segment->tokens.begin < value_.n_read ? tr("read") : tr("planned")),
                     this);
  return true;
}

}  // namespace ui
