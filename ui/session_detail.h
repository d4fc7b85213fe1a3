// session_detail.h: the selected session: go on with it, export it, keep or lose it; its branches,
// and where the words of a search stand in it.
#pragma once

#include <QWidget>

#include "ui/values.h"

class QFrame;
class QLabel;
class QLineEdit;
class QListView;
class QMenu;
class QPushButton;
class QToolButton;

namespace ui {

class BranchPane;
class MatchModel;

class SessionDetail : public QWidget {
  Q_OBJECT

 public:
  explicit SessionDetail(QWidget* parent = nullptr);

  // Null: nothing is selected.
  void setRow(const SessionRow* row);
  void setHits(const QString& words, const std::vector<SearchHitValue>& hits);
  // Of the session that is shown; others are dropped.
  void setBranches(const BranchesValue& value);
  void setWorkspaces(const std::vector<WorkspaceValue>& workspaces);

 public slots:
  void resume();
  void rename();
  void togglePinned();
  void toggleArchived();
  void move();  // to another workspace
  void askToDelete();
  void exportText();
  void exportWithSnapshot();

 signals:
  void sessionRequested(base::SessionId id);
  void readingRequested(base::SessionId id);
  void renameRequested(base::SessionId id, const QString& title);
  void pinRequested(base::SessionId id, bool pinned);
  void archiveRequested(base::SessionId id, bool archived);
  void moveRequested(base::SessionId id, const QString& workspace);
  void deleteRequested(base::SessionId id);
  void exportRequested(base::SessionId id, ui::ExportKind kind);
  void matchRequested(base::SessionId id, base::MessageId message);
  void branchRequested(base::SessionId id, int n_turns);
  void switchRequested(base::SessionId id, base::BranchId branch);
  void rewindRequested(base::SessionId id, int n_turns);
  void removeBranchRequested(base::SessionId id, base::BranchId branch);
  // The line edit was left: the list takes the focus back.
  void edited();

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  enum class Editing { kNothing, kTitle, kWorkspace };

  QWidget* buildHead();
  QFrame* buildConfirm();
  QWidget* buildMatches();
  void buildMenus();
  void connectParts();
  void showResume();
  void edit(Editing what);
  void acceptEdit();
  void askFirst(bool ask);

  bool any_ = false;
  SessionRow row_;
  Editing editing_ = Editing::kNothing;
  QStringList workspaces_;

  QLabel* title_ = nullptr;
  QLineEdit* edit_ = nullptr;
  QLabel* subtitle_ = nullptr;
  QPushButton* resume_ = nullptr;
  QPushButton* export_ = nullptr;
  QToolButton* more_ = nullptr;
  QMenu* export_menu_ = nullptr;
  QMenu* more_menu_ = nullptr;
  QAction* pin_ = nullptr;
  QAction* archive_ = nullptr;
  QLabel* note_ = nullptr;
  QFrame* confirm_ = nullptr;
  QPushButton* keep_ = nullptr;
  BranchPane* branches_ = nullptr;
  QWidget* matches_ = nullptr;
  QLabel* matches_head_ = nullptr;
  QListView* match_list_ = nullptr;
  MatchModel* match_model_ = nullptr;
};

}  // namespace ui
