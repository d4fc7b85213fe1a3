// citation_model.h: the quotes of one answer, in answer order.
#pragma once

#include <vector>

#include <QAbstractListModel>

#include "ui/answer_text.h"

namespace ui {

class CitationModel : public QAbstractListModel {
  Q_OBJECT

 public:
  enum Role { kStateRole = Qt::UserRole, kPlaceRole, kPositionRole, kProseRole };

  explicit CitationModel(QObject* parent = nullptr) : QAbstractListModel(parent) {}

  // Takes a copy: the answer may change while rows are painted.
  void setQuotes(const std::vector<Quote>& quotes);

  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;

 private:
  struct Row {
    EvidenceState state = EvidenceState::kUnverified;
    QString words, path, position, spoken;
    bool prose = false;
  };
  std::vector<Row> rows_;
};

}  // namespace ui
