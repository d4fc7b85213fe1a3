#include "ui/code_lexer.h"

#include <map>

#include <QFileInfo>
#include <Qsci/qscilexerbash.h>
#include <Qsci/qscilexercmake.h>
#include <Qsci/qscilexercpp.h>
#include <Qsci/qscilexercsharp.h>
#include <Qsci/qscilexercss.h>
#include <Qsci/qscilexerdiff.h>
#include <Qsci/qscilexerhtml.h>
#include <Qsci/qscilexerjava.h>
#include <Qsci/qscilexerjavascript.h>
#include <Qsci/qscilexerjson.h>
#include <Qsci/qscilexerlua.h>
#include <Qsci/qscilexermakefile.h>
#include <Qsci/qscilexermarkdown.h>
#include <Qsci/qscilexerperl.h>
#include <Qsci/qscilexerproperties.h>
#include <Qsci/qscilexerpython.h>
#include <Qsci/qscilexerruby.h>
#include <Qsci/qscilexersql.h>
#include <Qsci/qscilexertex.h>
#include <Qsci/qscilexerxml.h>
#include <Qsci/qscilexeryaml.h>

namespace ui {
namespace {

using Make = QsciLexer* (*)(QObject*);

template <class Lexer>
QsciLexer* make(QObject* parent) {
  return new Lexer(parent);
}

const std::map<QString, Make>& lexersBySuffix() {
  static const std::map<QString, Make> lexers = [] {
    std::map<QString, Make> found;
    const auto add = [&](std::initializer_list<const char*> suffixes, Make lexer) {
      for (const char* suffix : suffixes) found.emplace(QLatin1String(suffix), lexer);
    };
    add({"c", "cc", "cpp", "cxx", "h", "hh", "hpp", "hxx", "inl", "cu", "cuh"}, make<QsciLexerCPP>);
    add({"py", "pyi", "pyw"}, make<QsciLexerPython>);
    add({"java", "kt"}, make<QsciLexerJava>);
    add({"js", "mjs", "jsx", "ts", "tsx"}, make<QsciLexerJavaScript>);
    add({"cs"}, make<QsciLexerCSharp>);
    add({"json"}, make<QsciLexerJSON>);
    add({"yaml", "yml"}, make<QsciLexerYAML>);
    add({"sh", "bash"}, make<QsciLexerBash>);
    add({"md", "markdown"}, make<QsciLexerMarkdown>);
    add({"html", "htm"}, make<QsciLexerHTML>);
    add({"xml", "svg", "qrc", "ui"}, make<QsciLexerXML>);
    add({"css", "qss"}, make<QsciLexerCSS>);
    add({"sql"}, make<QsciLexerSQL>);
    add({"cmake"}, make<QsciLexerCMake>);
    add({"mk"}, make<QsciLexerMakefile>);
    add({"pl", "pm"}, make<QsciLexerPerl>);
    add({"rb"}, make<QsciLexerRuby>);
    add({"lua"}, make<QsciLexerLua>);
    add({"tex", "sty"}, make<QsciLexerTeX>);
    add({"diff", "patch"}, make<QsciLexerDiff>);
    add({"ini", "cfg", "conf", "toml", "properties"}, make<QsciLexerProperties>);
    return found;
  }();
  return lexers;
}

}  // namespace

QsciLexer* makeCodeLexer(const QString& path, QObject* parent) {
  const QFileInfo file(path);
  if (file.fileName() == QLatin1String("CMakeLists.txt")) return new QsciLexerCMake(parent);
  if (file.fileName() == QLatin1String("Makefile")) return new QsciLexerMakefile(parent);
  const auto found = lexersBySuffix().find(file.suffix().toLower());
  return found == lexersBySuffix().end() ? nullptr : found->second(parent);
}

// Every lexer numbers its styles differently but describes them alike. The order matters:
// "Comment keyword" is a comment, "Pre-processor comment" too.
Token styleInk(const QString& description) {
  const auto has = [&](const char* word) {
    return description.contains(QLatin1String(word), Qt::CaseInsensitive);
  };
  if (has("comment")) return Token::kSynCom;
  if (has("string") || has("quoted") || has("character") || has("regular expression") ||
      has("value") || has("code"))
    return Token::kSynStr;
  if (has("number")) return Token::kSynNum;
  if (has("pre-processor") || has("decorator") || has("header")) return Token::kSynPre;
  if (has("keyword") || has("command") || has("tag")) return Token::kSynKey;
  if (has("class") || has("type") || has("section")) return Token::kSynType;
  if (has("function") || has("method") || has("target") || has("link")) return Token::kSynFn;
  return Token::kText;
}

void paintCodeLexer(QsciLexer& lexer, const QFont& font) {
  lexer.setDefaultFont(font);
  lexer.setDefaultColor(color(Token::kText));
  lexer.setDefaultPaper(color(Token::kSurface));
  lexer.setFont(font);
  lexer.setPaper(color(Token::kSurface));
  for (int style = 0; style < 128; ++style) {
    const QString description = lexer.description(style);
    if (description.isEmpty()) continue;
    lexer.setColor(color(styleInk(description)), style);
    // Some lexers fill the rest of a line after an unclosed string with a colour of their own.
    lexer.setEolFill(false, style);
  }
}

}  // namespace ui
