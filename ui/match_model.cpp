#include "ui/match_model.h"

namespace ui {
namespace {

// Number of the turn that holds a message, counted from 1; 0: it is not among them.
int numberIn(const std::vector<TurnValue>& turns, base::MessageId message) {
  for (size_t i = 0; i < turns.size(); ++i)
    if (turns[i].question == message || turns[i].answer == message) return static_cast<int>(i) + 1;
  return 0;
}

}  // namespace

void MatchModel::setHits(const std::vector<SearchHitValue>& hits) {
  beginResetModel();
  rows_.clear();
  for (const SearchHitValue& hit : hits)
    rows_.push_back({hit, markedText(hit.snippet), placeOf(hit)});
  endResetModel();
}

void MatchModel::setBranches(const BranchesValue& branches) {
  branches_ = branches;
  for (Row& row : rows_) row.place = placeOf(row.hit);
  if (!rows_.empty())
    emit dataChanged(index(0), index(static_cast<int>(rows_.size()) - 1));
}

QString MatchModel::placeOf(const SearchHitValue& hit) const {
  if (hit.place == HitPlace::kTitle) return tr("title");
  const bool question = hit.place == HitPlace::kQuestion;
  if (const int number = numberIn(branches_.turns, hit.message); number > 0)
    return question ? tr("question %1").arg(number) : tr("answer %1").arg(number);
  for (const BranchValue& branch : branches_.others)
    if (const int number = numberIn(branch.turns, hit.message); number > 0)
      return (question ? tr("question %1, another branch") : tr("answer %1, another branch"))
          .arg(branch.n_shared + number);
  return question ? tr("question") : tr("answer");
}

int MatchModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(rows_.size());
}

QVariant MatchModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid()) return {};
  const Row& found = row(index);
  switch (role) {
    case Qt::DisplayRole: return found.text.text;
    case kPlaceRole: return found.place;
    case Qt::AccessibleTextRole:
      return tr("%1: %2", "where, what").arg(found.place, found.text.text);
    default: return {};
  }
}

}  // namespace ui
