// evidence_pane.h: the quotes of the answer in view, below the viewer.
#pragma once

#include <QWidget>

#include "ui/answer_text.h"

class QLabel;
class QListView;
class QTabWidget;

namespace ui {

class CitationModel;

class EvidencePane : public QWidget {
  Q_OBJECT

 public:
  explicit EvidencePane(QWidget* parent = nullptr);

  void setQuotes(const std::vector<Quote>& quotes, int current);
  void setCurrent(int quote);
  void focusList();

 signals:
  void quoteActivated(int quote);
  void copyRequested(int quote);

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  CitationModel* model_;
  QTabWidget* tabs_;
  QListView* list_;
  QLabel* empty_;
};

}  // namespace ui
