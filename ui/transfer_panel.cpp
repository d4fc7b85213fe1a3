#include "ui/transfer_panel.h"

#include <QCheckBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

#include "ui/budget_bar.h"
#include "ui/label.h"
#include "ui/words.h"

namespace ui {

TransferPanel::TransferPanel(QWidget* parent)
    : QFrame(parent), words_(makeLabel(FontRole::kPaneHead, Token::kText, this)),
      figure_(makeLabel(FontRole::kInterface, Token::kText2, this)),
      remark_(makeLabel(FontRole::kInterface, Token::kText2, this)),
      bar_(new BudgetBar(this)),
      with_snapshot_(new QCheckBox(tr("Take its snapshot too, if it brings one"), this)),
      import_(makeButton(ButtonKind::kPrimary, QStringLiteral("download"), tr("Import"), this)),
      open_(makeButton(ButtonKind::kPrimary, QStringLiteral("play"), tr("Open"), this)),
      close_(makeButton(ButtonKind::kPlain, {}, tr("Cancel"), this)) {
  setObjectName(QStringLiteral("transferPanel"));
  words_->setObjectName(QStringLiteral("transferWords"));
  words_->setWordWrap(true);
  remark_->setObjectName(QStringLiteral("transferRemark"));
  remark_->setWordWrap(true);
  bar_->setObjectName(QStringLiteral("transferBar"));
  with_snapshot_->setObjectName(QStringLiteral("importSnapshotBox"));
  with_snapshot_->setAccessibleName(with_snapshot_->text());
  import_->setObjectName(QStringLiteral("importNowButton"));
  open_->setObjectName(QStringLiteral("importOpenButton"));
  close_->setObjectName(QStringLiteral("transferCloseButton"));
  auto* head = new QHBoxLayout;
  head->addWidget(words_, 1);
  head->addWidget(figure_, 0, Qt::AlignTop);
  auto* buttons = new QHBoxLayout;
  buttons->setSpacing(8);
  for (QPushButton* button : {import_, open_, close_}) buttons->addWidget(button);
  buttons->addStretch();
  auto* card = new QFrame(this);
  card->setProperty("outlined", true);
  auto* around = new QVBoxLayout(this);
  around->setContentsMargins(0, 12, 0, 10);
  around->addWidget(card);
  auto* layout = new QVBoxLayout(card);
  layout->setContentsMargins(16, 12, 16, 12);
  layout->setSpacing(8);
  layout->addLayout(head);
  layout->addWidget(bar_);
  layout->addWidget(with_snapshot_);
  layout->addWidget(remark_);
  layout->addLayout(buttons);
  connect(import_, &QPushButton::clicked, this, [this] {
    emit importRequested(path_, with_snapshot_->isChecked());
  });
  connect(open_, &QPushButton::clicked, this, [this] {
    const base::SessionId session = session_;
    dismiss();
    emit openRequested(session);
  });
  connect(close_, &QPushButton::clicked, this, [this] {
    if (state_ != State::kRunning) return dismiss();
    close_->setEnabled(false);
    close_->setText(tr("Stopping"));
    emit cancelRequested();
  });
  setState(State::kIdle);
}

void TransferPanel::setState(State state) {
  state_ = state;
  setVisible(state != State::kIdle);
  bar_->setVisible(state == State::kRunning);
  figure_->setVisible(state == State::kRunning);
  with_snapshot_->setVisible(state == State::kAsking);
  import_->setVisible(state == State::kAsking);
  open_->setVisible(state == State::kDone && session_);
  close_->setEnabled(true);
  close_->setText(state == State::kDone ? tr("Close") : tr("Cancel"));
  close_->setAccessibleName(close_->text());
  remark_->setVisible(!remark_->text().isEmpty());
}

void TransferPanel::askImport(const QString& path) {
  path_ = path;
  session_ = {};
  words_->setText(tr("Import %1", "a file").arg(visibleText(fileName(path))));
  remark_->setText(tr("Every quote is compared with the text in the file. A snapshot spares the "
                      "reading, but nobody can check that it is what the model made of the text: "
                      "take it only from people you trust."));
  with_snapshot_->setChecked(false);
  setState(State::kAsking);
  import_->setFocus();
}

void TransferPanel::showProgress(const TransferValue& value) {
  words_->setText(visibleText(value.words));
  remark_->clear();
  const bool known = value.n_total > 0;
  const std::int64_t n_done = std::min(value.n_done, value.n_total);
  figure_->setText(known ? tr("%1 of %2", "bytes, bytes")
                               .arg(byteWords(n_done), byteWords(value.n_total))
                         : QString());
  bar_->setValue(n_done, value.n_total, Token::kAccent);
  bar_->setAccessibleName(known ? figure_->text() : words_->text());
  const bool stopping = state_ == State::kRunning && !close_->isEnabled();
  setState(State::kRunning);
  bar_->setVisible(known);
  if (!stopping) return;
  close_->setEnabled(false);
  close_->setText(tr("Stopping"));
}

void TransferPanel::showResult(const TransferResult& result) {
  words_->setText(visibleText(result.words));
  remark_->setText(visibleText(result.remark));
  session_ = result.session;
  setState(State::kDone);
  if (session_) open_->setFocus();
  else close_->setFocus();
}

void TransferPanel::dismiss() {
  session_ = {};
  setState(State::kIdle);
}

}  // namespace ui
