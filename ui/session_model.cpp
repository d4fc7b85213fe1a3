#include "ui/session_model.h"

#include <algorithm>

#include <QCoreApplication>

#include "ui/theme.h"
#include "ui/words.h"

namespace ui {
namespace {

// Internal id of a group's index; a session carries its group's number plus one.
constexpr quintptr kGroup = 0;
constexpr size_t kPage = 200;

QString tr(const char* text, const char* comment = nullptr) {
  return QCoreApplication::translate("ui::sessions", text, comment);
}

QString groupOf(const QDateTime& when, const QDateTime& now) {
  const qint64 days = when.date().daysTo(now.date());
  return days <= 0 ? tr("Today") : days < 7 ? tr("This week") : tr("Earlier");
}

bool resumeUnknown(const SessionRow& row) {
  return row.resume_s <= 0 || (row.unfinished && row.tokens == 0);
}

QString tooltipOf(const SessionRow& row, int column) {
  if (column == SessionModel::kSnapshot && row.logical_bytes > 0)
    return tr("%1 in all, of which %2 other sessions use too")
        .arg(byteWords(row.logical_bytes), byteWords(row.logical_bytes - row.snapshot_bytes));
  if (column == SessionModel::kResumesIn && row.resume_s > 0 && !row.resume_measured)
    return tr("A guess: nothing was measured on this machine with this model yet");
  return column == SessionModel::kSession ? tooltipText(row.title) : QString();
}

}  // namespace

QString resumeWords(const SessionRow& row) {
  if (resumeUnknown(row)) return row.unfinished ? tr("not read") : tr("not known");
  if (row.resume_from == ResumeFrom::kSnapshot) return durationWords(row.resume_s);
  return row.resume_low_s > 0 ? rangeWords(row.resume_low_s, row.resume_s)
                              : rangeWords(row.resume_s * 0.7, row.resume_s * 1.4);
}

QString sessionNote(const SessionRow& row) {
  if (row.unfinished) {
    if (row.tokens_to_read <= 0) return tr("not read yet");
    return tr("read to %1 %", "of a paused reading").arg(100 * row.tokens_read / row.tokens_to_read);
  }
  if (row.archived) return tr("archived");
  switch (row.resume_from) {
    case ResumeFrom::kSnapshot: return row.pinned ? tr("pinned") : QString();
    case ResumeFrom::kReadAgain: return tr("text only");
    case ResumeFrom::kOtherModel: return tr("other model");
    case ResumeFrom::kDamaged: return tr("damaged");
  }
  return {};
}

void SessionModel::setRows(std::vector<SessionRow> rows, const QDateTime& now) {
  changing_ = true;
  beginResetModel();
  rows_ = std::move(rows);
  now_ = now;
  std::stable_sort(rows_.begin(), rows_.end(), [](const SessionRow& a, const SessionRow& b) {
    return a.last_used > b.last_used;
  });
  rebuild();
  endResetModel();
  changing_ = false;
}

void SessionModel::setSearch(const SessionSearch& search) {
  changing_ = true;
  beginResetModel();
  search_ = search;
  search_.words = search.words.trimmed();
  hits_.clear();
  n_hits_ = 0;
  rebuild();
  endResetModel();
  changing_ = false;
}

void SessionModel::setHits(const std::vector<SearchHitValue>& hits) {
  changing_ = true;
  beginResetModel();
  hits_.clear();
  for (const SearchHitValue& hit : hits) hits_[hit.session.value].push_back(hit);
  n_hits_ = static_cast<int>(hits.size());
  rebuild();
  endResetModel();
  changing_ = false;
}

const std::vector<SearchHitValue>& SessionModel::hitsIn(base::SessionId session) const {
  static const std::vector<SearchHitValue> none;
  const auto found = hits_.find(session.value);
  return found == hits_.end() ? none : found->second;
}

bool SessionModel::isWanted(const SessionRow& row) const {
  if (row.archived && !search_.with_archived) return false;
  if (search_.workspace && row.workspace_id != search_.workspace) return false;
  return search_.words.isEmpty() || hits_.count(row.id.value) > 0 ||
         row.title.contains(search_.words, Qt::CaseInsensitive) ||
         row.workspace.contains(search_.words, Qt::CaseInsensitive);
}

// Inside a reset.
void SessionModel::rebuild() {
  shown_.clear();
  for (size_t i = 0; i < rows_.size(); ++i)
    if (isWanted(rows_[i])) shown_.push_back(i);
  groups_.clear();
  n_fetched_ = std::min(kPage, shown_.size());
  for (size_t i = 0; i < n_fetched_; ++i) {
    const QString title = groupOf(rows_[shown_[i]].last_used, now_);
    if (groups_.empty() || groups_.back().title != title) groups_.push_back({title, i, i});
    groups_.back().end = i + 1;
  }
}

bool SessionModel::canFetchMore(const QModelIndex& parent) const {
  return !changing_ && !parent.isValid() && n_fetched_ < shown_.size();
}

// The page's rows go below the last group as far as they belong to it, then into new ones.
void SessionModel::fetchMore(const QModelIndex& parent) {
  if (!canFetchMore(parent)) return;
  changing_ = true;
  const size_t end = std::min(n_fetched_ + kPage, shown_.size());
  while (n_fetched_ < end) {
    const QString title = groupOf(rows_[shown_[n_fetched_]].last_used, now_);
    size_t group_end = n_fetched_ + 1;
    while (group_end < end && groupOf(rows_[shown_[group_end]].last_used, now_) == title)
      ++group_end;
    const int last = static_cast<int>(groups_.size()) - 1;
    if (last >= 0 && groups_.back().title == title) {
      const auto n_before = static_cast<int>(n_fetched_ - groups_.back().begin);
      const auto n_more = static_cast<int>(group_end - n_fetched_);
      beginInsertRows(index(last, 0), n_before, n_before + n_more - 1);
      groups_.back().end = n_fetched_ = group_end;
    } else {
      beginInsertRows({}, last + 1, last + 1);
      groups_.push_back({title, n_fetched_, group_end});
      n_fetched_ = group_end;
    }
    endInsertRows();
  }
  changing_ = false;
}

QModelIndex SessionModel::indexOf(base::SessionId id) {
  for (size_t i = 0; i < shown_.size(); ++i) {
    if (rows_[shown_[i]].id != id) continue;
    while (i >= n_fetched_ && canFetchMore({})) fetchMore({});
    for (size_t group = 0; group < groups_.size(); ++group)
      if (i < groups_[group].end)
        return index(static_cast<int>(i - groups_[group].begin), 0,
                     index(static_cast<int>(group), 0));
  }
  return {};
}

QModelIndex SessionModel::firstSession() const {
  return groups_.empty() ? QModelIndex() : index(0, 0, index(0, 0));
}

int SessionModel::archivedCount() const {
  return static_cast<int>(std::count_if(rows_.begin(), rows_.end(), [](const SessionRow& row) {
    return row.archived;
  }));
}

const SessionRow* SessionModel::row(const QModelIndex& index) const {
  if (!index.isValid() || index.internalId() == kGroup) return nullptr;
  const Group& group = groups_[index.internalId() - 1];
  return &rows_[shown_[group.begin + static_cast<size_t>(index.row())]];
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
    case kSubtitleRole: return visibleText(found->workspace);
    case kBranchesRole:
      return found->n_branches > 1 ? tr("%1 branches").arg(found->n_branches) : QString();
    case Qt::ToolTipRole: return tooltipOf(*found, index.column());
    case kInkRole:
      if (index.column() == kNote)
        return static_cast<int>(found->unfinished || found->archived ||
                                        found->resume_from == ResumeFrom::kSnapshot ||
                                        found->resume_from == ResumeFrom::kReadAgain
                                    ? Token::kText2
                                    : Token::kWarn);
      return static_cast<int>(index.column() != kResumesIn || resumeUnknown(*found)
                                  ? Token::kText2
                              : instant ? Token::kOk
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
