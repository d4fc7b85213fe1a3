#include "ui/welcome_page.h"

#include <QHBoxLayout>
#include <QLayoutItem>
#include <QPushButton>
#include <QVBoxLayout>

#include "ui/drop_target.h"
#include "ui/error_card.h"
#include "ui/icon.h"
#include "ui/label.h"
#include "ui/reading_queue.h"
#include "ui/words.h"

namespace ui {
namespace {

QLabel* makePicture(const QString& name, Token ink, int size, QWidget* parent) {
  auto* picture = new QLabel(parent);
  const auto tint = [picture, name, ink, size] {
    picture->setPixmap(icon(name, ink).pixmap(QSize(size, size), picture->devicePixelRatioF()));
  };
  tint();
  QObject::connect(&theme(), &Theme::changed, picture, tint);
  return picture;
}

QLabel* makeWrapped(FontRole role, Token ink, QWidget* parent, const QString& text) {
  QLabel* label = makeLabel(role, ink, parent, text);
  label->setWordWrap(true);
  return label;
}

}  // namespace

WelcomePage::WelcomePage(QWidget* parent) : QScrollArea(parent) {
  setObjectName(QStringLiteral("welcomePage"));
  setWidgetResizable(true);
  setFrameShape(QFrame::NoFrame);
  auto* content = new QWidget(this);
  content->setProperty("ground", "surface");
  auto* columns = new QHBoxLayout;
  columns->setSpacing(56);
  columns->addStretch(1);
  columns->addWidget(buildLeft(), 8, Qt::AlignTop);
  columns->addWidget(buildRight(), 4, Qt::AlignTop);
  columns->addStretch(1);
  auto* layout = new QVBoxLayout(content);
  layout->setContentsMargins(32, 0, 32, 0);
  layout->addStretch(2);
  layout->addLayout(columns);
  layout->addStretch(3);
  setWidget(content);
}

QWidget* WelcomePage::buildLeft() {
  auto* left = new QWidget(this);
  left->setMaximumWidth(760);
  left->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Preferred);
  drop_ = new DropTarget(left);
  connect(drop_, &DropTarget::pathsDropped, this, &WelcomePage::pathsDropped);
  connect(drop_, &DropTarget::openFolderClicked, this, &WelcomePage::openFolderRequested);
  connect(drop_, &DropTarget::openPdfsClicked, this, &WelcomePage::openPdfsRequested);
  error_ = new ErrorCard(left);
  error_->setObjectName(QStringLiteral("welcomeErrorCard"));
  error_->hide();

  auto* sample = makeButton(ButtonKind::kPlain, {}, tr("Open sample"), left);
  sample->setObjectName(QStringLiteral("sampleShelfButton"));
  connect(sample, &QPushButton::clicked, this, &WelcomePage::sampleRequested);
  auto* sessions = makeButton(ButtonKind::kPlain, {}, tr("Show sessions"), left);
  sessions->setObjectName(QStringLiteral("sampleSessionButton"));
  connect(sessions, &QPushButton::clicked, this, &WelcomePage::sessionsRequested);
  auto* tour = makeButton(ButtonKind::kPlain, {}, tr("Start tour"), left);
  tour->setObjectName(QStringLiteral("tourButton"));
  tour->setEnabled(false);
  tour->setToolTip(tr("The tour comes later"));

  auto* cards = new QHBoxLayout;
  cards->setSpacing(16);
  cards->addWidget(buildCard(QStringLiteral("library"), tr("Sample shelf"),
                             tr("A small code tree and a PDF that come with Lectern"),
                             tr("Read in seconds."), sample), 1);
  cards->addWidget(buildCard(QStringLiteral("sessions"), tr("Earlier sessions"),
                             tr("Everything you have read and asked, with every quote"),
                             tr("Goes on where you left it."), sessions), 1);
  cards->addWidget(buildCard(QStringLiteral("help"), tr("Two-minute tour"),
                             tr("Five stops, all with the keyboard"),
                             tr("Comes later."), tour), 1);

  auto* layout = new QVBoxLayout(left);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  layout->addWidget(makeWrapped(FontRole::kDisplay, Token::kText, left,
                                tr("Read it once, ask it for months")));
  layout->addSpacing(10);
  layout->addWidget(makeWrapped(
      FontRole::kReading, Token::kText2, left,
      tr("Lectern reads a whole repository or a shelf of PDFs into one context, answers with "
         "quotes you can check, and picks up a saved session where you left it. Everything stays "
         "on this machine.")));
  layout->addSpacing(24);
  layout->addWidget(error_);
  layout->addWidget(drop_);
  readings_ = new ReadingQueue(left);
  layout->addWidget(readings_);
  layout->addSpacing(28);
  layout->addWidget(makeLabel(FontRole::kReadingStrong, Token::kText, left,
                              tr("Or start with something small")));
  layout->addSpacing(12);
  layout->addLayout(cards);
  return left;
}

