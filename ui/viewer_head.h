// viewer_head.h: the line above a document: where it is, which version, which quote.
#pragma once

#include <QWidget>

class QFrame;
class QLabel;

namespace ui {

class ElidedLabel;

class ViewerHead : public QWidget {
  Q_OBJECT

 public:
  explicit ViewerHead(QWidget* parent = nullptr);

  void setPath(const QString& path);
  void setVersion(const QString& version);
  // "quote 1 of 5"; hidden when `current` is -1 or there are none.
  void setQuote(int current, int n_quotes);
  QString quoteText() const;

 private:
  ElidedLabel* folder_;
  QLabel* name_;
  QLabel* version_;
  QFrame* pill_;
  QLabel* pill_text_;
};

}  // namespace ui
