#include "ui/source_model.h"

#include <algorithm>

#include "ui/icon.h"
#include "ui/words.h"

namespace ui {

SourceModel::SourceModel(QObject* parent)
    : QAbstractItemModel(parent), root_(buildPathTree({})) {}

void SourceModel::setFiles(const std::vector<SourceFile>& files) {
  beginResetModel();
  files_ = files;
  std::vector<QString> paths;
  for (const SourceFile& file : files_) paths.push_back(file.path);
  root_ = buildPathTree(paths);
  sumTokens(*root_);
  endResetModel();
}

std::int64_t SourceModel::sumTokens(PathNode& node) {
  node.tokens = node.isFolder() ? 0 : files_[static_cast<size_t>(node.file)].tokens;
  for (const auto& child : node.children) node.tokens += sumTokens(*child);
  return node.tokens;
}

int SourceModel::changedFiles() const {
  return static_cast<int>(std::count_if(files_.begin(), files_.end(),
                                        [](const SourceFile& file) { return file.changed; }));
}

PathNode* SourceModel::node(const QModelIndex& index) const {
  return index.isValid() ? static_cast<PathNode*>(index.internalPointer()) : root_.get();
}

QModelIndex SourceModel::indexOf(const QString& path) const {
  PathNode* found = root_.get();
  const QStringList parts = path.split(QLatin1Char('/'), Qt::SkipEmptyParts);
  for (const QString& part : parts) {
    const auto child = std::find_if(found->children.begin(), found->children.end(),
                                    [&](const auto& each) { return each->name == part; });
    if (child == found->children.end()) return {};
    found = child->get();
  }
  return found == root_.get() ? QModelIndex() : createIndex(found->row, 0, found);
}

QModelIndex SourceModel::index(int row, int column, const QModelIndex& parent) const {
  const PathNode* above = node(parent);
  if (column != 0 || row < 0 || row >= static_cast<int>(above->children.size())) return {};
  return createIndex(row, column, above->children[static_cast<size_t>(row)].get());
}

QModelIndex SourceModel::parent(const QModelIndex& child) const {
  PathNode* above = node(child)->parent;
  if (!child.isValid() || !above || above == root_.get()) return {};
  return createIndex(above->row, 0, above);
}

int SourceModel::rowCount(const QModelIndex& parent) const {
  return static_cast<int>(node(parent)->children.size());
}

int SourceModel::columnCount(const QModelIndex&) const { return 1; }

QVariant SourceModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid()) return {};
  const PathNode& found = *node(index);
  const SourceFile* file =
      found.isFolder() ? nullptr : &files_[static_cast<size_t>(found.file)];
  const bool changed = file && file->changed;
  const QString name = visibleText(found.name);
  switch (role) {
    case Qt::DisplayRole: return name;
    case Qt::ToolTipRole:
      return tooltipText(file ? file->path : name);
    case Qt::AccessibleTextRole: {
      const QString words = tr("%1, %2 tokens").arg(name, exactCount(found.tokens));
      return changed ? tr("%1, changed on disk").arg(words) : words;
    }
    case kPathRole: return file ? file->path : QString();
    case kTokensRole: return static_cast<qlonglong>(found.tokens);
    case kChangedRole: return changed;
    case kFolderRole: return found.isFolder();
    case kIconRole:
      return file ? iconOf(file->kind) : QStringLiteral("folder");
    default: return {};
  }
}

}  // namespace ui
