// Files are replaced whole; what is no file is not replaced.
#include <QTemporaryDir>
#include <QTest>

#include <fstream>
#include <sstream>

#include "engine/base/replace_file.h"
#include "tests/support/test_main.h"

namespace fs = std::filesystem;

class ReplaceFileTest : public QObject {
  Q_OBJECT

 private slots:
  void init() { QVERIFY(folder_.isValid()); }

  void anOldFileGivesWay() {
    const fs::path path = folder_.filePath("a").toStdString();
    for (const char* text : {"first, and longer", "second"}) {
      QVERIFY(base::replaceFile(path, [&](std::ostream& out) { out << text; }));
      QCOMPARE(readAll(path), std::string(text));
    }
  }

  void aLinkStaysALink() {
    const fs::path target = folder_.filePath("target").toStdString();
    const fs::path link = folder_.filePath("link").toStdString();
    std::ofstream(target) << "old";
    fs::create_symlink("target", link);
    QVERIFY(base::replaceFile(link, [](std::ostream& out) { out << "new"; }));
    QVERIFY(fs::is_symlink(link));
    QCOMPARE(readAll(target), std::string("new"));
  }

  // A link to a device, so that a fault costs the link and not the device.
  void aDeviceIsNeverReplaced() {
    const fs::path link = folder_.filePath("full").toStdString();
    fs::create_symlink("/dev/full", link);
    const auto written =
        base::replaceFile(link, [](std::ostream& out) { out << std::string(100'000, 'x'); });
    QVERIFY(!written);
    QCOMPARE(written.error().code, base::ErrorCode::kIo);
    QVERIFY(!written.error().hint.empty());
    QVERIFY(fs::is_symlink(link));
    QVERIFY(fs::is_character_file("/dev/full"));
  }

  void aMissingFolderIsAnError() {
    const fs::path path = folder_.filePath("none/a").toStdString();
    QVERIFY(!base::replaceFile(path, [](std::ostream& out) { out << "x"; }));
  }

 private:
  static std::string readAll(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  QTemporaryDir folder_;
};

LECTERN_TEST(ReplaceFileTest)
#include "replace_file_test.moc"
