// session_model.h: saved sessions in groups: today, this week, earlier; those that a search leaves.
//
// All rows are known, pages of them are shown: a view asks for more when it comes to the end.
#pragma once

#include <map>
#include <vector>

#include <QAbstractItemModel>

#include "ui/values.h"

namespace ui {

class SessionModel : public QAbstractItemModel {
  Q_OBJECT

 public:
  enum Column { kSession, kTokens, kSnapshot, kResumesIn, kLastUsed, kNote, kColumnCount };
  enum Role { kIdRole = Qt::UserRole, kSubtitleRole, kBranchesRole, kInkRole };

  explicit SessionModel(QObject* parent = nullptr) : QAbstractItemModel(parent) {}

  // In any order; the newest comes first.
  void setRows(std::vector<SessionRow> rows, const QDateTime& now);
  // Leaves titles and workspaces that hold the words, and the sessions of the hits. Hits of another
  // search are forgotten.
  void setSearch(const SessionSearch& search);
  void setHits(const std::vector<SearchHitValue>& hits);
  const std::vector<SearchHitValue>& hitsIn(base::SessionId session) const;
  int hitCount() const { return n_hits_; }

  // Null for a group.
  const SessionRow* row(const QModelIndex& index) const;
  // Fetches as far as needed; invalid when the search leaves it out.
  QModelIndex indexOf(base::SessionId id);
  QModelIndex firstSession() const;
  int sessionCount() const { return static_cast<int>(rows_.size()); }
  int shownCount() const { return static_cast<int>(shown_.size()); }
  int archivedCount() const;

  QModelIndex index(int row, int column, const QModelIndex& parent = {}) const override;
  QModelIndex parent(const QModelIndex& child) const override;
  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
  Qt::ItemFlags flags(const QModelIndex& index) const override;
  bool canFetchMore(const QModelIndex& parent) const override;
  void fetchMore(const QModelIndex& parent) override;

 private:
  struct Group {
    QString title;
    size_t begin = 0, end = 0;  // of shown_, as far as fetched
  };
  QVariant groupData(const Group& group, int column, int role) const;
  bool isWanted(const SessionRow& row) const;
  void rebuild();

  std::vector<SessionRow> rows_;
  std::vector<size_t> shown_;  // of rows_: what the search leaves, newest first
  size_t n_fetched_ = 0;       // of shown_
  bool changing_ = false;      // who hears of a change must not fetch in the middle of it
  std::vector<Group> groups_;
  SessionSearch search_;
  std::map<std::int64_t, std::vector<SearchHitValue>> hits_;  // by session
  int n_hits_ = 0;
  QDateTime now_;
};

// "1.2 s" from a snapshot, "5 to 7 min" when it must be read again; "not known" without a forecast.
QString resumeWords(const SessionRow& row);
// "read to 40 %", "text only", "other model", "damaged", "pinned"; empty for a good snapshot.
QString sessionNote(const SessionRow& row);

}  // namespace ui
