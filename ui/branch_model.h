// branch_model.h: the branches of one session as rows: the sources, every turn of the active
// branch, then one row for each other branch.
#pragma once

#include <QAbstractListModel>

#include "ui/values.h"

namespace ui {

class BranchModel : public QAbstractListModel {
  Q_OBJECT

 public:
  enum class Kind { kSources, kTurn, kBranch };
  enum Role { kDetailRole = Qt::UserRole, kFigureRole };

  explicit BranchModel(QObject* parent = nullptr) : QAbstractListModel(parent) {}

  void setBranches(const BranchesValue& value);
  const BranchesValue& value() const { return value_; }

  Kind kind(int row) const;
  // Of the rows of the active branch: what both have when one branches off here.
  int turnOf(int row) const { return row; }
  // Of a branch's row.
  const BranchValue& branch(int row) const;
  // Row where it leaves the active branch.
  int forkRow(int row) const;
  int headRow() const { return static_cast<int>(value_.turns.size()); }

  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;

 private:
  QString words(int row) const;
  QString detail(int row) const;
  QString figure(int row) const;
  QString spoken(int row) const;

  BranchesValue value_;
};

// "main" for the first untitled one, else its title.
QString branchName(const QString& title);

}  // namespace ui
