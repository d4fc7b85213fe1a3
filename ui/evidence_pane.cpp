#include "ui/evidence_pane.h"

#include <QKeyEvent>
#include <QLabel>
#include <QListView>
#include <QTabBar>
#include <QTabWidget>
#include <QVBoxLayout>

#include "ui/citation_delegate.h"
#include "ui/citation_model.h"
#include "ui/label.h"

namespace ui {

EvidencePane::EvidencePane(QWidget* parent)
    : QWidget(parent),
      model_(new CitationModel(this)),
      tabs_(new QTabWidget(this)),
      list_(new QListView(this)),
      empty_(makeLabel(FontRole::kInterface, Token::kText2, list_,
                       tr("The quotes of the answer in view stand here."))) {
  setObjectName(QStringLiteral("evidencePane"));
  setProperty("ground", "panel");
  setAttribute(Qt::WA_StyledBackground);
  list_->setObjectName(QStringLiteral("evidenceList"));
  list_->setAccessibleName(tr("Quotes of this answer"));
  list_->setProperty("ground", "panel");
  list_->setModel(model_);
  list_->setItemDelegate(new CitationDelegate(list_));
  list_->setUniformItemSizes(true);
  empty_->move(16, 12);
  list_->setEditTriggers(QAbstractItemView::NoEditTriggers);
  list_->installEventFilter(this);
  connect(list_, &QListView::clicked, this,
          [this](const QModelIndex& index) { emit quoteActivated(index.row()); });

  tabs_->setObjectName(QStringLiteral("evidenceTabs"));
  tabs_->setDocumentMode(true);
  tabs_->tabBar()->setAccessibleName(tr("Evidence"));
  tabs_->tabBar()->setExpanding(false);
  tabs_->tabBar()->setDrawBase(false);
  tabs_->addTab(list_, tr("Quotes"));
  const auto addLater = [this](const QString& title, const QString& why) {
    const int index = tabs_->addTab(new QWidget(tabs_), title);
    tabs_->setTabEnabled(index, false);
    tabs_->setTabToolTip(index, why);
  };
  addLater(tr("Looked at"), tr("What the model looked at comes later"));
  addLater(tr("Map"), tr("The evidence map comes later"));
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  layout->addWidget(makeLine(Qt::Horizontal, this));
  layout->addWidget(tabs_, 1);
}

void EvidencePane::setQuotes(const std::vector<Quote>& quotes, int current) {
  model_->setQuotes(quotes);
  tabs_->setTabText(0, quotes.empty() ? tr("Quotes")
                                      : tr("Quotes  %1", "number").arg(quotes.size()));
  empty_->setVisible(quotes.empty());
  setCurrent(current);
}

void EvidencePane::setCurrent(int quote) {
  list_->setCurrentIndex(quote < 0 ? QModelIndex() : model_->index(quote));
}

void EvidencePane::focusList() { list_->setFocus(Qt::ShortcutFocusReason); }

bool EvidencePane::eventFilter(QObject* watched, QEvent* event) {
  if (watched != list_ || event->type() != QEvent::KeyPress)
    return QWidget::eventFilter(watched, event);
  const auto* key = static_cast<QKeyEvent*>(event);
  const QModelIndex index = list_->currentIndex();
  if (!index.isValid()) return false;
  if (key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter ||
      key->key() == Qt::Key_Space) {
    emit quoteActivated(index.row());
    return true;
  }
  if (key->matches(QKeySequence::Copy)) {
    emit copyRequested(index.row());
    return true;
  }
  return false;
}

}  // namespace ui