QWidget* WelcomePage::buildCard(const QString& icon_name, const QString& title,
                                const QString& text, const QString& note, QPushButton* button) {
  auto* card = new QFrame(this);
  card->setProperty("outlined", true);
  auto* head = new QHBoxLayout;
  head->setSpacing(12);
  head->addWidget(makePicture(icon_name, Token::kAccent, 20, card));
  head->addWidget(makeLabel(FontRole::kReadingStrong, Token::kText, card, title), 1);
  auto* layout = new QVBoxLayout(card);
  layout->setContentsMargins(16, 14, 16, 14);
  layout->setSpacing(6);
  layout->addLayout(head);
  layout->addWidget(makeWrapped(FontRole::kInterface, Token::kText2, card, text));
  layout->addWidget(makeWrapped(FontRole::kInterface, Token::kText2, card, note));
  layout->addStretch();
  layout->addSpacing(4);
  layout->addWidget(button, 0, Qt::AlignLeft);
  return card;
}

QWidget* WelcomePage::buildRight() {
  auto* right = new QWidget(this);
  right->setMinimumWidth(300);
  right->setMaximumWidth(400);
  auto* machine = new QWidget(right);
  machine->setObjectName(QStringLiteral("machineList"));
  machine_rows_ = new QVBoxLayout(machine);
  machine_rows_->setContentsMargins(0, 0, 0, 0);
  machine_rows_->setSpacing(10);

  auto* notice = new QFrame(right);
  notice->setObjectName(QStringLiteral("modelNotice"));
  notice->setProperty("notice", "warn");
  auto* head = new QHBoxLayout;
  head->setSpacing(10);
  head->addWidget(makePicture(QStringLiteral("bulb"), Token::kWarn, 16, notice));
  model_name_ = makeLabel(FontRole::kPaneHead, Token::kText, notice);
  head->addWidget(model_name_, 1);
  model_text_ = makeWrapped(FontRole::kInterface, Token::kText, notice, {});
  auto* notice_layout = new QVBoxLayout(notice);
  notice_layout->setContentsMargins(16, 14, 16, 14);
  notice_layout->setSpacing(8);
  notice_layout->addLayout(head);
  notice_layout->addWidget(model_text_);
  QLabel* checked = makeWrapped(FontRole::kInterfaceStrong, Token::kOk, notice,
                                tr("Quotes are still checked word for word."));
  notice_layout->addWidget(checked);

  auto* choose = makeButton(ButtonKind::kPlain, QStringLiteral("folder"),
                            tr("Choose model files\u2026"), right);
  choose->setObjectName(QStringLiteral("chooseModelButton"));
  connect(choose, &QPushButton::clicked, this, &WelcomePage::chooseModelRequested);

  auto* layout = new QVBoxLayout(right);
  layout->setContentsMargins(0, 8, 0, 0);
  layout->setSpacing(0);
  layout->addWidget(makeLabel(FontRole::kReadingStrong, Token::kText, right, tr("This machine")));
  layout->addSpacing(12);
  layout->addWidget(machine);
  layout->addSpacing(16);
  layout->addWidget(makeLine(Qt::Horizontal, right));
  layout->addSpacing(18);
  layout->addWidget(makeLabel(FontRole::kReadingStrong, Token::kText, right,
                              tr("The model in use")));
  layout->addSpacing(10);
  layout->addWidget(notice);
  layout->addSpacing(24);
  layout->addWidget(makeLabel(FontRole::kReadingStrong, Token::kText, right,
                              tr("Use the full model")));
  layout->addSpacing(6);
  layout->addWidget(makeWrapped(FontRole::kInterface, Token::kText2, right,
                                tr("Point to the files of a DeepSeek-V4 model you have. Lectern "
                                   "checks every shard and plans memory before loading.")));
  layout->addSpacing(12);
  layout->addWidget(choose, 0, Qt::AlignLeft);
  return right;
}

QWidget* WelcomePage::factRow(const MachineFact& fact) {
  auto* row = new QWidget(this);
  auto* layout = new QHBoxLayout(row);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(10);
  layout->addWidget(makePicture(fact.ok ? QStringLiteral("check") : QStringLiteral("warn"),
                                fact.ok ? Token::kOk : Token::kWarn, 16, row),
                    0, Qt::AlignTop);
  auto* words = new QVBoxLayout;
  words->setSpacing(1);
  words->addWidget(makeWrapped(FontRole::kInterfaceStrong, Token::kText, row, fact.title));
  words->addWidget(makeWrapped(FontRole::kSmall, Token::kText2, row, fact.detail));
  layout->addLayout(words, 1);
  return row;
}

void WelcomePage::show(const WelcomeValue& value) {
  while (QLayoutItem* item = machine_rows_->takeAt(0)) {
    delete item->widget();
    delete item;
  }
  for (const MachineFact& fact : value.facts) machine_rows_->addWidget(factRow(fact));
  model_name_->setText(value.model_name.isEmpty() ? tr("No model was found")
                                                  : visibleText(value.model_name));
  QString text = visibleText(value.model_text);
  if (value.model_bytes > 0)
    text =
        tr("%1 on disk. %2", "size, what the model does").arg(byteWords(value.model_bytes), text);
  model_text_->setText(text);
}

}  // namespace ui
