#include "ui/citation_model.h"

#include "ui/words.h"

namespace ui {

void CitationModel::setQuotes(const std::vector<Quote>& quotes) {
  beginResetModel();
  rows_.clear();
  for (const Quote& quote : quotes) {
    Row row;
    row.state = quote.state;
    row.words = visibleText(quote.text, LineBreaks::kKeep).simplified();
    row.spoken = spokenEvidence(quote.state, quote.citation);
    if (quote.citation && !quote.citation->path.empty()) {
      row.path = visibleText(quote.citation->path);
      row.position = positionWords(*quote.citation);
      row.prose = quote.citation->page > 0;
    }
    rows_.push_back(std::move(row));
  }
  endResetModel();
}

int CitationModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(rows_.size());
}

QVariant CitationModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid()) return {};
  const Row& row = rows_[static_cast<size_t>(index.row())];
  switch (role) {
    case Qt::DisplayRole: return row.words;
    case Qt::AccessibleTextRole: return tr("%1: %2", "place, quote").arg(row.spoken, row.words);
    case kStateRole: return static_cast<int>(row.state);
    case kPlaceRole: return row.path.isEmpty() ? evidenceLook(row.state).word : row.path;
    case kPositionRole: return row.position;
    case kProseRole: return row.prose;
    default: return {};
  }
}

}  // namespace ui
