#include "ui/viewer_page.h"

#include <QVBoxLayout>

#include "ui/code_view.h"
#include "ui/error_card.h"
#include "ui/pdf_view.h"

namespace ui {

ViewerPage::ViewerPage(const QString& path, QWidget* parent)
    : QWidget(parent), path_(path), error_(new ErrorCard(this)) {
  setProperty("ground", "surface");
  setAttribute(Qt::WA_StyledBackground);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  layout->addWidget(error_, 0, Qt::AlignTop);
  error_->hide();
}

CodeView* ViewerPage::showCode(const DocumentText& document) {
  if (code_ == nullptr) code_ = new CodeView(this);
  bringUp(code_);
  code_->show(document);
  return code_;
}

PdfView* ViewerPage::showPdf(const PdfPage& page) {
  if (pdf_ == nullptr) pdf_ = new PdfView(this);
  bringUp(pdf_);
  pdf_->show(page);
  return pdf_;
}

void ViewerPage::bringUp(QWidget* view) {
  clearError();
  if (layout()->indexOf(view) < 0) {
    static_cast<QVBoxLayout*>(layout())->addWidget(view, 1);
    setFocusProxy(view);
  }
}

void ViewerPage::showError(const ErrorValue& value) { error_->show(value); }

void ViewerPage::clearError() { error_->hide(); }

}  // namespace ui
