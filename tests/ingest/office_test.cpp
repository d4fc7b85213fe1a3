// docx, odt and epub through the real lectern-reader; archives that were made to do harm.
#include <cstdlib>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <archive.h>
#include <archive_entry.h>

#include <QTest>

#include "ingest/reader_client.h"
#include "ingest/source_walk.h"
#include "tests/ingest/folder_fixture.h"
#include "tests/support/test_main.h"

using base::ErrorCode;
using base::Extracted;
using base::Result;

namespace {

using Parts = std::vector<std::pair<std::string, std::string>>;

const std::filesystem::path kReader = std::filesystem::path(LECTERN_BIN_DIR) / "lectern-reader";

void writeArchive(const std::filesystem::path& file, const Parts& parts, int type = AE_IFREG) {
  archive* zip = archive_write_new();
  archive_write_set_format_zip(zip);
  archive_write_open_filename(zip, file.c_str());
  for (const auto& [name, text] : parts) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_filetype(entry, static_cast<unsigned>(type));
    if (type == AE_IFLNK) archive_entry_set_symlink(entry, "/etc/passwd");
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, static_cast<la_int64_t>(text.size()));
    archive_write_header(zip, entry);
    archive_write_data(zip, text.data(), text.size());
    archive_entry_free(entry);
  }
  archive_write_close(zip);
  archive_write_free(zip);
}

std::string wordBody(const std::string& body) {
  return "<?xml version=\"1.0\"?><w:document xmlns:w=\"w\" xmlns:r=\"r\"><w:body>" + body +
         "</w:body></w:document>";
}
std::string wordLine(const std::string& text, const std::string& properties = "") {
  return "<w:p><w:pPr>" + properties + "</w:pPr><w:r><w:t>" + text + "</w:t></w:r></w:p>";
}

class Office {
 public:
  Result<Extracted> read(const Parts& parts, const std::string& name = "a.docx",
                         int type = AE_IFREG) const {
    writeArchive(folder_.at(name), parts, type);
    return ingest::readOffice(kReader, folder_.at(name), name, {});
  }
  ErrorCode refused(const Parts& parts, const std::string& name = "a.docx",
                    int type = AE_IFREG) const {
    const auto extracted = read(parts, name, type);
    return extracted ? ErrorCode::kInternal : extracted.error().code;
  }
  const FolderFixture& folder() const { return folder_; }

 private:
  FolderFixture folder_;
};

QString textOf(const Result<Extracted>& extracted) {
  return QString::fromStdString(extracted ? extracted->document.text : extracted.error().message);
}

}  // namespace

class OfficeTest : public QObject {
  Q_OBJECT
 private slots:
  void aWordDocumentIsRead() {
    const Office office;
    const std::string table =
        "<w:tbl><w:tr><w:tc>" + wordLine("Part") + "</w:tc><w:tc>" + wordLine("Count") +
        "</w:tc></w:tr><w:tr><w:tc>" + wordLine("Bolt") + "</w:tc><w:tc>" + wordLine("12") +
        wordLine("spare") + "</w:tc></w:tr></w:tbl>";
    const auto extracted = office.read(
        {{"[Content_Types].xml", "<Types/>"},
         {"word/document.xml",
          wordBody(wordLine("Plan", "<w:pStyle w:val=\"Heading1\"/>") +
                   "<w:p><w:r><w:t xml:space=\"preserve\">See </w:t></w:r><w:hyperlink r:id=\"r7\">"
                   "<w:r><w:t>the site</w:t></w:r></w:hyperlink><w:r><w:t>&amp;</w:t><w:tab/>"
                   "<w:footnoteReference w:id=\"2\"/></w:r><w:del><w:r><w:delText>gone</w:delText>"
                   "</w:r></w:del></w:p>" +
                   wordLine("first", "<w:numPr/>") + table)},
         {"word/_rels/document.xml.rels",
          "<Relationships><Relationship Id=\"r7\" Target=\"https://a.example/x\" "
          "TargetMode=\"External\"/></Relationships>"},
         {"word/footnotes.xml",
          "<w:footnotes xmlns:w=\"w\"><w:footnote w:type=\"separator\" w:id=\"0\"/><w:footnote "
          "w:id=\"2\">" + wordLine("A note.") + "</w:footnote></w:footnotes>"},
         {"word/media/image1.png", "not read"}});
    QCOMPARE(textOf(extracted),
             QString("# Plan\n\nSee [the site](https://a.example/x)&\t[^2]\n\n- first\n\n"
                     "| Part | Count |\n| Bolt | 12  spare |\n\n[^2]: A note.\n"));
    QCOMPARE(extracted->document.kind, base::DocumentKind::kMarkdown);
    QVERIFY(extracted->document.pages.empty());
  }

