// code_lexer.h: which syntax a file has, in the colours of the theme.
#pragma once

#include <QString>

#include "ui/theme.h"

class QObject;
class QsciLexer;

namespace ui {

// By the file's name; null for files without a syntax that is known.
QsciLexer* makeCodeLexer(const QString& path, QObject* parent);

// Colours, ground and font of every style, from the theme as it is now. `font` has a point size:
// QScintilla cannot read pixel sizes.
void paintCodeLexer(QsciLexer& lexer, const QFont& font);

// The colour of a style, from QScintilla's own description of it ("Keyword", "Comment line").
Token styleInk(const QString& description);

}  // namespace ui
