#include "ui/branch_model.h"

#include <algorithm>


#include "ui/words.h"

namespace ui {

QString branchName(const QString& title) {
  return title.isEmpty() ? BranchModel::tr("main", "the first branch") : visibleText(title);
}

void BranchModel::setBranches(const BranchesValue& value) {
  beginResetModel();
  value_ = value;
  endResetModel();
}

BranchModel::Kind BranchModel::kind(int row) const {
  return row == 0 ? Kind::kSources : row <= headRow() ? Kind::kTurn : Kind::kBranch;
}

const BranchValue& BranchModel::branch(int row) const {
  return value_.others[static_cast<size_t>(row - headRow() - 1)];
}

int BranchModel::forkRow(int row) const { return std::min(branch(row).n_shared, headRow()); }

int BranchModel::rowCount(const QModelIndex& parent) const {
  if (parent.isValid() || !value_.session) return 0;
  return headRow() + 1 + static_cast<int>(value_.others.size());
}

QString BranchModel::words(int row) const {
  switch (kind(row)) {
    case Kind::kSources: return tr("Sources read");
    case Kind::kTurn: return visibleText(value_.turns[static_cast<size_t>(row - 1)].words);
    case Kind::kBranch: break;
  }
  // What nobody named is known by what was asked on it.
  const BranchValue& found = branch(row);
  return found.title.isEmpty() && !found.turns.empty() ? visibleText(found.turns.front().words)
                                                       : branchName(found.title);
}

QString BranchModel::detail(int row) const {
  if (kind(row) != Kind::kBranch) return {};
  return counted(static_cast<std::int64_t>(branch(row).turns.size()), tr("1 question"),
                 tr("%1 questions"));
}

QString BranchModel::figure(int row) const {
  std::int64_t tokens = 0;
  switch (kind(row)) {
    case Kind::kSources: return tr("%1 tokens").arg(exactCount(value_.source_tokens));
    case Kind::kTurn: tokens = value_.turns[static_cast<size_t>(row - 1)].tokens; break;
    case Kind::kBranch:
      for (const TurnValue& turn : branch(row).turns) tokens += turn.tokens;
      break;
  }
  return tokens > 0 ? exactCount(tokens) : QString();
}

QString BranchModel::spoken(int row) const {
  switch (kind(row)) {
    case Kind::kSources: return tr("%1, %2", "sources read, tokens").arg(words(row), figure(row));
    case Kind::kTurn:
      return row == headRow()
                 ? tr("Question %1, the end of the active branch %2: %3")
                       .arg(row).arg(branchName(value_.active_title), words(row))
                 : tr("Question %1: %2").arg(row).arg(words(row));
    case Kind::kBranch: break;
  }
  return tr("Branch %1, %2, leaves after question %3", "name, count, number")
      .arg(words(row), detail(row)).arg(forkRow(row));
}

QVariant BranchModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid()) return {};
  switch (role) {
    case Qt::DisplayRole: return words(index.row());
    case Qt::ToolTipRole: return tooltipText(words(index.row()));
    case kDetailRole: return detail(index.row());
    case kFigureRole: return figure(index.row());
    case Qt::AccessibleTextRole: return spoken(index.row());
    default: return {};
  }
}

}  // namespace ui
