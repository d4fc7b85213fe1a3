// pdf_view.h: a PDF, page by page: tool bar over PdfCanvas.
//
// The view never renders: it emits pageRequested whenever it needs a page, or the same page at
// another size, and shows what it has until show() brings the new one. Each need is asked for once.
#pragma once

#include <QWidget>

#include "ui/values.h"

class QIntValidator;
class QLabel;
class QLineEdit;
class QTimer;
class QToolButton;

namespace ui {

class PdfCanvas;

class PdfView : public QWidget {
  Q_OBJECT

 public:
  explicit PdfView(QWidget* parent = nullptr);

  void show(const PdfPage& page);
  const QString& path() const;
  PdfCanvas* canvas() const { return canvas_; }
  // 1 = as large as on paper.
  double zoom() const;
  // Of several open PDFs the one in front carries the object names.
  void setInFront(bool front);

 public slots:
  void zoomIn();
  void zoomOut();
  void fitWidth();
  void setZoom(double zoom);
  // 1-based; outside the document nothing happens.
  void goToPage(int page);

 signals:
  // `scale`: device pixels per point.
  void pageRequested(const QString& path, int page, double scale);

 private:
  QWidget* buildBar();
  void stepZoom(int steps);
  void applyZoom(double zoom);
  void requestPage();
  void updateBar();

  PdfCanvas* canvas_;
  QTimer* request_soon_;
  QToolButton* previous_ = nullptr;
  QToolButton* next_ = nullptr;
  QLineEdit* page_field_ = nullptr;
  QIntValidator* page_range_ = nullptr;
  QLabel* n_pages_ = nullptr;
  QLabel* page_label_ = nullptr;
  QLabel* zoom_label_ = nullptr;
  QToolButton* fit_ = nullptr;
  bool fit_width_ = true;
  // What was asked for last and is not to be asked for again.
  int asked_page_ = 0;
  double asked_scale_ = 0;
};

}  // namespace ui