  void anOpenDocumentIsRead() {
    const Office office;
    const auto extracted = office.read(
        {{"mimetype", "application/vnd.oasis.opendocument.text"},
         {"content.xml",
          "<o:document-content xmlns:o=\"o\" xmlns:t=\"t\" xmlns:b=\"b\"><o:body><o:text>"
          "<t:h t:outline-level=\"2\">Head</t:h><t:p>a<t:s t:c=\"3\"/>b \n c<t:line-break/>"
          "<t:a x:href=\"https://b.example\" xmlns:x=\"x\">link</t:a><t:note><t:note-citation>1"
          "</t:note-citation><t:note-body><t:p>why</t:p></t:note-body></t:note></t:p>"
          "<t:list><t:list-item><t:p>one</t:p></t:list-item></t:list>"
          "<b:table><b:table-row><b:table-cell><t:p>x</t:p></b:table-cell><b:table-cell "
          "b:number-columns-repeated=\"1000\"/></b:table-row></b:table>"
          "</o:text></o:body></o:document-content>"}},
        "a.odt");
    QCOMPARE(textOf(extracted), QString("## Head\n\na   b c\n[link](https://b.example) (why)\n\n"
                                        "- one\n\n| x |  |\n"));
  }

  void aBookHasItsChaptersAsPages() {
    const Office office;
    const auto chapter = [](const std::string& title, const std::string& text) {
      return "<html><body><h1>" + title + "</h1>\n<p>" + text + "</p></body></html>";
    };
    const auto extracted = office.read(
        {{"mimetype", "application/epub+zip"},
         {"META-INF/container.xml",
          "<container><rootfiles><rootfile full-path=\"O/book.opf\"/></rootfiles></container>"},
         {"O/book.opf",
          "<package><manifest><item id=\"b\" href=\"text/two%20b.xhtml\"/><item id=\"a\" "
          "href=\"../one.html\"/></manifest><spine><itemref idref=\"a\"/><itemref idref=\"b\"/>"
          "<itemref idref=\"none\"/></spine></package>"},
         {"O/text/two b.xhtml", chapter("Second", "two &mdash; end")},
         {"one.html", chapter("First", "one")}},
        "a.epub");
    QVERIFY2(extracted.has_value(), qPrintable(textOf(extracted)));
    const base::Document& book = extracted->document;
    QCOMPARE(book.pages.size(), std::size_t{2});
    QCOMPARE(book.pages[0].label, std::string("First"));
    QCOMPARE(book.pages[1].label, std::string("Second"));
    QCOMPARE(QString::fromStdString(book.text), QString("# First\none\n# Second\ntwo — end\n"));
  }

  void theWalkReadsThem() {
    const Office office;
    writeArchive(office.folder().at("x.docx"), {{"word/document.xml", wordBody("")}});
    writeArchive(office.folder().at("x.zip"), {{"word/document.xml", wordBody("")}});
    office.folder().write("text.docx", "only text\n");
    const auto walked = ingest::walkFolder(office.folder().root(), {});
    QVERIFY(walked);
    QCOMPARE(walked->files.size(), std::size_t{3});
    QCOMPARE(walked->files[0].kind, base::DocumentKind::kText);
    QVERIFY(walked->files[0].read && walked->files[1].read && !walked->files[2].read);
    QCOMPARE(walked->files[1].kind, base::DocumentKind::kMarkdown);
    QCOMPARE(walked->files[2].reason, std::string("binary"));
  }

