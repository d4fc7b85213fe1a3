// HTML pages and notebooks as Markdown: what is kept, and that every line stays where it was.
#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>

#include <QTest>

#include "ingest/html_text.h"
#include "ingest/notebook_text.h"
#include "ingest/text_reader.h"
#include "ingest/utf8.h"
#include "tests/ingest/folder_fixture.h"
#include "tests/support/test_main.h"

using ingest::htmlText;
using ingest::notebookText;

namespace {

auto linesOf(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

}  // namespace

class MarkupTest : public QObject {
  Q_OBJECT
 private slots:
  void aPageKeepsWhatIsReadOnTheLinesWhereItStands() {
    const auto page = htmlText(
        "<!DOCTYPE html>\n"
        "<html><head><title>The manual</title>\n"
        "<style>p { color: red }\n</style></head>\n"
        "<body><h2>First   steps</h2>\n"
        "<p>See <a\n href=\"guide.html\">the guide</a> &amp; run <code>make&nbsp;all</code>.</p>\n"
        "<ul><li>one<li>two</ul>\n"
        "<table><tr><th>Name<th>Size</tr>\n"
        "<tr><td>a.c</td><td>12 &lt; 13</td></tr></table>\n"
        "<pre>\n  if (a)\n    b();\n</pre>\n"
        "<!-- a note\nover lines --><p>End<br>here <img src=x alt='a &quot;plan&quot;'>\n"
        "<script>var s = \"</p>\";\n</script></body></html>\n");
    QCOMPARE(QString::fromStdString(page.text),
             QString("\n# The manual\n\n\n## First steps\nSee\n[the guide](guide.html) & run "
                     "`make all`.\n- one - two\n| Name | Size |\n| a.c | 12 < 13 |\n\n  if (a)\n"
                     "    b();\n\n\nEnd here ![a \"plan\"]\n\n\n"));
    QCOMPARE(page.n_left_out, 2);
  }

  void brokenMarkupLosesNothingAndEndsSoon() {
    QCOMPARE(htmlText("a < b && c > d").text, std::string("a < b && c > d"));
    QCOMPARE(htmlText("<p title=\"never closed>text").text, std::string("text"));
    QCOMPARE(htmlText("<b text without an end").text, std::string("<b text without an end"));
    QCOMPARE(htmlText("&#xD800;&#0;&#x110000;&nosuch;&#x41").text,
             std::string("\uFFFD\uFFFD\uFFFD&nosuch;A"));
    // None of these is quadratic: a megabyte of each would take minutes.
    for (const std::string part : {"<a ", "<a \"", "<!--", "<script", "<pre>", "&#", "<a href='x'>"}) {
      std::string many;
      while (many.size() < (1 << 20)) many += part;
      QVERIFY(htmlText(many).text.size() <= 2 * many.size());
    }
  }

  void anyBytesGiveTextWithTheSameLines() {
    const char* given = std::getenv("LECTERN_SEED");
    const auto seed = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    qInfo("LECTERN_SEED=%llu", static_cast<unsigned long long>(seed));
    std::mt19937_64 random(seed);
    const std::string parts[] = {"<", ">", "&", ";", "\"", "'", "\n", " ", "a", "=", "/", "<!--",
                                 "-->", "<script>", "</script>", "<pre>", "</pre>", "<td>", "</tr>",
                                 "<a href=\"u\">", "</a>", "&#10;", "&amp;", "<h1>", "é", "{", "}",
                                 "[", "]", ",", ":", "\"source\"", "\\n", "\\u12", "\\ud83d\\ude00"};
    for (int round = 0; round < 3000; ++round) {
      std::string text;
      for (int i = static_cast<int>(random() % 60); i > 0; --i)
        text += parts[random() % std::size(parts)];
      const auto page = htmlText(text);
      QVERIFY2(linesOf(page.text) == linesOf(text), text.c_str());
      QVERIFY2(ingest::isUtf8(page.text), text.c_str());
      const auto notebook = notebookText("{" + text + "}");
      if (notebook) QVERIFY2(linesOf(notebook->text) == linesOf(text), text.c_str());
      if (notebook) QVERIFY2(ingest::isUtf8(notebook->text), text.c_str());
    }
  }

  void aNotebookShowsItsCells() {
    const std::string json =
        "{\n \"cells\": [\n  {\n   \"cell_type\": \"markdown\",\n   \"source\": [\n"
        "    \"# Title\\n\",\n    \"with \\\"quotes\\\" and \\u00e9\"\n   ]\n  },\n  {\n"
        "   \"cell_type\": \"code\",\n   \"metadata\": {\"id\": \"secret\"},\n   \"outputs\": [\n"
        "    {\"data\": {\"image/png\": \"iVBOR\", \"text/plain\": [\"<Figure>\"]}}\n   ],\n"
        "   \"source\": [\"x = 1\\n\", \"y\"]\n  }\n ],\n \"nbformat\": 4\n}\n";
    const auto notebook = notebookText(json);
    QVERIFY(notebook && notebook->lines_kept);
    QCOMPARE(QString::fromStdString(notebook->text),
             QString("\n\n\n## markdown cell\n\n# Title\nwith \"quotes\" and é\n\n\n\n"
                     "## code cell\n\n\n<Figure>\n\nx = 1 y\n\n\n\n\n"));
    QCOMPARE(QString::fromStdString(notebookText("{\"cell_type\": \"a\\nb\"}")->text),
             QString("## a b cell"));
    QVERIFY(!notebookText("not json"));
    QVERIFY(!notebookText(std::string(100, '[')));
    QVERIFY(!notebookText("{\"a\": \"never closed"));
    QVERIFY(!notebookText("{]"));

    std::string packed = "{\"cells\":[{\"cell_type\":\"code\",\"source\":[\"a\\n\",\"b\\n\"]}],\"m\":\"";
    packed += std::string(3000, 'x') + "\"}";
    const auto cells = notebookText(packed);
    QVERIFY(cells && !cells->lines_kept);
    QCOMPARE(cells->text, std::string("## code cell\na\nb\n"));
  }

  void theReaderUsesThem() {
    FolderFixture folder;
    const auto read = [&](const std::string& name, const std::string& text) {
      folder.write(name, text);
      const auto extracted = ingest::readText(folder.at(name), name, {});
      return extracted ? extracted->document : base::Document{};
    };
    const std::string page = "<!doctype html>\n<p>Hello &amp; welcome\n";
    QCOMPARE(read("page.html", page).text, std::string("\nHello & welcome\n"));
    QCOMPARE(read("page.html", page).kind, base::DocumentKind::kMarkdown);
    QCOMPARE(read("page.html", page).file_bytes, std::uint64_t{page.size()});
    const std::string fragment = "<p>{{ name }}</p>\n";
    QCOMPARE(read("part.html", fragment).text, fragment);
    QCOMPARE(read("view.html", "<!doctype html>\n" + fragment).text, "<!doctype html>\n" + fragment);
    QCOMPARE(read("n.ipynb", "{\n\"source\": [\"a\"]}\n").text, std::string("\na\n"));
    QCOMPARE(read("n.ipynb", "{\n\"source\"").text, std::string("{\n\"source\""));
  }
};

LECTERN_TEST(MarkupTest)
#include "markup_test.moc"
