#include "ui/pdf_view.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <QHBoxLayout>
#include <QIntValidator>
#include <QLabel>
#include <QLineEdit>
#include <QTimer>
#include <QToolButton>
#include <QVBoxLayout>

#include "ui/label.h"
#include "ui/pdf_canvas.h"
#include "ui/words.h"

namespace ui {
namespace {

// Logical pixels per point at 100 %: a pixel is 1/96 inch, a point 1/72.
constexpr double kPixelsPerPoint = 96.0 / 72.0;

constexpr std::array kZoomSteps = {0.25, 0.33, 0.5, 0.67, 0.75, 0.9, 1.0, 1.1,
                                   1.25, 1.5,  1.75, 2.0, 2.5,  3.0, 4.0, 5.0};

// Dragging a splitter would otherwise render a page per pixel.
constexpr int kSettleMs = 120;

}  // namespace

PdfView::PdfView(QWidget* parent)
    : QWidget(parent), canvas_(new PdfCanvas(this)), request_soon_(new QTimer(this)) {
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  layout->addWidget(buildBar());
  layout->addWidget(makeLine(Qt::Horizontal, this));
  layout->addWidget(canvas_, 1);
  setFocusProxy(canvas_);

  request_soon_->setSingleShot(true);
  request_soon_->setInterval(kSettleMs);
  connect(request_soon_, &QTimer::timeout, this, &PdfView::requestPage);
  connect(canvas_, &PdfCanvas::zoomStepRequested, this, &PdfView::stepZoom);
  connect(canvas_, &PdfCanvas::pageStepRequested, this,
          [this](int step) { goToPage(canvas_->page().page + step); });
  connect(canvas_, &PdfCanvas::resized, this, [this] {
    if (fit_width_) applyZoom(canvas_->fitZoom());
  });
}

QWidget* PdfView::buildBar() {
  auto* bar = new QWidget(this);
  bar->setProperty("ground", "surface");
  bar->setAttribute(Qt::WA_StyledBackground);
  previous_ = makeIconButton(QStringLiteral("back"), tr("Previous page"), bar);
  next_ = makeIconButton(QStringLiteral("forward"), tr("Next page"), bar);
  connect(previous_, &QToolButton::clicked, this, [this] { goToPage(canvas_->page().page - 1); });
  connect(next_, &QToolButton::clicked, this, [this] { goToPage(canvas_->page().page + 1); });

  page_field_ = new QLineEdit(bar);
  page_field_->setAccessibleName(tr("Page"));
  page_field_->setFixedWidth(theme().px(52));
  page_range_ = new QIntValidator(page_field_);
  page_field_->setValidator(page_range_);
  connect(page_field_, &QLineEdit::returnPressed, this, [this] {
    goToPage(page_field_->text().toInt());
    canvas_->setFocus();
  });
  n_pages_ = makeLabel(FontRole::kInterface, Token::kText2, bar);
  page_label_ = makeLabel(FontRole::kSmall, Token::kText2, bar);

  auto* out = makeIconButton(QStringLiteral("zoomout"), tr("Zoom out"), bar);
  auto* in = makeIconButton(QStringLiteral("zoomin"), tr("Zoom in"), bar);
  connect(out, &QToolButton::clicked, this, &PdfView::zoomOut);
  connect(in, &QToolButton::clicked, this, &PdfView::zoomIn);
  zoom_label_ = makeLabel(FontRole::kInterface, Token::kText, bar);
  zoom_label_->setAlignment(Qt::AlignCenter);
  zoom_label_->setMinimumWidth(theme().px(46));
  fit_ = new QToolButton(bar);
  fit_->setText(tr("Fit width"));
  fit_->setAccessibleName(fit_->text());
  fit_->setCheckable(true);
  connect(fit_, &QToolButton::clicked, this, &PdfView::fitWidth);

  auto* layout = new QHBoxLayout(bar);
  layout->setContentsMargins(10, 5, 10, 5);
  layout->setSpacing(4);
  for (QWidget* widget : std::initializer_list<QWidget*>{previous_, next_, page_field_, n_pages_})
    layout->addWidget(widget);
  layout->addSpacing(6);
  layout->addWidget(page_label_);
  layout->addStretch(1);
  for (QWidget* widget : std::initializer_list<QWidget*>{out, zoom_label_, in, fit_})
    layout->addWidget(widget);
  return bar;
}

void PdfView::show(const PdfPage& page) {
  const PdfPage& old = canvas_->page();
  const bool same_page = page.path == old.path && page.page == old.page;
  if (!same_page) asked_page_ = 0;
  PdfPage shown = page;
  // Another quote on the page in view: its picture is here already.
  if (same_page && shown.image.isNull()) {
    shown.image = old.image;
    shown.scale = old.scale;
  }
  canvas_->show(shown);
  if (fit_width_) canvas_->setZoom(canvas_->fitZoom());
  updateBar();
  // Before the first layout the view has no size to render for.
  if (isVisible())
    requestPage();
  else
    request_soon_->start();
}

const QString& PdfView::path() const { return canvas_->page().path; }

double PdfView::zoom() const { return canvas_->zoom() / kPixelsPerPoint; }

void PdfView::setInFront(bool front) {
  setObjectName(front ? QStringLiteral("pdfView") : QString());
  page_field_->setObjectName(front ? QStringLiteral("pdfPageField") : QString());
  zoom_label_->setObjectName(front ? QStringLiteral("pdfZoom") : QString());
}

void PdfView::zoomIn() { stepZoom(+1); }

void PdfView::zoomOut() { stepZoom(-1); }

void PdfView::stepZoom(int steps) {
  constexpr double kSame = 0.005;
  const double now = zoom();
  if (steps > 0) {
    const auto step = std::find_if(kZoomSteps.begin(), kZoomSteps.end(),
                                   [&](double z) { return z > now + kSame; });
    if (step != kZoomSteps.end()) setZoom(*step);
  } else {
    const auto step = std::find_if(kZoomSteps.rbegin(), kZoomSteps.rend(),
                                   [&](double z) { return z < now - kSame; });
    if (step != kZoomSteps.rend()) setZoom(*step);
  }
}

void PdfView::setZoom(double zoom) {
  fit_width_ = false;
  applyZoom(zoom * kPixelsPerPoint);
}

void PdfView::fitWidth() {
  fit_width_ = true;
  applyZoom(canvas_->fitZoom());
}

void PdfView::applyZoom(double zoom) {
  canvas_->setZoom(zoom);
  updateBar();
  request_soon_->start();
}

void PdfView::goToPage(int page) {
  PdfPage turned = canvas_->page();
  if (page < 1 || page > turned.n_pages || page == turned.page) {
    updateBar();
    return;
  }
  turned.page = page;
  turned.label.clear();
  turned.image = QImage();
  turned.boxes.clear();
  show(turned);
}

void PdfView::requestPage() {
  const PdfPage& page = canvas_->page();
  if (page.path.isEmpty() || page.width_pt <= 0) return;
  const double scale = canvas_->zoom() * devicePixelRatioF();
  const auto close = [&](double other) { return std::abs(scale - other) < 0.01 * scale; };
  if (!page.image.isNull() && close(page.scale)) return;
  if (asked_page_ == page.page && close(asked_scale_)) return;
  asked_page_ = page.page;
  asked_scale_ = scale;
  emit pageRequested(page.path, page.page, scale);
}

void PdfView::updateBar() {
  const PdfPage& page = canvas_->page();
  page_field_->setText(QString::number(page.page));
  page_range_->setRange(1, std::max(1, page.n_pages));
  n_pages_->setText(tr("of %1").arg(page.n_pages));
  const bool own_label = !page.label.isEmpty() && page.label != QString::number(page.page);
  page_label_->setText(own_label ? tr("printed page %1").arg(visibleText(page.label)) : QString());
  zoom_label_->setText(tr("%1 %").arg(qRound(zoom() * 100)));
  previous_->setEnabled(page.page > 1);
  next_->setEnabled(page.page < page.n_pages);
  fit_->setChecked(fit_width_);
}

}  // namespace ui
