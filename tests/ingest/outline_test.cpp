// Outlines: what they show of code and text, and what holds for every text.
#include "ingest/outline.h"

#include <QRandomGenerator>
#include <QTest>
#include <random>
#include <string>

#include "tests/support/test_main.h"

using base::ByteRange;
using base::DocumentKind;

namespace {

base::Document documentOf(DocumentKind kind, std::string text) {
  base::Document document;
  document.kind = kind;
  document.text = std::move(text);
  return document;
}

std::string shown(const base::Document& document) {
  std::string text;
  for (const ByteRange& range : ingest::outlineOf(document))
    text += document.text.substr(range.begin, range.size());
  return text;
}

std::string outlineOfCode(std::string text) {
  return shown(documentOf(DocumentKind::kCode, std::move(text)));
}

}  // namespace

class OutlineTest : public QObject {
  Q_OBJECT

 private slots:
  void codeShowsItsDeclarations_data() {
    QTest::addColumn<QString>("code");
    QTest::addColumn<QString>("outline");
    QTest::addRow("C")
        << "/* A list\n * of things. */\n#include <stdio.h>\n"
           "#define MAX(a, b) \\\n  ((a) > (b) ? (a) : (b))\n"
           "struct item {\n\tint value;  // of it\n};\n\n"
           "static int\nadd(struct item *a,\n    int n)\n{\n\tif (n)\n\t\treturn 1;\n"
           "out:\n\treturn 0;\n}\n\nint count(void);\n"
           "static const int table[] = {\n\t1, 2,\n\t3,\n};\n"
        << "#define MAX(a, b) \\\nstruct item {\n\tint value;  // of it\n"
           "static int\nadd(struct item *a,\n    int n)\nint count(void);\n"
           "static const int table[] = {\n";
    QTest::addRow("C++")
        << "namespace a {\nclass Tree : public Base {\n public:\n"
           "  explicit Tree(int n) : n_(n) {}\n  int size() const {\n"
           "    return n_;\n  }\n\n private:\n  int n_ = 0;\n};\n"
           "template <class T>\nT twice(T x) {\n  return x + x;\n}\n}  // namespace a\n"
        << "namespace a {\nclass Tree : public Base {\n public:\n"
           "  explicit Tree(int n) : n_(n) {}\n  int size() const {\n private:\n"
           "  int n_ = 0;\ntemplate <class T>\nT twice(T x) {\n";
    QTest::addRow("Python")
        << "\"\"\"A module.\n\nclass not_this:\n\"\"\"\nimport os\nLIMIT = 3\n\n"
           "class Reader(Base):\n    \"\"\"Reads.\"\"\"\n    size = 1\n\n"
           "    def read(self, path,\n             mode='r'):\n"
           "        # no\n        if path:\n            return open(path)\n\n"
           "        return None\n\ndef main():\n    Reader().read('x')\n\n\n"
           "if __name__ == '__main__':\n    main()\n"
        << "LIMIT = 3\nclass Reader(Base):\n    size = 1\n"
           "    def read(self, path,\n             mode='r'):\ndef main():\n"
           "    main()\n";
    QTest::addRow("Go") << "package a\n\nimport \"os\"\n\ntype Point struct {\n\tX int\n}\n\n"
                           "func (p *Point) Len() int {\n\tfor {\n\t}\n}\n"
                        << "package a\ntype Point struct {\n\tX int\nfunc (p *Point) Len() int {\n";
    QTest::addRow("Rust")
        << "use std::io;\n/// Doc.\n#[derive(Debug)]\npub enum Kind {\n    A,\n}\n"
           "impl Kind {\n    pub fn name(&self) -> &str {\n        match self {\n"
           "            Kind::A => \"a\",\n        }\n    }\n}\n"
        << "#[derive(Debug)]\npub enum Kind {\n    A,\nimpl Kind {\n"
           "    pub fn name(&self) -> &str {\n";
    QTest::addRow("JavaScript") << "'use strict';\nconst a = require('a');\n"
                                   "function f(x) {\n  return x;\n}\n"
                                   "const table = {\n  one: 1,\n};\n"
                                << "const a = require('a');\nfunction f(x) {\nconst table = {\n";
  }
  void codeShowsItsDeclarations() {
    QFETCH(QString, code);
    QFETCH(QString, outline);
    QCOMPARE(QString::fromStdString(outlineOfCode(code.toStdString())), outline);
  }

