// ingest_plan_page.h: what would be read and what it costs; no token is spent yet.
#pragma once

#include <QWidget>

#include "ui/values.h"

class QLabel;
class QLineEdit;
class QPushButton;
class QSortFilterProxyModel;
class QTreeView;
class QVBoxLayout;

namespace ui {

class BudgetBar;
class ErrorCard;
class IngestPlanModel;

class IngestPlanPage : public QWidget {
  Q_OBJECT

 public:
  explicit IngestPlanPage(QWidget* parent = nullptr);

  void show(const PlanValue& value);
  // The same plan, perhaps with other counts.
  bool shows(const PlanValue& value) const;
  ErrorCard* errorCard() { return error_; }
  IngestPlanModel& model() { return *model_; }

 public slots:
  // The same as the primary button; nothing while it is disabled.
  void accept();

 signals:
  void accepted(const ui::PlanSelection& selection);
  void cancelled();

 private:
  QWidget* buildTree();
  QWidget* buildCost();
  void showLevelMenu(const QPoint& position);
  void updateCost();
  void updateFolders(std::int64_t excess);
  QString etaWords(std::int64_t tokens) const;

  PlanValue value_;
  IngestPlanModel* model_;
  QSortFilterProxyModel* filtered_;
  QTreeView* tree_ = nullptr;
  QLineEdit* filter_ = nullptr;
  QLabel* title_ = nullptr;
  QLabel* summary_ = nullptr;
  BudgetBar* bar_ = nullptr;
  QLabel* budget_ = nullptr;
  QLabel* eta_ = nullptr;
  QLabel* disk_ = nullptr;
  QLabel* skipped_ = nullptr;
  QLabel* folders_title_ = nullptr;
  QWidget* suggestions_ = nullptr;
  QVBoxLayout* folder_rows_ = nullptr;
  QPushButton* start_ = nullptr;
  ErrorCard* error_ = nullptr;
};

}  // namespace ui
