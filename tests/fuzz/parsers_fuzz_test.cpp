// Our own readers of text formats under changed inputs: whatever comes, they end, touch no memory
// that is not theirs, and keep the promises of their headers.
#include <QTest>
#include <algorithm>
#include <string>
#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ingest/clean_text.h"
#include "ingest/html_text.h"
#include "ingest/ignore_rules.h"
#include "ingest/notebook_text.h"
#include "ingest/office/office_text.h"
#include "ingest/secret_finder.h"
#include "ingest/utf8.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/test_main.h"

using fuzz::Mutator;

namespace {

std::ptrdiff_t linesOf(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n');
}

// Shows the input in hexadecimal when a promise is broken, so that it can be stored.
bool kept(bool promise, const char* what, const std::string& input) {
  if (!promise)
    QTest::qFail(qPrintable(QString("%1: %2").arg(
                     what, QString::fromLatin1(QByteArray::fromStdString(input).toHex()))),
                 __FILE__, __LINE__);
  return promise;
}

// A ZIP archive in memory; the caller closes it.
int archiveOf(const std::vector<fuzz::Part>& parts) {
  const int memory = ::memfd_create("document", MFD_CLOEXEC);
  archive* zip = archive_write_new();
  archive_write_set_format_zip(zip);
  archive_write_open_fd(zip, memory);
  for (const fuzz::Part& part : parts) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, part.path.c_str());
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, static_cast<la_int64_t>(part.bytes.size()));
    archive_write_header(zip, entry);
    archive_write_data(zip, part.bytes.data(), part.bytes.size());
    archive_entry_free(entry);
  }
  archive_write_close(zip);
  archive_write_free(zip);
  ::lseek(memory, 0, SEEK_SET);
  return memory;
}

bool readOffice(int memory, const std::string& input) {
  const auto sections = ingest::officeText(memory);
  ::close(memory);
  if (!sections) return true;
  return std::all_of(sections->begin(), sections->end(), [&](const ingest::Section& section) {
    return kept(ingest::isCleanText(section.text), "text is not clean", input);
  });
}

// One part of a document changed.
bool readChangedPart(Mutator& mutator, const std::string& folder) {
  std::vector<fuzz::Part> parts = fuzz::corpusParts(folder);
  fuzz::Part& part = parts[mutator.below(parts.size())];
  part.bytes = mutator.changed(part.bytes);
  return readOffice(archiveOf(parts), part.bytes);
}

// The archive itself changed.
bool readChangedArchive(Mutator& mutator, const std::string& folder) {
  const int memory = archiveOf(fuzz::corpusParts(folder));
  std::string bytes(static_cast<std::size_t>(::lseek(memory, 0, SEEK_END)), '\0');
  const ssize_t n_read = ::pread(memory, bytes.data(), bytes.size(), 0);
  bytes.resize(n_read > 0 ? static_cast<std::size_t>(n_read) : 0);
  bytes = mutator.changed(bytes);
  const bool written = ::ftruncate(memory, 0) == 0 &&
                       ::pwrite(memory, bytes.data(), bytes.size(), 0) ==
                           static_cast<ssize_t>(bytes.size());
  ::lseek(memory, 0, SEEK_SET);
  return kept(written, "memory is full", {}) && readOffice(memory, bytes);
}

}  // namespace

class ParsersFuzzTest : public QObject {
  Q_OBJECT
 private slots:
  void pages() {
    fuzz::repeat("pages", fuzz::corpus("html"), [](Mutator& mutator) {
      const std::string page = fuzz::repaired(mutator.next());
      (void)ingest::isHtmlPage("a.html", page);
      const std::string text = ingest::htmlText(page).text;
      return kept(linesOf(text) == linesOf(page), "lines moved", page) &&
             kept(ingest::isUtf8(text), "no UTF-8", page);
    });
  }

  void notebooks() {
    fuzz::repeat("notebooks", fuzz::corpus("notebook"), [](Mutator& mutator) {
      const std::string json = fuzz::repaired(mutator.next());
      const auto notebook = ingest::notebookText(json);
      if (!notebook) return true;
      return kept(!notebook->lines_kept || linesOf(notebook->text) == linesOf(json), "lines moved",
                  json) &&
             kept(ingest::isUtf8(notebook->text), "no UTF-8", json);
    });
  }

  void wordDocuments() {
    fuzz::repeat("docx", fuzz::corpus("docx"),
                 [](Mutator& mutator) { return readChangedPart(mutator, "docx"); });
  }
  void openDocuments() {
    fuzz::repeat("odt", fuzz::corpus("odt"),
                 [](Mutator& mutator) { return readChangedPart(mutator, "odt"); });
  }
  void books() {
    fuzz::repeat("epub", fuzz::corpus("epub"),
                 [](Mutator& mutator) { return readChangedPart(mutator, "epub"); });
  }
  void archives() {
    fuzz::repeat("archives", fuzz::corpus("epub"),
                 [](Mutator& mutator) { return readChangedArchive(mutator, "epub"); });
  }

  // A comment changes no answer, and nothing does between two questions.
  void ignoreFiles() {
    fuzz::repeat("ignore files", fuzz::corpus("ignore"), [](Mutator& mutator) {
      const std::string rules = mutator.next();
      const std::string base = mutator.below(2) == 0 ? "" : "a/b/";
      const auto letters =
          mutator.below(2) == 0 ? ingest::CaseMode::kExact : ingest::CaseMode::kFolded;
      const ingest::IgnoreFile plain(rules, base, letters);
      const ingest::IgnoreFile commented("# a comment\n" + rules, base, letters);
      // Its first bytes are no mark of an encoding any more.
      const bool marked = rules.starts_with("\xEF\xBB\xBF");
      for (int i = 0; i < 8; ++i) {
        std::string path = mutator.next();
        path.resize(std::min<std::size_t>(path.size(), 300));
        if (i % 2 == 0) path = base + path;
        const auto type = i < 4 ? ingest::PathType::kFile : ingest::PathType::kFolder;
        if (!marked && !kept(plain.ask(path, type) == commented.ask(path, type),
                             "a comment matters", rules + "\n--\n" + path))
          return false;
      }
      return true;
    });
  }

  void secrets() {
    fuzz::repeat("secrets", fuzz::corpus("secrets"), [](Mutator& mutator) {
      const std::string text = mutator.next();
      const auto found = ingest::findSecret("settings.txt", text);
      if (!found) return true;
      return kept(found->line >= 0 && found->line <= linesOf(text) + 1, "no such line", text) &&
             kept(!ingest::secretSentence(*found).empty(), "nothing said", text);
    });
  }
};

LECTERN_TEST(ParsersFuzzTest)
#include "parsers_fuzz_test.moc"
