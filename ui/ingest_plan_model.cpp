#include "ui/ingest_plan_model.h"

#include <algorithm>

#include "ui/icon.h"
#include "ui/receipt_words.h"
#include "ui/words.h"

namespace ui {
namespace {

using base::DetailLevel;

// -1: not counted yet.
std::int64_t tokensOf(const PlanFile& file) {
  switch (file.level) {
    case DetailLevel::kFull: return file.tokens;
    case DetailLevel::kOutline: return file.outline_tokens;
    case DetailLevel::kNameOnly: return file.name_tokens;
  }
  return file.tokens;
}

std::int64_t countedTokensOf(const PlanFile& file) {
  return std::max<std::int64_t>(0, tokensOf(file));
}

}  // namespace

IngestPlanModel::IngestPlanModel(QObject* parent)
    : QAbstractItemModel(parent), root_(std::make_unique<PathNode>()) {}

void IngestPlanModel::setFiles(const std::vector<PlanFile>& files) {
  const bool same = files.size() == files_.size() &&
                    std::equal(files.begin(), files.end(), files_.begin(),
                               [](const PlanFile& a, const PlanFile& b) {
                                 return a.path == b.path;
                               });
  if (same) {
    for (size_t i = 0; i < files.size(); ++i) {
      const bool checked = files_[i].checked && files[i].readable;
      const DetailLevel level = files_[i].level;
      files_[i] = files[i];
      files_[i].level = level;
      files_[i].checked = checked;
    }
    sumTokens(*root_);
    announceChecks();
    return;
  }
  beginResetModel();
  files_ = files;
  std::vector<QString> paths;
  for (PlanFile& file : files_) {
    file.checked = file.checked && file.readable;
    paths.push_back(file.path);
  }
  root_ = buildPathTree(paths);
  sumTokens(*root_);
  endResetModel();
  emit totalsChanged();
}

std::int64_t IngestPlanModel::sumTokens(PathNode& node) {
  if (!node.isFolder()) {
    node.tokens = tokensOf(files_[static_cast<size_t>(node.file)]);
    return std::max<std::int64_t>(0, node.tokens);
  }
  node.tokens = 0;
  for (const auto& child : node.children) node.tokens += sumTokens(*child);
  return node.tokens;
}

std::int64_t IngestPlanModel::checkedTokens() const {
  std::int64_t sum = 0;
  for (const PlanFile& file : files_)
    if (file.checked) sum += countedTokensOf(file);
  return sum;
}

int IngestPlanModel::checkedFiles() const {
  return static_cast<int>(std::count_if(files_.begin(), files_.end(),
                                        [](const PlanFile& file) { return file.checked; }));
}

int IngestPlanModel::skippedFiles() const {
  return static_cast<int>(std::count_if(files_.begin(), files_.end(),
                                        [](const PlanFile& file) { return !file.readable; }));
}

PlanSelection IngestPlanModel::selection() const {
  PlanSelection selection;
  for (const PlanFile& file : files_) {
    if (!file.checked) continue;
    selection.checked << file.path;
    if (file.level == DetailLevel::kOutline) selection.outline << file.path;
    if (file.level == DetailLevel::kNameOnly) selection.name_only << file.path;
  }
  return selection;
}

std::vector<IngestPlanModel::Folder> IngestPlanModel::largestFolders(int n) const {
  std::vector<Folder> folders;
  const auto visit = [&](const auto& self, const PathNode& node) -> Folder {
    Folder sum;
    for (const auto& child : node.children) {
      if (child->isFolder()) {
        Folder below = self(self, *child);
        below.path = pathOf(*child);
        sum.tokens += below.tokens;
        sum.outline_saves += below.outline_saves;
        folders.push_back(std::move(below));
      } else if (const PlanFile& file = files_[static_cast<size_t>(child->file)]; file.checked) {
        sum.tokens += countedTokensOf(file);
        if (file.level == DetailLevel::kFull && file.outline_tokens >= 0)
          sum.outline_saves += std::max<std::int64_t>(0, file.tokens - file.outline_tokens);
      }
    }
    return sum;
  };
  visit(visit, *root_);
  std::stable_sort(folders.begin(), folders.end(),
                   [](const Folder& a, const Folder& b) { return a.tokens > b.tokens; });
  if (folders.size() > static_cast<size_t>(n)) folders.resize(static_cast<size_t>(n));
  return folders;
}

void IngestPlanModel::setFileChecked(const QString& path, bool checked) {
  for (PlanFile& file : files_)
    if (file.path == path && file.readable) file.checked = checked;
  announceChecks();
}

void IngestPlanModel::setFolderChecked(const QString& path, bool checked) {
  const QString prefix = path + QLatin1Char('/');
  for (PlanFile& file : files_)
    if (file.path.startsWith(prefix) && file.readable) file.checked = checked;
  announceChecks();
}

void IngestPlanModel::setLevel(const QString& path, DetailLevel level) {
  const QString prefix = path + QLatin1Char('/');
  for (PlanFile& file : files_)
    if (file.path == path || file.path.startsWith(prefix)) file.level = level;
  sumTokens(*root_);
  announceChecks();
}

PathNode* IngestPlanModel::node(const QModelIndex& index) const {
  return index.isValid() ? static_cast<PathNode*>(index.internalPointer()) : root_.get();
}

QString IngestPlanModel::pathOf(const PathNode& node) const {
  QString path = node.name;
  for (const PathNode* up = node.parent; up && up->parent; up = up->parent)
    path.prepend(up->name + QLatin1Char('/'));
  return path;
}

QModelIndex IngestPlanModel::index(int row, int column, const QModelIndex& parent) const {
  if (!hasIndex(row, column, parent)) return {};
  return createIndex(row, column, node(parent)->children[static_cast<size_t>(row)].get());
}

QModelIndex IngestPlanModel::parent(const QModelIndex& child) const {
  PathNode* up = node(child)->parent;
  if (!child.isValid() || !up || up == root_.get()) return {};
  return createIndex(up->row, 0, up);
}

int IngestPlanModel::rowCount(const QModelIndex& parent) const {
  return parent.column() > 0 ? 0 : static_cast<int>(node(parent)->children.size());
}

int IngestPlanModel::columnCount(const QModelIndex&) const { return kColumnCount; }

bool IngestPlanModel::hasReadable(const PathNode& node) const {
  bool found = false;
  forEachFile(node, [&](int file) { found |= files_[static_cast<size_t>(file)].readable; });
  return found;
}

Qt::CheckState IngestPlanModel::checkState(const PathNode& node) const {
  bool any = false, all = true;
  forEachFile(node, [&](int file) {
    const PlanFile& plan = files_[static_cast<size_t>(file)];
    any |= plan.checked;
    all &= plan.checked || !plan.readable;
  });
  return any && all ? Qt::Checked : any ? Qt::PartiallyChecked : Qt::Unchecked;
}

void IngestPlanModel::setChecked(const PathNode& node, bool checked) {
  forEachFile(node, [&](int file) {
    PlanFile& plan = files_[static_cast<size_t>(file)];
    if (plan.readable) plan.checked = checked;
  });
}

void IngestPlanModel::announceChecks() {
  // A tick changes every ancestor and everything below: all visible rows are asked again.
  const auto announce = [this](const auto& self, const QModelIndex& parent) -> void {
    const int rows = rowCount(parent);
    if (rows == 0) return;
    emit dataChanged(index(0, 0, parent), index(rows - 1, kColumnCount - 1, parent));
    for (int row = 0; row < rows; ++row) self(self, index(row, 0, parent));
  };
  announce(announce, {});
  emit totalsChanged();
}

QString IngestPlanModel::reasonWords(const PathNode& node) const {
  if (node.isFolder()) {
    int skipped = 0;
    forEachFile(node, [&](int file) { skipped += !files_[static_cast<size_t>(file)].readable; });
    return skipped > 0 ? tr("%1 skipped").arg(skipped) : QString();
  }
  const PlanFile& file = files_[static_cast<size_t>(node.file)];
  if (file.readable) return visibleText(file.detail);
  return tr("skipped: %1").arg(receiptReason(file.reason));
}

QString IngestPlanModel::levelWords(const PathNode& node) const {
  bool full = false, outline = false, name = false;
  forEachFile(node, [&](int index) {
    const PlanFile& file = files_[static_cast<size_t>(index)];
    if (!file.readable) return;
    full |= file.level == DetailLevel::kFull;
    outline |= file.level == DetailLevel::kOutline;
    name |= file.level == DetailLevel::kNameOnly;
  });
  if (full + outline + name > 1) return tr("Mixed");
  return full ? tr("Full") : outline ? tr("Outline") : name ? tr("Name only") : QString();
}

QVariant IngestPlanModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid()) return {};
  const PathNode& item = *node(index);
  const bool skipped = !hasReadable(item);
  switch (role) {
    case Qt::DisplayRole:
      if (index.column() == kName) return visibleText(item.name);
      if (index.column() == kReason) return reasonWords(item);
      if (index.column() == kLevel) return levelWords(item);
      if (skipped) return QString();
      return item.tokens < 0 ? tr("counting") : exactCount(item.tokens);
    case Qt::CheckStateRole:
      if (index.column() == kName && !skipped) return checkState(item);
      return {};
    case Qt::DecorationRole:
      if (index.column() != kName) return {};
      if (item.isFolder()) return icon(QStringLiteral("folder"));
      return icon(iconOf(files_[static_cast<size_t>(item.file)].kind));
    case Qt::TextAlignmentRole:
      if (index.column() == kTokens) return QVariant(Qt::AlignRight | Qt::AlignVCenter);
      return {};
    case Qt::ForegroundRole:
      if (index.column() == kReason || skipped) return color(Token::kText3);
      if (index.column() == kLevel) return color(Token::kText2);
      return {};
    case Qt::ToolTipRole:
      if (!item.isFolder() && !files_[static_cast<size_t>(item.file)].detail.isEmpty())
        return tooltipText(files_[static_cast<size_t>(item.file)].detail);
      return tooltipText(pathOf(item));
    case kPathRole:
      return pathOf(item);
    case kFolderRole:
      return item.isFolder();
    default:
      return {};
  }
}

