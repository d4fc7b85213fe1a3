// source_model.h: the files of a session as a tree, with their tokens.
#pragma once

#include <memory>
#include <vector>

#include <QAbstractItemModel>

#include "ui/path_tree.h"
#include "ui/values.h"

namespace ui {

class SourceModel : public QAbstractItemModel {
  Q_OBJECT

 public:
  enum Role { kPathRole = Qt::UserRole, kTokensRole, kChangedRole, kFolderRole, kIconRole };

  explicit SourceModel(QObject* parent = nullptr);

  void setFiles(const std::vector<SourceFile>& files);
  int fileCount() const { return static_cast<int>(files_.size()); }
  int changedFiles() const;
  // Invalid when it is not a source.
  QModelIndex indexOf(const QString& path) const;

  QModelIndex index(int row, int column, const QModelIndex& parent = {}) const override;
  QModelIndex parent(const QModelIndex& child) const override;
  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;

 private:
  PathNode* node(const QModelIndex& index) const;
  std::int64_t sumTokens(PathNode& node);

  std::vector<SourceFile> files_;
  std::unique_ptr<PathNode> root_;
};

}  // namespace ui
