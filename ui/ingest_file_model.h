// ingest_file_model.h: the files of a reading in their order, with place and state.
#pragma once

#include <vector>

#include <QAbstractTableModel>

#include "ui/values.h"

namespace ui {

class IngestFileModel : public QAbstractTableModel {
  Q_OBJECT

 public:
  enum Column { kFile, kTokens, kPosition, kState, kColumnCount };
  enum Role { kStateRole = Qt::UserRole, kFractionRole };

  explicit IngestFileModel(QObject* parent = nullptr) : QAbstractTableModel(parent) {}

  void setFiles(const std::vector<ReadingFile>& files);
  // Files before `current` become done, this one is being read.
  void setCurrent(int current, double fraction);
  int current() const { return current_; }

  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

 private:
  QString stateWords(const ReadingFile& file) const;

  std::vector<ReadingFile> files_;
  int current_ = -1;
};

}  // namespace ui
