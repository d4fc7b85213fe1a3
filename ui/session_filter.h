// session_filter.h: the sessions that a search leaves: by their titles at once, by what was said in
// them when the answer to the search arrives.
#pragma once

#include <map>
#include <vector>

#include <QSortFilterProxyModel>
#include <QStringList>

#include "ui/values.h"

namespace ui {

class SessionFilter : public QSortFilterProxyModel {
  Q_OBJECT

 public:
  explicit SessionFilter(QObject* parent = nullptr);

  // Forgets the hits of other words.
  void setWords(const QString& words);
  void setHits(const std::vector<SearchHitValue>& hits);
  QStringList hitsIn(base::SessionId session) const;

 protected:
  bool filterAcceptsRow(int row, const QModelIndex& parent) const override;

 private:
  QString words_;
  std::map<std::int64_t, QStringList> hits_;  // by session
};

}  // namespace ui
