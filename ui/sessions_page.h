// sessions_page.h: saved sessions: find one, see what it holds, go on with it.
#pragma once

#include <QTimer>
#include <QWidget>

#include "ui/values.h"

class QLabel;
class QLineEdit;
class QMenu;
class QPushButton;
class QScrollArea;
class QToolButton;
class QTreeView;

namespace ui {

class ElidedLabel;
class ErrorCard;
class SessionDetail;
class SessionModel;
class SpacePane;
class TransferPanel;

class SessionsPage : public QWidget {
  Q_OBJECT

 public:
  explicit SessionsPage(QWidget* parent = nullptr);

  void setRows(const std::vector<SessionRow>& rows);
  void setWorkspaces(const std::vector<WorkspaceValue>& workspaces);
  void setSpace(const SpaceValue& value);
  // What was found; an answer to another search than the last one is dropped.
  void setHits(const SessionSearch& search, const std::vector<SearchHitValue>& hits);
  void setBranches(const BranchesValue& value);
  ErrorCard* errorCard() { return error_; }
  TransferPanel& transfer() { return *transfer_; }
  base::SessionId selected() const;
  // The first session when it is not in the list.
  void select(base::SessionId id);
  // Of a session in the list; empty when it is not there.
  QString titleOf(base::SessionId id) const;

 public slots:
  // Renames the selected session in place.
  void rename();
  void togglePinned();
  void exportText();

 signals:
  void sessionRequested(base::SessionId id);
  // A reading that was paused or cut short shall go on.
  void readingRequested(base::SessionId id);
  // Every time the words, the workspace or the archive switch change.
  void searchRequested(const ui::SessionSearch& search);
  // Its branches are wanted.
  void detailRequested(base::SessionId id);
  void matchRequested(base::SessionId id, base::MessageId message);
  void pinRequested(base::SessionId id, bool pinned);
  void archiveRequested(base::SessionId id, bool archived);
  void moveRequested(base::SessionId id, const QString& workspace);
  void newSessionRequested();
  void renameRequested(base::SessionId id, const QString& title);
  void deleteRequested(base::SessionId id);
  void exportRequested(base::SessionId id, ui::ExportKind kind);
  void importRequested();
  void branchRequested(base::SessionId id, int n_turns);
  void switchRequested(base::SessionId id, base::BranchId branch);
  void rewindRequested(base::SessionId id, int n_turns);
  void removeBranchRequested(base::SessionId id, base::BranchId branch);

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  QWidget* buildTable();
  QWidget* buildHead();
  QWidget* buildSide();
  void connectDetail();
  void buildFilterMenu();
  void search();
  void refresh(base::SessionId kept);
  void expandGroups(int first, int last);
  void updateDetail();
  void updateCount();
  void fitColumns();
  const SessionRow* selectedRow() const;

  SessionModel* model_;
  SessionSearch search_;
  std::vector<WorkspaceValue> workspaces_;
  QString filter_words_;
  QTimer detail_delay_;  // a held arrow key asks for one session's branches, not for a hundred
  QTreeView* table_ = nullptr;
  QLineEdit* words_ = nullptr;
  ElidedLabel* count_ = nullptr;
  QPushButton* filter_ = nullptr;
  QMenu* filter_menu_ = nullptr;
  QLabel* empty_ = nullptr;
  SessionDetail* detail_ = nullptr;
  QScrollArea* scroll_ = nullptr;
  SpacePane* space_ = nullptr;
  TransferPanel* transfer_ = nullptr;
  ErrorCard* error_ = nullptr;
};

}  // namespace ui
