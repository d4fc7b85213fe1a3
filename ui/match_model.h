// match_model.h: where the words of a search stand in one session.
#pragma once

#include <vector>

#include <QAbstractListModel>

#include "ui/marked_text.h"
#include "ui/values.h"

namespace ui {

class MatchModel : public QAbstractListModel {
  Q_OBJECT

 public:
  enum Role { kPlaceRole = Qt::UserRole };

  explicit MatchModel(QObject* parent = nullptr) : QAbstractListModel(parent) {}

  void setHits(const std::vector<SearchHitValue>& hits);
  // Tells which question or answer a hit is in; without it, that is left open.
  void setBranches(const BranchesValue& branches);

  const SearchHitValue& hit(const QModelIndex& index) const { return row(index).hit; }
  const MarkedText& text(const QModelIndex& index) const { return row(index).text; }

  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;

 private:
  struct Row {
    SearchHitValue hit;
    MarkedText text;
    QString place;  // "answer 7"
  };
  const Row& row(const QModelIndex& index) const { return rows_[static_cast<size_t>(index.row())]; }
  QString placeOf(const SearchHitValue& hit) const;

  std::vector<Row> rows_;
  BranchesValue branches_;
};

}  // namespace ui
