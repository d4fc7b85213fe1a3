// viewer_tabs.h: open documents, one tab per path.
//
// A document that is shown again reuses its tab and lands on the new place. Object names
// (codeView, pdfView) belong to the tab in front, so that each is unique in the window.
#pragma once

#include <QTabWidget>

#include "ui/error_text.h"
#include "ui/values.h"

namespace ui {

class CodeView;
class PdfView;
class ViewerPage;

class ViewerTabs : public QTabWidget {
  Q_OBJECT

 public:
  explicit ViewerTabs(QWidget* parent = nullptr);

  void showDocumentText(const DocumentText& document);
  void showPdfPage(const PdfPage& page);
  // In the tab of value.subject, which is opened if need be.
  void showError(const ErrorValue& value);
  void clearErrors();

  QString currentPath() const;
  // Of the tab in front; null when it shows something else.
  CodeView* codeView() const;
  PdfView* pdfView() const;

 public slots:
  void closeCurrent();
  void closeAll();

 signals:
  void pdfPageRequested(const QString& path, int page, double scale);
  void errorActionChosen(ui::ErrorAction action, const ui::ErrorValue& value);
  // The tab in front changed; empty without tabs.
  void pathShown(const QString& path);

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  enum class Kind { kText, kPdf };

  ViewerPage* pageAt(int index) const;
  // The tab of this path, made if there is none; in front afterwards.
  ViewerPage* openTab(const QString& path, Kind kind);
  void closePage(ViewerPage* page);
  void nameCurrent();
};

}  // namespace ui
