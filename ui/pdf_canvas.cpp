#include "ui/pdf_canvas.h"

#include <algorithm>

#include <QKeyEvent>
#include <QPainter>
#include <QScrollBar>
#include <QWheelEvent>

#include "ui/theme.h"

namespace ui {
namespace {

constexpr double kMargin = 18;   // around the page, in design pixels

// Lines of one column: each box overlaps the one before it sideways.
std::vector<QRectF> columnsOf(const std::vector<QRectF>& lines) {
  std::vector<QRectF> columns;
  for (const QRectF& line : lines) {
    const bool same = !columns.empty() && line.left() < columns.back().right() &&
                      columns.back().left() < line.right() && line.top() >= columns.back().top();
    if (same)
      columns.back() |= line;
    else
      columns.push_back(line);
  }
  return columns;
}

}  // namespace

PdfCanvas::PdfCanvas(QWidget* parent) : QAbstractScrollArea(parent) {
  setFrameShape(QFrame::NoFrame);
  setFocusPolicy(Qt::StrongFocus);
  setAccessibleName(tr("Page of a PDF"));
  for (QScrollBar* bar : {verticalScrollBar(), horizontalScrollBar()})
    connect(bar, &QAbstractSlider::actionTriggered, this, [this] { landing_ = false; });
  connect(&theme(), &Theme::changed, viewport(), qOverload<>(&QWidget::update));
}

void PdfCanvas::show(const PdfPage& page) {
  const bool moved = page.path != page_.path || page.page != page_.page ||
                     page.boxes != page_.boxes;
  page_ = page;
  updateScrollBars();
  if (moved) landing_ = true;
  if (landing_) land();
  setAccessibleDescription(tr("Page %1 of %2").arg(page.page).arg(page.n_pages));
  viewport()->update();
}

void PdfCanvas::setZoom(double zoom) {
  // What is in the middle stays there.
  const QScrollBar* bar = verticalScrollBar();
  const double middle = bar->value() + viewport()->height() / 2.0;
  const double factor = zoom / zoom_;
  zoom_ = zoom;
  updateScrollBars();
  verticalScrollBar()->setValue(qRound(middle * factor - viewport()->height() / 2.0));
  if (landing_) land();
  viewport()->update();
}

double PdfCanvas::fitZoom() const {
  if (page_.width_pt <= 0) return 1;
  // The scroll bar's room is left free, so that its coming and going changes nothing.
  const double free = maximumViewportSize().width() - verticalScrollBar()->sizeHint().width() -
                      2 * theme().px(kMargin);
  return std::max(0.05, free / page_.width_pt);
}

QRectF PdfCanvas::pageRect() const {
  const double width = page_.width_pt * zoom_, height = page_.height_pt * zoom_;
  const double margin = theme().px(kMargin);
  const double left = std::max(margin, (viewport()->width() - width) / 2);
  return {left - horizontalScrollBar()->value(), margin - verticalScrollBar()->value(), width,
          height};
}

QRectF PdfCanvas::boxRect(const base::Box& box) const {
  const QRectF on_page(box.x0 * zoom_, box.y0 * zoom_, (box.x1 - box.x0) * zoom_,
                       (box.y1 - box.y0) * zoom_);
  return on_page.translated(pageRect().topLeft());
}

void PdfCanvas::paintEvent(QPaintEvent*) {
  QPainter painter(viewport());
  painter.fillRect(viewport()->rect(), color(Token::kSunken));
  if (page_.width_pt <= 0) return;

  const QRectF sheet = pageRect();
  QColor shadow = color(Token::kShadow);
  for (int i = 1; i <= 4; ++i) {
    QColor ring = shadow;
    ring.setAlphaF(shadow.alphaF() / static_cast<float>(i));
    painter.setPen(ring);
    painter.drawRect(sheet.adjusted(-i, -i + 1, i, i + 1));
  }
  if (page_.image.isNull()) {
    painter.fillRect(sheet, color(Token::kHover));
    return;
  }
  painter.setRenderHint(QPainter::SmoothPixmapTransform);
  painter.drawImage(sheet, page_.image);
  paintBoxes(painter);
}

// Pages stay white in the dark scheme, so their marks are those of the light one.
void PdfCanvas::paintBoxes(QPainter& painter) const {
  const QColor fill = theme().color(Token::kMark, Scheme::kLight);
  const QColor edge = theme().color(Token::kMarkLine, Scheme::kLight);
  std::vector<QRectF> lines;
  for (const base::Box& box : page_.boxes) lines.push_back(boxRect(box));

  painter.setCompositionMode(QPainter::CompositionMode_Multiply);
  for (const QRectF& line : lines) painter.fillRect(line, fill);
  painter.setCompositionMode(QPainter::CompositionMode_SourceOver);
  for (const QRectF& line : lines)
    painter.fillRect(QRectF(line.left(), line.bottom() - 1.5, line.width(), 1.5), edge);
  for (const QRectF& column : columnsOf(lines))
    painter.fillRect(QRectF(column.left() - 8, column.top(), 3, column.height()), edge);
}

void PdfCanvas::updateScrollBars() {
  const double margin = 2 * theme().px(kMargin);
  const QSize whole(qRound(page_.width_pt * zoom_ + margin),
                    qRound(page_.height_pt * zoom_ + margin));
  const QSize view = viewport()->size();
  horizontalScrollBar()->setRange(0, std::max(0, whole.width() - view.width()));
  horizontalScrollBar()->setPageStep(view.width());
  verticalScrollBar()->setRange(0, std::max(0, whole.height() - view.height()));
  verticalScrollBar()->setPageStep(view.height());
  verticalScrollBar()->setSingleStep(theme().px(40));
}

void PdfCanvas::land() {
  if (page_.boxes.empty()) {
    verticalScrollBar()->setValue(0);
    return;
  }
  const base::Box& box = page_.boxes.front();
  const double margin = theme().px(kMargin);
  const QSize view = viewport()->size();
  verticalScrollBar()->setValue(qRound(box.y0 * zoom_ + margin - view.height() / 3.0));
  if (box.x1 * zoom_ + margin > view.width())
    horizontalScrollBar()->setValue(qRound(box.x0 * zoom_ - margin));
}

void PdfCanvas::resizeEvent(QResizeEvent* event) {
  QAbstractScrollArea::resizeEvent(event);
  updateScrollBars();
  if (landing_) land();
  emit resized();
}

void PdfCanvas::wheelEvent(QWheelEvent* event) {
  if (event->modifiers() & Qt::ControlModifier) {
    if (const int delta = event->angleDelta().y(); delta != 0)
      emit zoomStepRequested(delta > 0 ? 1 : -1);
    event->accept();
    return;
  }
  QAbstractScrollArea::wheelEvent(event);
}

void PdfCanvas::keyPressEvent(QKeyEvent* event) {
  const QScrollBar* bar = verticalScrollBar();
  const bool forward = event->key() == Qt::Key_PageDown || event->key() == Qt::Key_Space;
  if (forward && bar->value() == bar->maximum())
    emit pageStepRequested(+1);
  else if (event->key() == Qt::Key_PageUp && bar->value() == bar->minimum())
    emit pageStepRequested(-1);
  else if (event->key() == Qt::Key_Space)
    verticalScrollBar()->triggerAction(QAbstractSlider::SliderPageStepAdd);
  else if (event->key() == Qt::Key_Plus)
    emit zoomStepRequested(+1);
  else if (event->key() == Qt::Key_Minus)
    emit zoomStepRequested(-1);
  else
    QAbstractScrollArea::keyPressEvent(event);
}

}  // namespace ui
