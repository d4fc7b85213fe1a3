#include "ui/code_view.h"

#include <algorithm>
#include <utility>

#include <QFontMetrics>
#include <QScrollBar>
#include <QTimer>
#include <QVBoxLayout>
#include <Qsci/qscilexer.h>
#include <Qsci/qsciscintilla.h>

#include "ui/code_lexer.h"
#include "ui/label.h"
#include "ui/theme.h"
#include "ui/viewer_head.h"
#include "ui/words.h"

namespace ui {
namespace {

using Sci = QsciScintillaBase;

constexpr int kNumberMargin = 0, kBarMargin = 1, kGapMargin = 2;
constexpr int kMarkBar = 0;                       // marker number
constexpr int kMarkIndicator = 8;                 // below are the lexers' own

// QScintilla reads point sizes only.
QFont codeFont(const QWidget& widget) {
  QFont font = theme().font(FontRole::kCode);
  font.setPointSizeF(font.pixelSize() * 72.0 / widget.logicalDpiY());
  return font;
}

// Characters that change how text is drawn without being seen are drawn as their code.
void showInvisibleCharacters(QsciScintilla* editor) {
  const auto show = [&](char32_t first, char32_t last) {
    for (char32_t c = first; c <= last; ++c) {
      const QByteArray bytes = QString::fromUcs4(&c, 1).toUtf8();
      const QByteArray name = "U+" + QByteArray::number(static_cast<uint>(c), 16).toUpper();
      editor->SendScintilla(Sci::SCI_SETREPRESENTATION, bytes.constData(), name.constData());
    }
  };
  show(0x00AD, 0x00AD);    // soft hyphen
  show(0x061C, 0x061C);    // Arabic letter mark
  show(0x200B, 0x200F);    // zero width, direction marks
  show(0x202A, 0x202E);    // embeddings and overrides
  show(0x2060, 0x206F);    // joiner, isolates
  show(0xFEFF, 0xFEFF);    // byte order mark
  show(0xE0001, 0xE007F);  // tags
}

}  // namespace

CodeView::CodeView(QWidget* parent)
    : QWidget(parent), head_(new ViewerHead(this)), editor_(new QsciScintilla(this)) {
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  layout->addWidget(head_);
  layout->addWidget(makeLine(Qt::Horizontal, this));
  layout->addWidget(editor_, 1);
  buildEditor();
  applyTheme();
  setFocusProxy(editor_);
  connect(&theme(), &Theme::changed, this, &CodeView::applyTheme);
}

void CodeView::buildEditor() {
  editor_->setUtf8(true);
  editor_->setReadOnly(true);
  editor_->setFrameShape(QFrame::NoFrame);
  editor_->setTabWidth(4);
  editor_->setMarginType(kNumberMargin, QsciScintilla::NumberMargin);
  editor_->setMarginType(kBarMargin, QsciScintilla::SymbolMargin);
  editor_->setMarginMarkerMask(kBarMargin, 1 << kMarkBar);
  editor_->setMarginWidth(kBarMargin, 3);
  editor_->setMarginType(kGapMargin, QsciScintilla::SymbolMargin);
  editor_->setMarginMarkerMask(kGapMargin, 0);
  editor_->setMarginWidth(kGapMargin, 14);
  editor_->markerDefine(QsciScintilla::FullRectangle, kMarkBar);
  editor_->SendScintilla(Sci::SCI_INDICSETSTYLE, kMarkIndicator, long{Sci::INDIC_FULLBOX});
  editor_->SendScintilla(Sci::SCI_INDICSETUNDER, kMarkIndicator, 1L);
  // As wide as the widest line that was drawn, instead of a fixed 2,000 pixels.
  editor_->SendScintilla(Sci::SCI_SETSCROLLWIDTH, 1L);
  editor_->SendScintilla(Sci::SCI_SETSCROLLWIDTHTRACKING, 1L);
  showInvisibleCharacters(editor_);
  // Landing again after a resize must not undo the user's own scrolling.
  connect(editor_->verticalScrollBar(), &QAbstractSlider::actionTriggered, this,
          [this] { landing_ = false; });
}

void CodeView::applyTheme() {
  const QFont font = codeFont(*this);
  if (lexer_ != nullptr) {
    paintCodeLexer(*lexer_, font);
    editor_->setLexer(lexer_);
  } else {
    editor_->setFont(font);
    editor_->setColor(color(Token::kText));
    editor_->setPaper(color(Token::kSurface));
  }
  const int extra = std::max(0, theme().lineHeight(FontRole::kCode) - QFontMetrics(font).height());
  editor_->setExtraAscent(extra - extra / 2);
  editor_->setExtraDescent(extra / 2);

  editor_->setMarginsFont(font);
  editor_->setMarginsForegroundColor(color(Token::kText3));
  editor_->setMarginsBackgroundColor(color(Token::kSurface));
  for (const int margin : {kNumberMargin, kBarMargin, kGapMargin})
    editor_->setMarginBackgroundColor(margin, color(Token::kSurface));
  editor_->setMarginWidth(kNumberMargin,
                          QStringLiteral(" %1").arg(std::max(999, editor_->lines())));
  editor_->setSelectionBackgroundColor(color(Token::kSelected));
  editor_->resetSelectionForegroundColor();
  editor_->setCaretForegroundColor(color(Token::kText));
  editor_->setMarkerBackgroundColor(color(Token::kMarkLine), kMarkBar);
  editor_->setMarkerForegroundColor(color(Token::kMarkLine), kMarkBar);
  editor_->setIndicatorForegroundColor(color(Token::kMark), kMarkIndicator);
  editor_->setIndicatorOutlineColor(color(Token::kMark), kMarkIndicator);
}

void CodeView::show(const DocumentText& document) {
  path_ = document.path;
  head_->setPath(document.path);
  head_->setVersion(document.version);
  head_->setQuote(document.current, static_cast<int>(document.marks.size()));
  editor_->setAccessibleName(tr("Text of %1").arg(visibleText(document.path)));

  delete std::exchange(lexer_, makeCodeLexer(document.path, this));
  if (lexer_ == nullptr) editor_->setLexer(nullptr);
  setText(document.text);
  applyTheme();
  mark(document.marks, document.current);
  land();
}

// Bytes are handed over as they are: any conversion could move the marks.
void CodeView::setText(const std::string& text) {
  editor_->setReadOnly(false);
  editor_->SendScintilla(Sci::SCI_CLEARALL);
  editor_->SendScintilla(Sci::SCI_MARKERDELETEALL, -1L);
  editor_->SendScintilla(Sci::SCI_SETSCROLLWIDTH, 1L);
  editor_->SendScintilla(Sci::SCI_ADDTEXT, text.size(), text.data());
  editor_->SendScintilla(Sci::SCI_EMPTYUNDOBUFFER);
  editor_->SendScintilla(Sci::SCI_GOTOPOS, 0L);
  editor_->setReadOnly(true);
}

void CodeView::mark(const std::vector<base::ByteRange>& marks, int current) {
  const auto length = static_cast<size_t>(editor_->SendScintilla(Sci::SCI_GETLENGTH));
  editor_->SendScintilla(Sci::SCI_SETINDICATORCURRENT, kMarkIndicator);
  target_ = {};
  for (size_t i = 0; i < marks.size(); ++i) {
    const base::ByteRange range{marks[i].begin, std::min(marks[i].end, length)};
    if (range.begin >= range.end) continue;
    if (static_cast<int>(i) == current) target_ = range;
    editor_->SendScintilla(Sci::SCI_INDICATORFILLRANGE, range.begin,
                           static_cast<long>(range.size()));
    const long first = editor_->SendScintilla(Sci::SCI_LINEFROMPOSITION, range.begin);
    const long last = editor_->SendScintilla(Sci::SCI_LINEFROMPOSITION, range.end - 1);
    for (long line = first; line <= last; ++line)
      editor_->SendScintilla(Sci::SCI_MARKERADD, static_cast<unsigned long>(line), long{kMarkBar});
  }
  landing_ = !target_.empty();
}

void CodeView::land() {
  if (!landing_) return;
  const long line = editor_->SendScintilla(Sci::SCI_LINEFROMPOSITION, target_.begin);
  const long on_screen = editor_->SendScintilla(Sci::SCI_LINESONSCREEN);
  editor_->SendScintilla(Sci::SCI_SETEMPTYSELECTION, target_.begin);
  // Sideways only as far as the quote's beginning needs it.
  editor_->SendScintilla(Sci::SCI_SETXOFFSET, 0L);
  const long x = editor_->SendScintilla(Sci::SCI_POINTXFROMPOSITION, 0UL,
                                        static_cast<long>(target_.begin));
  const long width = editor_->viewport()->width();
  if (x > width * 3 / 4) editor_->SendScintilla(Sci::SCI_SETXOFFSET, x - width / 4);
  editor_->SendScintilla(Sci::SCI_SETFIRSTVISIBLELINE, std::max(0L, line - on_screen / 3));
}

void CodeView::resizeEvent(QResizeEvent* event) {
  QWidget::resizeEvent(event);
  // The editor gets its size after this event.
  QTimer::singleShot(0, this, &CodeView::land);
}

void CodeView::showEvent(QShowEvent* event) {
  QWidget::showEvent(event);
  QTimer::singleShot(0, this, &CodeView::land);
}

QString CodeView::text() const { return editor_->text(); }

}  // namespace ui