  void archivesMadeToDoHarmAreRefused() {
    const Office office;
    const std::string good = wordBody(wordLine("x"));
    // Bombs: one part, many parts, nested depth.
    QCOMPARE(office.refused({{"word/document.xml", std::string(80 << 20, ' ')}}),
             ErrorCode::kTooLarge);
    QCOMPARE(office.refused({{"word/document.xml", good + std::string(8 << 20, 'a')}}),
             ErrorCode::kTooLarge);
    Parts many;
    for (int i = 0; i < 20'001; ++i) many.emplace_back(std::to_string(i), "");
    QCOMPARE(office.refused(many), ErrorCode::kTooLarge);
    std::string deep;
    for (int i = 0; i < 100'000; ++i) deep += "<w:sdt>";
    deep += wordLine("buried");
    for (int i = 0; i < 100'000; ++i) deep += "</w:sdt>";
    const auto buried = office.read({{"word/document.xml", wordBody(wordLine("top") + deep)}});
    QCOMPARE(textOf(buried), QString("top\n"));
    // Paths.
    for (const std::string name : {"../word/x", "/etc/passwd", "a/../../b", "..\\x"})
      QCOMPARE(office.refused({{"word/document.xml", good}, {name, "x"}}), ErrorCode::kCorrupt);
    QCOMPARE(office.refused({{"word/document.xml", good}, {"word/document.xml", good}}),
             ErrorCode::kCorrupt);
    QCOMPARE(office.refused({{"word/document.xml", ""}}, "l.docx", AE_IFLNK), ErrorCode::kCorrupt);
    // Entities.
    const std::string laughs = "<!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]>";
    QCOMPARE(office.refused({{"word/document.xml", laughs + "<x>&b;</x>"}}), ErrorCode::kCorrupt);
    const std::string file = "<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><x>&a;</x>";
    QCOMPARE(office.refused({{"content.xml", file}}, "a.odt"), ErrorCode::kCorrupt);
    // Others.
    QCOMPARE(office.refused({{"readme.txt", "x"}}), ErrorCode::kUnsupported);
    QCOMPARE(office.refused({{"word/document.xml", "<w:document><w:body>"}}), ErrorCode::kCorrupt);
    QCOMPARE(office.refused({{"META-INF/container.xml", "<c/>"}}, "a.epub"),
             ErrorCode::kUnsupported);
    QCOMPARE(office.refused({{"META-INF/manifest.xml", "<m:encryption-data/>"},
                             {"content.xml", "\x01\x02"}}, "a.odt"),
             ErrorCode::kLocked);
  }

  void damagedArchivesCostOnlyThemselves() {
    const char* given = std::getenv("LECTERN_SEED");
    const auto seed = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    qInfo("LECTERN_SEED=%llu", static_cast<unsigned long long>(seed));
    std::mt19937_64 random(seed);
    const FolderFixture folder;
    writeArchive(folder.at("good.docx"), {{"word/document.xml", wordBody(wordLine("some text"))},
                                          {"word/footnotes.xml", "<w:footnotes/>"}});
    std::ifstream stream(folder.at("good.docx"), std::ios::binary);
    const std::string good{std::istreambuf_iterator<char>(stream), {}};
    int n_read = 0;
    constexpr int kRounds = 60;
    for (int round = 0; round < kRounds; ++round) {
      std::string bytes = good;
      for (int i = 0; i < 3; ++i) bytes[4 + random() % (bytes.size() - 4)] = static_cast<char>(random());
      if (round % 4 == 0) bytes.resize(4 + random() % bytes.size());
      folder.write("bad.docx", bytes);
      const auto extracted = ingest::readOffice(kReader, folder.at("bad.docx"), "bad.docx", {});
      n_read += extracted.has_value();
      if (!extracted) QVERIFY(extracted.error().code != ErrorCode::kInternal);
      if (!extracted) QVERIFY(extracted.error().message.find("signal") == std::string::npos);
    }
    qInfo("%d damaged archives: %d read, %d refused, 0 crashes", kRounds, n_read, kRounds - n_read);
  }
};

LECTERN_TEST(OfficeTest)
#include "office_test.moc"
