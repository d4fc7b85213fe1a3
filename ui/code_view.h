// code_view.h: one text document as it was read, with its quotes marked.
//
// Marks are byte ranges of the UTF-8 text; QScintilla counts the same bytes, so a quote is marked
// at exactly its characters. Read-only: the text shown is the text that was read, not the file.
#pragma once

#include <QWidget>

#include "ui/values.h"

class QsciLexer;
class QsciScintilla;

namespace ui {

class ViewerHead;

class CodeView : public QWidget {
  Q_OBJECT

 public:
  explicit CodeView(QWidget* parent = nullptr);

  // Replaces what is shown and lands on the current mark, in the upper third of the view.
  void show(const DocumentText& document);

  const QString& path() const { return path_; }
  QString text() const;
  QsciScintilla* editor() const { return editor_; }
  ViewerHead* head() const { return head_; }

 protected:
  void resizeEvent(QResizeEvent* event) override;
  void showEvent(QShowEvent* event) override;

 private:
  void buildEditor();
  void applyTheme();
  void setText(const std::string& text);
  void mark(const std::vector<base::ByteRange>& marks, int current);
  void land();

  ViewerHead* head_;
  QsciScintilla* editor_;
  QsciLexer* lexer_ = nullptr;
  QString path_;
  base::ByteRange target_;     // the current mark; empty without one
  bool landing_ = false;       // until the user scrolls, a resize lands again
};

}  // namespace ui