  void textShowsItsHeadings() {
    QCOMPARE(
        shown(documentOf(DocumentKind::kMarkdown,
                         "# One\ntext # no\n\n```\n# in code\n```\nTwo\n---\n#no\n### Three\n")),
        std::string("# One\nTwo\n### Three\n"));
    QCOMPARE(shown(documentOf(DocumentKind::kText,
                              "name,size\na,1\n\n1.2 Results\ntext\n\nTITLE\n=====\nmore text.\n\n"
                              "A sentence of its own.\n\nChapter 4\n")),
             std::string("name,size\n1.2 Results\nTITLE\nChapter 4\n"));
    base::Document pages =
        documentOf(DocumentKind::kPdf, "Report\nx\n3 Methods\nfirst\n\n4 Data\n");
    pages.pages = {{.number = 1, .label = "", .bytes = {0, 9}},
                   {.number = 2, .label = "", .bytes = {9, 33}}};
    QCOMPARE(ingest::outlineOf(pages), (std::vector<ByteRange>{{0, 7}, {9, 19}, {26, 33}}));
  }

  // Whole lines, in order, apart, none across a page; whatever the text is.
  void everyTextHasAWellFormedOutline() {
    const QByteArray given = qgetenv("LECTERN_SEED");
    const quint32 seed = given.isEmpty() ? QRandomGenerator::global()->generate() : given.toUInt();
    qInfo("LECTERN_SEED=%u", seed);
    std::mt19937 random(seed);
    const std::string parts[] = {"\n",
                                 "\n\n",
                                 "    ",
                                 "\t",
                                 "{",
                                 "}",
                                 "(",
                                 ")",
                                 "[",
                                 "]",
                                 "\"",
                                 "'",
                                 "/*",
                                 "*/",
                                 "\"\"\"",
                                 "//",
                                 "#",
                                 "# ",
                                 "#define X \\\n",
                                 "class ",
                                 "if ",
                                 "f(x)",
                                 ";",
                                 ":",
                                 "=",
                                 "1.2 A",
                                 "===\n",
                                 "```\n",
                                 "\xC3\xA4",
                                 "word ",
                                 "\r\n"};
    for (int round = 0; round < 2000; ++round) {
      base::Document document = documentOf(static_cast<DocumentKind>(round % 4), "");
      const int n_pages = round % 3;
      for (int page = 0; page < std::max(n_pages, 1); ++page) {
        const std::size_t begin = document.text.size();
        for (std::size_t n = random() % 60; n > 0; --n)
          document.text += parts[random() % std::size(parts)];
        if (n_pages > 0)
          document.pages.push_back(
              {.number = page + 1, .label = "", .bytes = {begin, document.text.size()}});
      }
      const auto ranges = ingest::outlineOf(document);
      const ByteRange* before = nullptr;
      for (const ByteRange& range : ranges) {
        QVERIFY(!range.empty() && range.end <= document.text.size());
        bool begins = range.begin == 0 || document.text[range.begin - 1] == '\n';
        bool ends = range.end == document.text.size() || document.text[range.end - 1] == '\n';
        bool inside = document.pages.empty();
        for (const base::Page& page : document.pages) {
          begins = begins || range.begin == page.bytes.begin;
          ends = ends || range.end == page.bytes.end;
          inside = inside || page.bytes.contains(range);
        }
        QVERIFY(begins && ends && inside);
        QVERIFY(!before || before->end <= range.begin);
        before = &range;
      }
    }
  }

  // Each would take hours if a line looked at all those behind it.
  void hostileTextsAreNoTrouble() {
    for (const char* part : {"/*\n", "\"\"\"\n", "'''\n", "a(\n", "f(x) {\n", "#define \\\n",
                             "x:\n", "\n", "(", "class ", "```\n", "{", "f(x)\n\n"}) {
      std::string text;
      while (text.size() < 4'000'000) text += part;
      for (const DocumentKind kind :
           {DocumentKind::kCode, DocumentKind::kText, DocumentKind::kMarkdown})
        (void)ingest::outlineOf(documentOf(kind, text));
    }
  }
};

LECTERN_TEST(OutlineTest)
#include "outline_test.moc"
