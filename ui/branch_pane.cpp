#include "ui/branch_pane.h"

#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QListView>
#include <QPushButton>
#include <QVBoxLayout>

#include "ui/branch_delegate.h"
#include "ui/branch_model.h"
#include "ui/label.h"

namespace ui {
namespace {

constexpr int kRowsShownMax = 9, kSide = 24;

}  // namespace

BranchPane::BranchPane(QWidget* parent)
    : QWidget(parent), model_(new BranchModel(this)), graph_(new QListView(this)),
      cost_(makeLabel(FontRole::kInterface, Token::kText2, this)),
      branch_(makeButton(ButtonKind::kPlain, QStringLiteral("branch"), tr("Branch from here"),
                         this)),
      switch_(makeButton(ButtonKind::kPlain, QStringLiteral("forward"), tr("Go to this branch"),
                         this)),
      cut_(makeButton(ButtonKind::kPlain, QStringLiteral("back"), tr("Go back to here"), this)),
      question_(new QFrame(this)),
      question_words_(makeLabel(FontRole::kInterface, Token::kText, question_)),
      go_(makeButton(ButtonKind::kPlain, {}, {}, question_)),
      keep_(makeButton(ButtonKind::kPlain, {}, tr("Keep"), question_)) {
  setObjectName(QStringLiteral("branchPane"));
  setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Maximum);
  graph_->setObjectName(QStringLiteral("branchGraph"));
  graph_->setAccessibleName(tr("Branches and turns"));
  graph_->setModel(model_);
  graph_->setItemDelegate(new BranchDelegate(graph_));
  graph_->setProperty("ground", "panel");
  graph_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  graph_->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
  graph_->setEditTriggers(QAbstractItemView::NoEditTriggers);
  graph_->setUniformItemSizes(true);
  graph_->installEventFilter(this);
  branch_->setObjectName(QStringLiteral("branchHereButton"));
  branch_->setToolTip(tr("The next question follows this turn; everything said so far stays"));
  switch_->setObjectName(QStringLiteral("switchBranchButton"));
  cut_->setObjectName(QStringLiteral("cutBranchButton"));
  question_->setObjectName(QStringLiteral("cutConfirm"));
  question_->setProperty("notice", "warn");
  question_words_->setWordWrap(true);
  go_->setObjectName(QStringLiteral("cutForGoodButton"));
  go_->setProperty("danger", true);
  keep_->setObjectName(QStringLiteral("cutKeepButton"));

  auto* head = new QHBoxLayout;
  head->setContentsMargins(kSide, 0, kSide, 0);
  head->addWidget(makeLabel(FontRole::kPaneHead, Token::kText, this, tr("Branches")));
  head->addStretch();
  head->addWidget(cost_);
  auto* answers = new QHBoxLayout;
  answers->setSpacing(8);
  answers->addWidget(go_);
  answers->addWidget(keep_);
  answers->addStretch();
  auto* question = new QVBoxLayout(question_);
  question->setContentsMargins(14, 12, 14, 12);
  question->setSpacing(8);
  question->addWidget(question_words_);
  question->addLayout(answers);
  auto* buttons = new QHBoxLayout;
  buttons->setSpacing(8);
  for (QPushButton* button : {branch_, switch_, cut_}) buttons->addWidget(button);
  buttons->addStretch();
  auto* foot = new QVBoxLayout;
  foot->setContentsMargins(kSide, 0, kSide, 0);
  foot->setSpacing(8);
  foot->addLayout(buttons);
  foot->addWidget(question_);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 14, 0, 14);
  layout->setSpacing(8);
  layout->addLayout(head);
  layout->addWidget(graph_);
  layout->addLayout(foot);

  connect(graph_->selectionModel(), &QItemSelectionModel::currentChanged, this,
          &BranchPane::updateButtons);
  connect(graph_, &QListView::doubleClicked, this, &BranchPane::activate);
  connect(branch_, &QPushButton::clicked, this, [this] {
    emit branchRequested(model_->value().session, model_->turnOf(row()));
  });
  connect(switch_, &QPushButton::clicked, this, [this] {
    emit switchRequested(model_->value().session, model_->branch(row()).id);
  });
  connect(cut_, &QPushButton::clicked, this, [this] { askFirst(true); });
  connect(keep_, &QPushButton::clicked, this, [this] { askFirst(false); });
  connect(go_, &QPushButton::clicked, this, &BranchPane::confirm);
  connect(&theme(), &Theme::changed, this, &BranchPane::fitGraph);
  setBranches({});
}

