// drop_target.h: the dashed field that takes folders, repositories and PDFs.
#pragma once

#include <QFrame>
#include <QStringList>

class QDragEnterEvent;
class QDropEvent;
class QLabel;
class QMimeData;
class QPushButton;

namespace ui {

// Local paths of a drag, empty when nothing in it can be planned. Looks at names and kinds only:
// nothing is opened.
QStringList droppedPaths(const QMimeData& data);

class DropTarget : public QFrame {
  Q_OBJECT

 public:
  explicit DropTarget(QWidget* parent = nullptr);

 signals:
  void pathsDropped(const QStringList& paths);
  void openFolderClicked();
  void openPdfsClicked();

 protected:
  void dragEnterEvent(QDragEnterEvent* event) override;
  void dragLeaveEvent(QDragLeaveEvent* event) override;
  void dropEvent(QDropEvent* event) override;
  void paintEvent(QPaintEvent* event) override;

 private:
  enum class Drag { kNone, kWelcome, kRefused };
  void setDrag(Drag drag);

  Drag drag_ = Drag::kNone;
  QLabel* title_;
  QLabel* hint_;
};

}  // namespace ui
