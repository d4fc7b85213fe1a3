// viewer_page.h: one tab of the viewer: a document, or the error that stands in its place.
#pragma once

#include <QWidget>

#include "ui/values.h"

namespace ui {

class CodeView;
class ErrorCard;
class PdfView;

class ViewerPage : public QWidget {
  Q_OBJECT

 public:
  ViewerPage(const QString& path, QWidget* parent);

  const QString& path() const { return path_; }
  // Made on first use; showing one hides the other and any error.
  CodeView* showCode(const DocumentText& document);
  PdfView* showPdf(const PdfPage& page);
  void showError(const ErrorValue& value);
  void clearError();

  CodeView* code() const { return code_; }
  PdfView* pdf() const { return pdf_; }
  ErrorCard* errorCard() const { return error_; }

 private:
  void bringUp(QWidget* view);

  QString path_;
  ErrorCard* error_;
  CodeView* code_ = nullptr;
  PdfView* pdf_ = nullptr;
};

}  // namespace ui
