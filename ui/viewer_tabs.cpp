#include "ui/viewer_tabs.h"

#include <QPainter>
#include <QTabBar>
#include <QToolButton>

#include "ui/code_view.h"
#include "ui/error_card.h"
#include "ui/icon.h"
#include "ui/label.h"
#include "ui/pdf_view.h"
#include "ui/theme.h"
#include "ui/viewer_page.h"
#include "ui/words.h"

namespace ui {

ViewerTabs::ViewerTabs(QWidget* parent) : QTabWidget(parent) {
  setObjectName(QStringLiteral("viewerTabs"));
  setAccessibleName(tr("Open documents"));
  setDocumentMode(true);
  setMovable(true);
  setElideMode(Qt::ElideMiddle);
  setUsesScrollButtons(true);
  tabBar()->setExpanding(false);
  connect(this, &QTabWidget::currentChanged, this, [this] {
    nameCurrent();
    emit pathShown(currentPath());
  });
}

void ViewerTabs::showDocumentText(const DocumentText& document) {
  openTab(document.path, Kind::kText)->showCode(document);
  nameCurrent();
}

void ViewerTabs::showPdfPage(const PdfPage& page) {
  ViewerPage* tab = openTab(page.path, Kind::kPdf);
  const bool is_new = tab->pdf() == nullptr;
  PdfView* view = tab->showPdf(page);
  if (is_new) connect(view, &PdfView::pageRequested, this, &ViewerTabs::pdfPageRequested);
  nameCurrent();
}

void ViewerTabs::showError(const ErrorValue& value) {
  const bool pdf = value.subject.endsWith(QLatin1String(".pdf"), Qt::CaseInsensitive);
  const QString subject = value.subject.isEmpty() ? currentPath() : value.subject;
  openTab(subject, pdf ? Kind::kPdf : Kind::kText)->showError(value);
}

void ViewerTabs::clearErrors() {
  for (int i = 0; i < count(); ++i) pageAt(i)->clearError();
}

QString ViewerTabs::currentPath() const {
  return count() == 0 ? QString() : pageAt(currentIndex())->path();
}

CodeView* ViewerTabs::codeView() const {
  return count() == 0 ? nullptr : pageAt(currentIndex())->code();
}

PdfView* ViewerTabs::pdfView() const {
  return count() == 0 ? nullptr : pageAt(currentIndex())->pdf();
}

ViewerPage* ViewerTabs::pageAt(int index) const {
  return static_cast<ViewerPage*>(widget(index));
}

ViewerPage* ViewerTabs::openTab(const QString& path, Kind kind) {
  for (int i = 0; i < count(); ++i) {
    if (pageAt(i)->path() != path) continue;
    setCurrentIndex(i);
    return pageAt(i);
  }
  auto* page = new ViewerPage(path, this);
  connect(page->errorCard(), &ErrorCard::actionChosen, this, &ViewerTabs::errorActionChosen);
  // An & in a file's name is not a shortcut.
  QString title = path.isEmpty() ? tr("Document") : visibleText(fileName(path));
  title.replace(QLatin1Char('&'), QLatin1String("&&"));
  const auto symbol = kind == Kind::kPdf ? QStringLiteral("pdf") : QStringLiteral("code");
  const int index = addTab(page, icon(symbol), title);
  setTabToolTip(index, visibleText(path));

  QToolButton* close = makeIconButton(QStringLiteral("x"), tr("Close tab"), tabBar());
  close->setIconSize(QSize(12, 12));
  close->setMinimumSize(20, 20);
  connect(close, &QToolButton::clicked, this, [this, page] { closePage(page); });
  tabBar()->setTabButton(index, QTabBar::RightSide, close);
  setCurrentIndex(index);
  return page;
}

void ViewerTabs::closePage(ViewerPage* page) {
  removeTab(indexOf(page));
  page->deleteLater();
  update();
}

void ViewerTabs::closeCurrent() {
  if (count() > 0) closePage(pageAt(currentIndex()));
}

void ViewerTabs::closeAll() {
  while (count() > 0) closePage(pageAt(0));
}

void ViewerTabs::nameCurrent() {
  for (int i = 0; i < count(); ++i) {
    const bool front = i == currentIndex();
    const ViewerPage* page = pageAt(i);
    if (page->code() != nullptr)
      page->code()->setObjectName(front ? QStringLiteral("codeView") : QString());
    if (page->pdf() != nullptr) page->pdf()->setInFront(front);
  }
}

void ViewerTabs::paintEvent(QPaintEvent* event) {
  QTabWidget::paintEvent(event);
  if (count() > 0) return;
  QPainter painter(this);
  painter.fillRect(rect(), color(Token::kSurface));
  painter.setPen(color(Token::kText2));
  painter.setFont(theme().font(FontRole::kInterface));
  const int margin = theme().px(24);
  painter.drawText(rect().adjusted(margin, 0, -margin, 0), Qt::AlignCenter | Qt::TextWordWrap,
                   tr("Choose a quote to see its place here."));
}

}  // namespace ui
