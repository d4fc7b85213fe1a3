// The walls of the project: rooms, arrows, outside libraries, and what a file may look like.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

#include <QTest>

#include "tests/architecture/include_rules.h"
#include "tests/support/test_main.h"

namespace fs = std::filesystem;

namespace {

constexpr int kLinesMax = 700;

struct SourceFile {
  std::string path;   // below the project
  std::string text;
};

std::string readAll(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<SourceFile> sourceFiles() {
  static const std::set<std::string> suffixes = {".h", ".cpp", ".cu", ".cuh"};
  const fs::path project = LECTERN_SOURCE_DIR;
  std::vector<SourceFile> files;
  for (const char* room : {"app", "engine", "ingest", "kernels", "storage", "tests", "ui"})
    for (const auto& entry : fs::recursive_directory_iterator(project / room))
      if (entry.is_regular_file() && suffixes.count(entry.path().extension()) > 0)
        files.push_back({fs::relative(entry.path(), project), readAll(entry.path())});
  return files;
}

QString report(const std::vector<std::string>& lines) {
  QString text;
  for (const std::string& line : lines) text += QString::fromStdString("\n  " + line);
  return text;
}

}  // namespace

class ArchitectureTest : public QObject {
  Q_OBJECT

 private slots:
  void everyIncludeFollowsTheArrows() {
    const std::vector<SourceFile> files = sourceFiles();
    QVERIFY2(files.size() > 200, "the sources were not found");
    std::vector<std::string> wrong;
    for (const SourceFile& file : files)
      for (const std::string& offence : architecture::offences(file.path, file.text))
        wrong.push_back(file.path + ", " + offence);
    QVERIFY2(wrong.empty(), qPrintable(report(wrong)));
  }

  // The rules themselves: each row is an include that somebody may try.
  void ruleKnowsTheInclude_data() {
    QTest::addColumn<QString>("path");
    QTest::addColumn<QString>("line");
    QTest::addColumn<bool>("allowed");
    const auto row = [](const char* path, const char* line, bool allowed) {
      QTest::newRow(qPrintable(QStringLiteral("%1 %2").arg(QLatin1String(path), QLatin1String(line))))
          << path << line << allowed;
    };
    row("app/cli/ask.cpp", "#include \"storage/storage.h\"", true);
    row("app/cli/ask.cpp", "#include \"kernels/kernels.h\"", false);
    row("ui/chat.cpp", "#include \"engine/base/answer.h\"", true);
    row("ui/chat.cpp", "#include \"engine/engine.h\"", false);
    row("ui/chat.cpp", "#include \"storage/storage.h\"", false);
    row("ui/chat.cpp", "#include <QWidget>", true);
    row("ui/chat.cpp", "#include <Qsci/qsciscintilla.h>", true);
    row("app/window.cpp", "#include <Qsci/qsciscintilla.h>", false);
    row("engine/forward.cpp", "#include \"kernels/kernels.h\"", true);
    row("engine/forward.cpp", "#include \"storage/storage.h\"", false);
    row("engine/forward.cpp", "#include <QString>", false);
    row("engine/forward.cpp", "  #  include <nlohmann/json.hpp>", false);
    row("engine/json.h", "#include <nlohmann/json.hpp>", true);
    row("engine/base/frame.cpp", "#include \"engine/json.h\"", false);
    row("engine/base/frame.cpp", "#include <spdlog/spdlog.h>", false);
    row("engine/base/log.cpp", "#include <spdlog/spdlog.h>", true);
    row("kernels/rope/rope_ref.cpp", "#include \"engine/base/check.h\"", false);
    row("kernels/rope/rope_cpu.cpp", "#include <hwy/highway.h>", true);
    row("ingest/walk.cpp", "#include <git2.h>", true);
    row("ingest/walk.h", "#include <QString>", false);
    row("ingest/walk.cpp", "#include \"engine/tokenizer.h\"", false);
    row("ingest/walk.cpp", "#include <poppler-qt6.h>", false);
    row("ingest/pdf/pdf_document.cpp", "#include <poppler-qt6.h>", true);
    row("storage/sqlite.cpp", "#include <sqlite3.h>", true);
    row("storage/schema.cpp", "#include <sqlite3.h>", false);
    row("storage/schema.cpp", "#include \"sqlite3.h\"", false);
    row("storage/schema.cpp", "#include \"engine/block_store.h\"", false);
    row("storage/schema.cpp", "#include <vector>", true);
    row("storage/schema.cpp", "#include <sys/stat.h>", true);
    row("storage/schema.cpp", "#include <boost/any.hpp>", false);
    row("ui/chat.cpp", "#include \"tests/support/golden.h\"", false);
  }
  void ruleKnowsTheInclude() {
    QFETCH(QString, path);
    QFETCH(QString, line);
    QFETCH(bool, allowed);
    const auto wrong = architecture::offences(path.toStdString(), line.toStdString());
    QVERIFY2(wrong.empty() == allowed, qPrintable(report(wrong)));
  }

  void topLevelIsAsDesigned() {
    const std::set<std::string> wanted = {"CMakeLists.txt", "CMakePresets.json", "README.md", "app",
                                          "engine", "ingest", "kernels", "resources", "storage",
                                          "tests", "ui"};
    std::vector<std::string> wrong;
    for (const std::string& name : wanted)
      if (!fs::exists(fs::path(LECTERN_SOURCE_DIR) / name)) wrong.push_back("missing: " + name);
    for (const auto& entry : fs::directory_iterator(LECTERN_SOURCE_DIR)) {
      const std::string name = entry.path().filename();
      // Dotfiles are free; build/ holds what .gitignore names.
      if (name[0] != '.' && name != "build" && wanted.count(name) == 0)
        wrong.push_back("not in the design: " + name);
    }
    QVERIFY2(wrong.empty(), qPrintable(report(wrong)));
  }

  void noFileIsTooLongToRead() {
    std::vector<std::string> wrong;
    for (const SourceFile& file : sourceFiles()) {
      const auto n_lines = std::count(file.text.begin(), file.text.end(), '\n');
      // A generated table has no reader.
      const bool table = file.path == "engine/unicode_classes.cpp";
      if (n_lines > kLinesMax && !table)
        wrong.push_back(file.path + ": " + std::to_string(n_lines) + " lines");
    }
    QVERIFY2(wrong.empty(), qPrintable(report(wrong)));
  }

  // Marks of unfinished work, and paths of somebody's machine.
  void nothingIsLeftForLater() {
    const std::regex word("\\b(TODO|FIXME|XXX|HACK)\\b|[Nn]ot implemented|\"/(root|work)/");
    std::vector<std::string> wrong;
    for (const SourceFile& file : sourceFiles()) {
      if (file.path == "tests/architecture/architecture_test.cpp") continue;
      std::smatch match;
      if (std::regex_search(file.text, match, word)) wrong.push_back(file.path + ": " + match.str());
    }
    QVERIFY2(wrong.empty(), qPrintable(report(wrong)));
  }
};
LECTERN_TEST(ArchitectureTest)

#include "architecture_test.moc"
