// context_strip.h: the whole token budget in order, on every working screen.
//
// From token 0 at the left to the model's last at the right: one rectangle per file, coloured by
// kind, faint where not read yet, hatched where free; triangles where the answer's quotes lie.
// Painted once into a pixmap; the cursor and quote marks are drawn over it.
#pragma once

#include <QPixmap>
#include <QWidget>

#include "ui/values.h"

namespace ui {

class ContextStrip : public QWidget {
  Q_OBJECT
  Q_PROPERTY(qint64 usedTokens READ usedTokens)
  Q_PROPERTY(qint64 freeTokens READ freeTokens)
  Q_PROPERTY(int staleFiles READ staleFiles)

 public:
  explicit ContextStrip(QWidget* parent = nullptr);

  void setValue(const ContextValue& value);
  void setStaleFiles(int n_files);
  // Paths of the quotes in answer order; `current` is an index or -1.
  void setQuotes(const QStringList& paths, int current);
  int currentQuote() const { return current_; }
  // x of the mark of a quote, in widget pixels; -1 when its file is not in the context.
  int quoteX(int quote) const;

  qint64 usedTokens() const { return value_.n_used; }
  qint64 freeTokens() const { return value_.n_max - value_.n_used; }
  int staleFiles() const { return n_stale_; }
  QSize sizeHint() const override;

 signals:
  void fileActivated(const QString& path);

 protected:
  void paintEvent(QPaintEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  bool event(QEvent* event) override;

 private:
  QRect laneRect() const;
  double xOf(std::int64_t token) const;
  const ContextSegment* segmentAt(int x) const;
  void paintLane(QPainter& painter) const;
  int paintBudget(QPainter& painter) const;
  void paintLegend(QPainter& painter, int left_limit) const;
  void invalidate();

  ContextValue value_;
  QStringList quotes_;
  int current_ = -1;
  int n_stale_ = 0;
  QPixmap cache_;
};

}  // namespace ui
