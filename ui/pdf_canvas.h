// pdf_canvas.h: the picture of one PDF page with the boxes of a quote on it.
//
// Boxes come with the text, in page points: what is marked is where the words were read, never the
// result of a search. While the picture is not there yet, a grey page of the right size is shown.
#pragma once

#include <QAbstractScrollArea>

#include "ui/values.h"

namespace ui {

class PdfCanvas : public QAbstractScrollArea {
  Q_OBJECT

 public:
  explicit PdfCanvas(QWidget* parent = nullptr);

  // Scrolls to the first box, or to the top when another page comes without boxes. The same page
  // and boxes with another image only repaint.
  void show(const PdfPage& page);
  const PdfPage& page() const { return page_; }

  // Logical pixels per point.
  double zoom() const { return zoom_; }
  void setZoom(double zoom);
  // The zoom at which the page is as wide as the view.
  double fitZoom() const;

  // In viewport coordinates.
  QRectF pageRect() const;
  QRectF boxRect(const base::Box& box) const;

 signals:
  void resized();
  void zoomStepRequested(int steps);
  // The user scrolled past the end (+1) or the beginning (-1) of the page.
  void pageStepRequested(int step);

 protected:
  void paintEvent(QPaintEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void wheelEvent(QWheelEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;

 private:
  void paintBoxes(QPainter& painter) const;
  void updateScrollBars();
  void land();

  PdfPage page_;
  double zoom_ = 1;
  bool landing_ = false;   // until the user scrolls, zoom and resize keep the first box in sight
};

}  // namespace ui