void BranchPane::setBranches(const BranchesValue& value) {
  const bool same = value.session == model_->value().session && model_->rowCount() > 0;
  const int kept = same ? row() : -1;
  model_->setBranches(value);
  setVisible(model_->rowCount() > 0);
  const int last = model_->rowCount() - 1;
  const int current = kept >= 0 && kept <= last ? kept : model_->headRow();
  if (last >= 0) {
    graph_->setCurrentIndex(model_->index(current));
    graph_->scrollTo(model_->index(current));
  }
  fitGraph();
  updateButtons();
}

void BranchPane::setCost(const QString& words) { cost_->setText(words); }

int BranchPane::row() const { return graph_->currentIndex().row(); }

void BranchPane::fitGraph() {
  const int n_rows = std::min(model_->rowCount(), kRowsShownMax);
  graph_->setFixedHeight(n_rows * theme().px(32) + 2);
}

void BranchPane::resizeEvent(QResizeEvent*) { graph_->doItemsLayout(); }

void BranchPane::updateButtons() {
  askFirst(false);
  const bool any = row() >= 0;
  const bool other = any && model_->kind(row()) == BranchModel::Kind::kBranch;
  branch_->setVisible(!other);
  branch_->setEnabled(any);
  switch_->setVisible(other);
  cut_->setVisible(any && (other || row() < model_->headRow()));
  cut_->setText(other ? tr("Remove branch") : tr("Go back to here"));
  cut_->setAccessibleName(cut_->text());
  cut_->setToolTip(other ? tr("With the questions that only this branch holds")
                         : tr("Takes back what was said after this turn"));
}

void BranchPane::askFirst(bool ask) {
  question_->setVisible(ask);
  cut_->setEnabled(!ask);
  if (!ask || row() < 0) return;
  if (model_->kind(row()) == BranchModel::Kind::kBranch) {
    const auto n = static_cast<int>(model_->branch(row()).turns.size());
    question_words_->setText(n == 1 ? tr("The question that only this branch holds is erased.")
                                    : tr("%1 questions that only this branch holds are erased.")
                                          .arg(n));
    go_->setText(tr("Remove for good"));
  } else {
    const int n = model_->headRow() - row();
    question_words_->setText(
        n == 1 ? tr("The last question and its answer are erased, unless another branch holds "
                    "them. \u201CBranch from here\u201D keeps them.")
               : tr("The last %1 questions and their answers are erased, unless another branch "
                    "holds them. \u201CBranch from here\u201D keeps them.").arg(n));
    go_->setText(tr("Erase and go back"));
  }
  go_->setAccessibleName(go_->text());
  keep_->setFocus();
}

void BranchPane::confirm() {
  const base::SessionId session = model_->value().session;
  const int at = row();
  const bool other = model_->kind(at) == BranchModel::Kind::kBranch;
  const base::BranchId branch = other ? model_->branch(at).id : base::BranchId{};
  askFirst(false);
  graph_->setFocus();
  if (other) emit removeRequested(session, branch);
  else emit rewindRequested(session, model_->turnOf(at));
}

// Enter: what the first button says.
void BranchPane::activate() {
  if (row() < 0) return;
  if (model_->kind(row()) == BranchModel::Kind::kBranch) switch_->click();
  else branch_->click();
}

bool BranchPane::eventFilter(QObject* watched, QEvent* event) {
  if (watched != graph_ || event->type() != QEvent::KeyPress)
    return QWidget::eventFilter(watched, event);
  const auto* key = static_cast<QKeyEvent*>(event);
  if (key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter) {
    activate();
    return true;
  }
  if (key->key() == Qt::Key_Delete && cut_->isVisible()) {
    askFirst(true);
    return true;
  }
  return QWidget::eventFilter(watched, event);
}

}  // namespace ui
