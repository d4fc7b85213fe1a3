// session_model.h: saved sessions in groups: today, this week, earlier.
#pragma once

#include <vector>

#include <QAbstractItemModel>

#include "ui/values.h"

namespace ui {

class SessionModel : public QAbstractItemModel {
  Q_OBJECT

 public:
  enum Column { kSession, kTokens, kSnapshot, kResumesIn, kLastUsed, kNote, kColumnCount };
  enum Role { kIdRole = Qt::UserRole, kSearchRole, kSubtitleRole, kInkRole };

  explicit SessionModel(QObject* parent = nullptr) : QAbstractItemModel(parent) {}

  // In any order; the newest comes first.
  void setRows(std::vector<SessionRow> rows, const QDateTime& now);
  // Null for a group.
  const SessionRow* row(const QModelIndex& index) const;
  int sessionCount() const { return static_cast<int>(rows_.size()); }

  QModelIndex index(int row, int column, const QModelIndex& parent = {}) const override;
  QModelIndex parent(const QModelIndex& child) const override;
  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
  Qt::ItemFlags flags(const QModelIndex& index) const override;

 private:
  struct Group {
    QString title;
    size_t begin = 0, end = 0;  // of rows_
  };
  QVariant groupData(const Group& group, int column, int role) const;

  std::vector<SessionRow> rows_;
  std::vector<Group> groups_;
  QDateTime now_;
};

// "1.2 s" from a snapshot, "5 to 7 min" when it must be read again; "not known" without a forecast.
QString resumeWords(const SessionRow& row);
// "read to 40 %", "text only", "other model", "damaged", "pinned"; empty for a good snapshot.
QString sessionNote(const SessionRow& row);

}  // namespace ui
