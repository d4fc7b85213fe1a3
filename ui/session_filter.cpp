#include "ui/session_filter.h"

#include "ui/session_model.h"

namespace ui {

SessionFilter::SessionFilter(QObject* parent) : QSortFilterProxyModel(parent) {
  setRecursiveFilteringEnabled(true);
}

void SessionFilter::setWords(const QString& words) {
  words_ = words.trimmed();
  hits_.clear();
  invalidateFilter();
}

void SessionFilter::setHits(const std::vector<SearchHitValue>& hits) {
  hits_.clear();
  for (const SearchHitValue& hit : hits) hits_[hit.session.value].append(hit.snippet);
  invalidateFilter();
}

QStringList SessionFilter::hitsIn(base::SessionId session) const {
  const auto found = hits_.find(session.value);
  return found == hits_.end() ? QStringList() : found->second;
}

bool SessionFilter::filterAcceptsRow(int row, const QModelIndex& parent) const {
  const QModelIndex index = sourceModel()->index(row, 0, parent);
  const QVariant id = index.data(SessionModel::kIdRole);
  if (!id.isValid()) return false;  // a group: shown for what is in it
  if (words_.isEmpty() || hits_.count(id.toLongLong()) > 0) return true;
  return index.data(SessionModel::kSearchRole).toString().contains(words_, Qt::CaseInsensitive);
}

}  // namespace ui
