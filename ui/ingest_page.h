// ingest_page.h: reading in progress: how far, how long, what is safe; pause and stop.
#pragma once

#include <QElapsedTimer>
#include <QWidget>

#include "ui/theme.h"
#include "ui/values.h"

class QLabel;
class QLineEdit;
class QListView;
class QPushButton;
class QSortFilterProxyModel;
class QTableView;
class QTimer;

namespace ui {

class BudgetBar;
class ErrorCard;
class IngestFileModel;
class ReceiptModel;
class SpeedChart;

class IngestPage : public QWidget {
  Q_OBJECT
  Q_PROPERTY(QString state READ stateName)
  Q_PROPERTY(qint64 readTokens READ readTokens)
  Q_PROPERTY(qint64 safeTokens READ safeTokens)

 public:
  explicit IngestPage(QWidget* parent = nullptr);

  void show(const ReadingValue& value);
  void setProgress(const base::Progress& progress, int current_file, double file_fraction);
  void setState(ReadingState state);
  ErrorCard* errorCard() { return error_; }

  bool isActive() const;                 // reading or paused: leaving it makes sense to ask about
  ReadingState state() const { return value_.state; }
  QString stateName() const;             // "reading", "paused", "stopping", "done", "failed"
  qint64 readTokens() const { return value_.n_reused + value_.progress.n_done; }
  qint64 safeTokens() const { return value_.progress.n_safe; }
  const ReadingValue& value() const { return value_; }

 public slots:
  void togglePause();
  void stop();

 signals:
  void pauseRequested();
  void continueRequested();
  void stopRequested();
  void askRequested();

 protected:
  void keyPressEvent(QKeyEvent* event) override;

 private:
  QWidget* buildHead();
  QWidget* buildFigure(QLabel** figure, QLabel** caption, const char* name, FontRole role);
  QWidget* buildTable();
  QWidget* buildSide();
  void updateHead();
  void updateButtons();
  void follow();
  QString captionOfEta() const;

  ReadingValue value_;
  IngestFileModel* model_;
  QSortFilterProxyModel* filtered_;
  ReceiptModel* receipt_;
  bool follows_ = true;
  QLabel* title_ = nullptr;
  QLabel* subtitle_ = nullptr;
  BudgetBar* bar_ = nullptr;
  QLabel* percent_ = nullptr;
  QLabel* percent_caption_ = nullptr;
  QLabel* eta_ = nullptr;
  QLabel* eta_caption_ = nullptr;
  QLabel* rate_ = nullptr;
  QLabel* rate_caption_ = nullptr;
  QLabel* elapsed_ = nullptr;
  QLabel* elapsed_caption_ = nullptr;
  QLabel* safe_ = nullptr;
  QLabel* safe_caption_ = nullptr;
  QPushButton* ask_ = nullptr;
  QPushButton* pause_ = nullptr;
  QPushButton* stop_ = nullptr;
  QTableView* table_ = nullptr;
  QLineEdit* filter_ = nullptr;
  QLabel* total_ = nullptr;
  SpeedChart* chart_ = nullptr;
  QListView* receipt_list_ = nullptr;
  ErrorCard* error_ = nullptr;
};

}  // namespace ui
