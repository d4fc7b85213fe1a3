// sources_pane.h: what was read: a tree of files, filter, and a note when files have changed.
#pragma once

#include <QWidget>

#include "ui/values.h"

class QFrame;
class QLabel;
class QLineEdit;
class QSortFilterProxyModel;
class QTreeView;

namespace ui {

class SourceModel;

class SourcesPane : public QWidget {
  Q_OBJECT

 public:
  explicit SourcesPane(QWidget* parent = nullptr);

  void setFiles(const std::vector<SourceFile>& files);
  // Selects the file without opening it.
  void markPath(const QString& path);
  const SourceModel& model() const { return *model_; }

 public slots:
  void focusFilter();

 signals:
  void documentRequested(const QString& path);
  void addRequested();

 private:
  void buildChangeCard();
  void open(const QModelIndex& index);
  void updateHead();

  SourceModel* model_;
  QSortFilterProxyModel* filtered_;
  QTreeView* tree_;
  QLineEdit* filter_;
  QLabel* count_;
  QFrame* changes_;
  QLabel* changes_title_ = nullptr;
};

}  // namespace ui
