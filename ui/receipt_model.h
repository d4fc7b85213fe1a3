// receipt_model.h: what was read, cut and skipped, in sentences; the model is told the same.
#pragma once

#include <vector>

#include <QAbstractListModel>

#include "ui/values.h"

namespace ui {

class ReceiptModel : public QAbstractListModel {
  Q_OBJECT

 public:
  enum Role { kIconRole = Qt::UserRole, kDetailRole, kGoodRole };

  explicit ReceiptModel(QObject* parent = nullptr) : QAbstractListModel(parent) {}

  void setEntries(const std::vector<base::ReceiptEntry>& entries, std::int64_t n_tokens);

  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;

 private:
  struct Line {
    QString icon, sentence, detail, tip;
    bool good = false;
  };
  std::vector<Line> lines_;
};

}  // namespace ui