bool IngestPlanModel::setData(const QModelIndex& index, const QVariant& value, int role) {
  if (role != Qt::CheckStateRole || !index.isValid() || index.column() != kName) return false;
  if (!hasReadable(*node(index))) return false;
  setChecked(*node(index), value.toInt() != Qt::Unchecked);
  announceChecks();
  return true;
}

QVariant IngestPlanModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal) return {};
  if (role == Qt::TextAlignmentRole && section == kTokens)
    return QVariant(Qt::AlignRight | Qt::AlignVCenter);
  if (role == Qt::TextAlignmentRole) return QVariant(Qt::AlignLeft | Qt::AlignVCenter);
  if (role != Qt::DisplayRole) return {};
  switch (section) {
    case kName: return tr("File");
    case kTokens: return tr("Tokens");
    case kLevel: return tr("Detail");
    case kReason: return tr("Remark");
    default: return {};
  }
}

Qt::ItemFlags IngestPlanModel::flags(const QModelIndex& index) const {
  if (!index.isValid()) return Qt::NoItemFlags;
  Qt::ItemFlags flags = Qt::ItemIsEnabled | Qt::ItemIsSelectable;
  if (index.column() == kName && hasReadable(*node(index))) flags |= Qt::ItemIsUserCheckable;
  return flags;
}

}  // namespace ui
