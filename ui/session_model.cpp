#include "ui/session_model.h"

#include <algorithm>

#include <QCoreApplication>

#include "ui/theme.h"
#include "ui/words.h"

namespace ui {
namespace {

// Internal id of a group's index; a session carries its group's number plus one.
constexpr quintptr kGroup = 0;

QString tr(const char* text, const char* comment = nullptr) {
  return QCoreApplication::translate("ui::sessions", text, comment);
}

QString groupOf(const QDateTime& when, const QDateTime& now) {
  const qint64 days = when.date().daysTo(now.date());
  return days <= 0 ? tr("Today") : days < 7 ? tr("This week") : tr("Earlier");
}

}  // namespace

QString resumeWords(const SessionRow& row) {
  if (row.resume_s <= 0) return tr("not known");
  return row.resume_from == ResumeFrom::kSnapshot ? durationWords(row.resume_s)
                                                  : rangeWords(row.resume_s * 0.7,
                                                               row.resume_s * 1.4);
}

QString sessionNote(const SessionRow& row) {
  if (row.unfinished) {
    if (row.tokens_to_read <= 0) return tr("not read yet");
    return tr("read to %1 %", "of a paused reading").arg(100 * row.tokens_read / row.tokens_to_read);
  }
  switch (row.resume_from) {
    case ResumeFrom::kSnapshot: return row.pinned ? tr("pinned") : QString();
    case ResumeFrom::kReadAgain: return tr("text only");
    case ResumeFrom::kOtherModel: return tr("other model");
    case ResumeFrom::kDamaged: return tr("damaged");
  }
  return {};
}

void SessionModel::setRows(std::vector<SessionRow> rows, const QDateTime& now) {
  beginResetModel();
  rows_ = std::move(rows);
  now_ = now;
  std::stable_sort(rows_.begin(), rows_.end(), [](const SessionRow& a, const SessionRow& b) {
    return a.last_used > b.last_used;
  });
  groups_.clear();
  for (size_t i = 0; i < rows_.size(); ++i) {
    const QString title = groupOf(rows_[i].last_used, now);
    if (groups_.empty() || groups_.back().title != title) groups_.push_back({title, i, i});
    groups_.back().end = i + 1;
  }
  endResetModel();
}

const SessionRow* SessionModel::row(const QModelIndex& index) const {
  if (!index.isValid() || index.internalId() == kGroup) return nullptr;
  return &rows_[groups_[index.internalId() - 1].begin + static_cast<size_t>(index.row())];
}

QModelIndex SessionModel::index(int row, int column, const QModelIndex& parent) const {
  if (row < 0 || column < 0 || column >= kColumnCount || row >= rowCount(parent)) return {};
  return createIndex(row, column,
                     parent.isValid() ? static_cast<quintptr>(parent.row()) + 1 : kGroup);
}

QModelIndex SessionModel::parent(const QModelIndex& child) const {
  if (!child.isValid() || child.internalId() == kGroup) return {};
  return createIndex(static_cast<int>(child.internalId()) - 1, 0, kGroup);
}

int SessionModel::rowCount(const QModelIndex& parent) const {
  if (!parent.isValid()) return static_cast<int>(groups_.size());
  if (parent.internalId() != kGroup || parent.column() != 0) return 0;
  const Group& group = groups_[static_cast<size_t>(parent.row())];
  return static_cast<int>(group.end - group.begin);
}

int SessionModel::columnCount(const QModelIndex&) const { return kColumnCount; }

Qt::ItemFlags SessionModel::flags(const QModelIndex& index) const {
  if (!index.isValid()) return Qt::NoItemFlags;
  if (!row(index)) return Qt::ItemIsEnabled;
  return Qt::ItemIsEnabled | Qt::ItemIsSelectable | Qt::ItemNeverHasChildren;
}

QVariant SessionModel::groupData(const Group& group, int column, int role) const {
  if (column != kSession) return {};
  if (role == Qt::DisplayRole || role == Qt::AccessibleTextRole) return group.title;
  return {};
}

QVariant SessionModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid()) return {};
  const SessionRow* found = row(index);
  if (!found)
    return groupData(groups_[static_cast<size_t>(index.row())], index.column(), role);
  const bool instant = found->resume_from == ResumeFrom::kSnapshot;
  switch (role) {
    case kIdRole: return static_cast<qlonglong>(found->id.value);
    case kSearchRole: return QString(found->title + QLatin1Char('\n') + found->workspace);
    case kSubtitleRole:
      return visibleText(found->workspace);
    case kInkRole:
      return static_cast<int>(index.column() != kResumesIn ? Token::kText2
                              : instant                    ? Token::kOk
                                                           : Token::kWarn);
    case Qt::TextAlignmentRole:
      return static_cast<int>(Qt::AlignVCenter |
                              (index.column() == kTokens || index.column() == kSnapshot ||
                                       index.column() == kResumesIn
                                   ? Qt::AlignRight
                                   : Qt::AlignLeft));
    case Qt::AccessibleTextRole:
      if (index.column() == kSession)
        return tr("%1, %2, resumes in %3", "title, workspace, duration")
            .arg(visibleText(found->title), visibleText(found->workspace), resumeWords(*found));
      break;
    case Qt::DisplayRole: break;
    default: return {};
  }
  switch (index.column()) {
    case kSession: return visibleText(found->title);
    case kTokens: return exactCount(found->tokens);
    case kSnapshot:
      return found->snapshot_bytes > 0 ? byteWords(found->snapshot_bytes) : tr("none");
    case kResumesIn: return resumeWords(*found);
    case kLastUsed: return dayWords(found->last_used, now_);
    case kNote: return sessionNote(*found);
    default: return {};
  }
}

QVariant SessionModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal) return {};
  if (role == Qt::TextAlignmentRole)
    return static_cast<int>(Qt::AlignVCenter | (section >= kTokens && section <= kResumesIn
                                                    ? Qt::AlignRight
                                                    : Qt::AlignLeft));
  if (role != Qt::DisplayRole) return {};
  switch (section) {
    case kSession: return tr("Session");
    case kTokens: return tr("Tokens");
    case kSnapshot: return tr("Snapshot");
    case kResumesIn: return tr("Resumes in");
    case kLastUsed: return tr("Last used");
    default: return QString();
  }
}

}  // namespace ui
