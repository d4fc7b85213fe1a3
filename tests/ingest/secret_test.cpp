// Secrets among many files: found, named, and never repeated in what is said about them.
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <string>

#include <QTest>

#include "ingest/secret_finder.h"
#include "tests/ingest/folder_fixture.h"
#include "tests/ingest/planted_secrets.h"
#include "tests/ingest/walked_folder.h"
#include "tests/support/test_main.h"

using ingest::findSecret;
using support::PlantedFile;
using support::SecretGarden;

class SecretTest : public QObject {
  Q_OBJECT
 private slots:
  void plantedSecretsAreFoundAndLookalikesAreNot() {
    const char* given = std::getenv("LECTERN_SEED");
    const std::uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    SecretGarden garden(seed);
    constexpr int kSecrets = 300, kFiles = 5000;
    FolderFixture folder;
    std::set<std::string> planted;
    for (int i = 0; i < kSecrets; ++i) {
      const PlantedFile file = garden.secret(i);
      folder.write(file.path, file.text);
      planted.insert(file.path);
    }
    for (int i = 0; i < kFiles - kSecrets; ++i) {
      const PlantedFile file = garden.clean(i);
      folder.write(file.path, file.text);
    }
    int n_found = 0, n_right = 0;
    QStringList wrong;
    const auto walked = support::walk(folder.root());
    for (const auto& file : walked.files) {
      const bool secret = file.reason == "secret";
      n_found += secret;
      n_right += secret && planted.contains(file.relative);
      if (secret != planted.contains(file.relative))
        wrong << QString::fromStdString(file.relative + ": " + file.detail);
    }
    const double recall = 1.0 * n_right / kSecrets, precision = 1.0 * n_right / n_found;
    qInfo("LECTERN_SEED=%llu: %d planted in %zu files, recall %.1f %%, precision %.1f %%",
          static_cast<unsigned long long>(seed), kSecrets, walked.files.size(), 100 * recall,
          100 * precision);
    for (const QString& line : wrong.mid(0, 20)) qInfo("  wrong: %s", qPrintable(line));
    QVERIFY(recall >= 0.95);
    QVERIFY(precision >= 0.90);
  }

  void whatIsSaidNamesTheLineAndNotTheSecret() {
    const std::string key = "AKIA" "Q3EGRZ7KX4MWT2VB";
    const auto secret = findSecret("a.py", "# one\n# two\nkey = '" + key + "'\n");
    QVERIFY(secret);
    QCOMPARE(secret->line, 3);
    const std::string sentence = ingest::secretSentence(*secret);
    QVERIFY(sentence.find("Line 3") != std::string::npos);
    QVERIFY(sentence.find(key) == std::string::npos);
  }

  // Time proportional to the text: where every beginning looked to the end of it, these took hours.
  void textMadeOfBeginningsEnds() {
    for (const std::string_view part :
         {"token=", "token>", "token='", "PuTTY-User-Key-File-", "-----BEGIN PRIVATE KEY-----",
          "eyJ.", "eyJhbGciOiJIUzI1NiJ9.x", "://a:", "machine x login y ", "authorization Bearer "}) {
      std::string text;
      while (text.size() < 4'000'000) text += part;
      QVERIFY2(!findSecret("a.txt", text), part.data());
    }
  }

  void arrowsAndUsageTextsHoldNoValue() {
    for (const char* text : {"\ttoken->client_ref_count = 0;\n\tx = y < z;\n",
                             "\t'-P <password>'.\n\t'-u <user>'\n",
                             "runs-commands-from-pwd >/dev/null 2>&1\ncat <file\n",
                             "\tmy $tag = $token->[0];\n\tif (a < b)\n"})
      QVERIFY2(!findSecret("a.c", text), text);
    QVERIFY(findSecret("a.xml", "<password>kX9vQ2mT7wRz4LpB</password>\n"));
  }

  void oddEndsOfTextAreNoTrouble() {
    const std::string parts[] = {"-----BEGIN PRIVATE KEY-----", "://a:b@", "eyJ", "password=\"",
                                 "Authorization: Basic ", "\"auth\"", "_auth=", ":AA", "$6$",
                                 "machine x login y password ", "kind: Secret\napiVersion:\ndata:\n"};
    for (const std::string& part : parts)
      for (std::size_t n = 0; n <= part.size(); ++n) {
        QVERIFY(!findSecret("x", part.substr(0, n)));
        QVERIFY(!findSecret("x", std::string("a").append(part, part.size() - n)));
      }
  }
};

LECTERN_TEST(SecretTest)
#include "secret_test.moc"
