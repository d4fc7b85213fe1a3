#include "ui/ingest_file_model.h"

#include <algorithm>

#include "ui/icon.h"
#include "ui/receipt_words.h"
#include "ui/words.h"

namespace ui {

void IngestFileModel::setFiles(const std::vector<ReadingFile>& files) {
  const bool same = files.size() == files_.size() &&
                    std::equal(files.begin(), files.end(), files_.begin(),
                               [](const ReadingFile& a, const ReadingFile& b) {
                                 return a.path == b.path;
                               });
  current_ = -1;
  for (size_t i = 0; i < files.size(); ++i)
    if (files[i].state == FileState::kReading) current_ = static_cast<int>(i);
  if (same) {
    files_ = files;
    if (!files_.empty())
      emit dataChanged(index(0, 0), index(rowCount() - 1, kColumnCount - 1));
    return;
  }
  beginResetModel();
  files_ = files;
  endResetModel();
}

void IngestFileModel::setCurrent(int current, double fraction) {
  if (current < 0 || current >= rowCount()) return;
  const int first = std::clamp(current_, 0, current);
  for (int row = first; row < current; ++row) {
    ReadingFile& file = files_[static_cast<size_t>(row)];
    if (file.state == FileState::kReading || file.state == FileState::kWaiting)
      file.state = FileState::kDone;
  }
  ReadingFile& file = files_[static_cast<size_t>(current)];
  if (file.state == FileState::kWaiting) file.state = FileState::kReading;
  file.fraction = fraction;
  if (fraction >= 1) file.state = FileState::kDone;
  current_ = current;
  emit dataChanged(index(first, 0), index(current, kColumnCount - 1));
}

int IngestFileModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(files_.size());
}

int IngestFileModel::columnCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(kColumnCount);
}

QString IngestFileModel::stateWords(const ReadingFile& file) const {
  switch (file.state) {
    case FileState::kDone:
      return file.seconds > 0 ? durationWords(file.seconds) : tr("read");
    case FileState::kReading:
      return tr("%1 %").arg(static_cast<int>(file.fraction * 100));
    case FileState::kWaiting:
      if (!file.note.isEmpty()) return visibleText(file.note);
      return file.seconds > 0 ? tr("about %1").arg(durationWords(file.seconds)) : tr("waiting");
    case FileState::kFailed:
      return tr("failed: %1").arg(visibleText(file.note));
    case FileState::kSkipped:
      return tr("skipped: %1").arg(receiptReason(file.note));
  }
  return {};
}

QVariant IngestFileModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid()) return {};
  const ReadingFile& file = files_[static_cast<size_t>(index.row())];
  const bool waiting = file.state == FileState::kWaiting || file.state == FileState::kSkipped;
  switch (role) {
    case Qt::DisplayRole:
      switch (index.column()) {
        case kFile: return visibleText(file.path);
        case kTokens:
          return file.state == FileState::kSkipped ? QString() : exactCount(file.tokens);
        case kPosition:
          return file.state == FileState::kSkipped ? QString() : exactCount(file.position);
        case kState: return stateWords(file);
        default: return {};
      }
    case Qt::DecorationRole:
      if (index.column() != kFile) return {};
      return icon(iconOf(file.kind),
                  file.state == FileState::kReading ? Token::kAccent : Token::kText2);
    case Qt::TextAlignmentRole:
      if (index.column() == kTokens || index.column() == kPosition)
        return QVariant(Qt::AlignRight | Qt::AlignVCenter);
      return QVariant(Qt::AlignLeft | Qt::AlignVCenter);
    case Qt::ForegroundRole:
      if (file.state == FileState::kFailed) return color(Token::kDanger);
      return color(waiting || index.column() != kFile ? Token::kText2 : Token::kText);
    case Qt::FontRole:
      return theme().font(file.state == FileState::kReading && index.column() == kFile
                              ? FontRole::kPaneHead
                              : FontRole::kInterface);
    case Qt::ToolTipRole:
      return index.column() == kFile ? tooltipText(file.path) : QString();
    case kStateRole:
      return static_cast<int>(file.state);
    case kFractionRole:
      return file.fraction;
    default:
      return {};
  }
}

QVariant IngestFileModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal) return {};
  if (role == Qt::TextAlignmentRole)
    return QVariant((section == kTokens || section == kPosition ? Qt::AlignRight : Qt::AlignLeft) |
                    Qt::AlignVCenter);
  if (role != Qt::DisplayRole) return {};
  switch (section) {
    case kFile: return tr("File");
    case kTokens: return tr("Tokens");
    case kPosition: return tr("Position");
    case kState: return tr("State");
    default: return {};
  }
}

}  // namespace ui
