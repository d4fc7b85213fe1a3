// ingest_plan_model.h: what would be read, as a tree with tri-state check boxes.
#pragma once

#include <memory>
#include <vector>

#include <QAbstractItemModel>

#include "ui/path_tree.h"
#include "ui/values.h"

namespace ui {

class IngestPlanModel : public QAbstractItemModel {
  Q_OBJECT

 public:
  enum Column { kName, kTokens, kLevel, kReason, kColumnCount };
  enum Role { kPathRole = Qt::UserRole, kFolderRole };

  explicit IngestPlanModel(QObject* parent = nullptr);

  // Same paths in the same order: counts are updated in place and the user's ticks are kept.
  void setFiles(const std::vector<PlanFile>& files);

  std::int64_t checkedTokens() const;
  int checkedFiles() const;
  int skippedFiles() const;   // that cannot be read
  PlanSelection selection() const;
  void setFileChecked(const QString& path, bool checked);

  struct Folder {
    QString path;
    std::int64_t tokens = 0;         // ticked ones below
    std::int64_t outline_saves = 0;  // if those that are read in full were outlines
  };
  // The largest folders by ticked tokens, at most `n`.
  std::vector<Folder> largestFolders(int n) const;
  void setFolderChecked(const QString& path, bool checked);
  // Of a file, or of all files below a folder.
  void setLevel(const QString& path, base::DetailLevel level);

  QModelIndex index(int row, int column, const QModelIndex& parent = {}) const override;
  QModelIndex parent(const QModelIndex& child) const override;
  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  bool setData(const QModelIndex& index, const QVariant& value, int role) override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
  Qt::ItemFlags flags(const QModelIndex& index) const override;

 signals:
  void totalsChanged();

 private:
  PathNode* node(const QModelIndex& index) const;
  QString pathOf(const PathNode& node) const;
  Qt::CheckState checkState(const PathNode& node) const;
  bool hasReadable(const PathNode& node) const;
  void setChecked(const PathNode& node, bool checked);
  void announceChecks();
  std::int64_t sumTokens(PathNode& node);
  QString reasonWords(const PathNode& node) const;
  QString levelWords(const PathNode& node) const;

  std::vector<PlanFile> files_;
  std::unique_ptr<PathNode> root_;
};

}  // namespace ui
