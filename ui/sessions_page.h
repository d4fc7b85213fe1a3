// sessions_page.h: saved sessions: find one, see what it holds, go on with it.
#pragma once

#include <QWidget>

#include "ui/values.h"

class QLabel;
class QLineEdit;
class QPushButton;
class QTreeView;

namespace ui {

class ErrorCard;
class SessionFilter;
class SessionModel;

class SessionsPage : public QWidget {
  Q_OBJECT

 public:
  explicit SessionsPage(QWidget* parent = nullptr);

  void setRows(const std::vector<SessionRow>& rows);
  // What was found for the words of searchRequested(); an answer to other words is dropped.
  void setHits(const QString& words, const std::vector<SearchHitValue>& hits);
  ErrorCard* errorCard() { return error_; }
  base::SessionId selected() const;
  // The first session when it is not in the list.
  void select(base::SessionId id);

 public slots:
  // Renames the selected session in place.
  void rename();

 signals:
  void sessionRequested(base::SessionId id);
  // A reading that was paused or cut short shall go on.
  void readingRequested(base::SessionId id);
  // Every time the words in the search field change.
  void searchRequested(const QString& words);
  void pinRequested(base::SessionId id, bool pinned);
  void newSessionRequested();
  void renameRequested(base::SessionId id, const QString& title);
  void deleteRequested(base::SessionId id);

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  QWidget* buildTable();
  QWidget* buildDetail();
  void filter(const QString& text);
  void updateDetail();
  void updateCount();
  void resume();
  void askToDelete(bool ask);
  const SessionRow* selectedRow() const;

  SessionModel* model_;
  SessionFilter* filtered_;
  QTreeView* table_ = nullptr;
  QLineEdit* search_ = nullptr;
  QLabel* count_ = nullptr;
  QLabel* empty_ = nullptr;
  QWidget* detail_ = nullptr;
  QLabel* title_ = nullptr;
  QLineEdit* title_edit_ = nullptr;
  QLabel* subtitle_ = nullptr;
  QLabel* facts_ = nullptr;
  QLabel* found_ = nullptr;
  QLabel* resume_note_ = nullptr;
  QPushButton* resume_ = nullptr;
  QPushButton* rename_ = nullptr;
  QPushButton* pin_ = nullptr;
  QPushButton* delete_ = nullptr;
  QWidget* confirm_ = nullptr;
  QPushButton* keep_ = nullptr;
  ErrorCard* error_ = nullptr;
};

}  // namespace ui
