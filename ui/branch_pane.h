// branch_pane.h: the branches of the selected session, and what can be done at one of their turns.
#pragma once

#include <QWidget>

#include "ui/values.h"

class QFrame;
class QLabel;
class QListView;
class QPushButton;

namespace ui {

class BranchModel;

class BranchPane : public QWidget {
  Q_OBJECT

 public:
  explicit BranchPane(QWidget* parent = nullptr);

  void setBranches(const BranchesValue& value);
  // "shared 3.2 GB, own 41 MB"; empty: nothing is said.
  void setCost(const QString& words);

 signals:
  // A new branch behind the first `n_turns` turns of the active one.
  void branchRequested(base::SessionId session, int n_turns);
  void switchRequested(base::SessionId session, base::BranchId branch);
  // Confirmed: what was said behind the first `n_turns` turns of the active branch goes.
  void rewindRequested(base::SessionId session, int n_turns);
  void removeRequested(base::SessionId session, base::BranchId branch);  // confirmed

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;

 private:
  int row() const;
  void updateButtons();
  void fitGraph();
  void activate();
  void askFirst(bool ask);
  void confirm();

  BranchModel* model_;
  QListView* graph_;
  QLabel* cost_;
  QPushButton* branch_;
  QPushButton* switch_;
  QPushButton* cut_;     // go back to a turn, or remove a branch
  QFrame* question_;     // asks before something goes for good
  QLabel* question_words_;
  QPushButton* go_;
  QPushButton* keep_;
};

}  // namespace ui
