// The models keep Qt's rules and count what they show.
#include <QAbstractItemModelTester>
#include <QRegularExpression>

#include "tests/support/test_main.h"
#include "tests/ui/scenes.h"
#include "ui/citation_model.h"
#include "ui/error_text.h"
#include "ui/ingest_file_model.h"
#include "ui/ingest_plan_model.h"
#include "ui/receipt_model.h"
#include "ui/session_model.h"
#include "ui/source_model.h"
#include "ui/words.h"

namespace {

ui::PlanFile planFile(const char* path, std::int64_t tokens, std::int64_t outline_tokens) {
  ui::PlanFile file;
  file.path = QLatin1String(path);
  file.tokens = tokens;
  file.outline_tokens = outline_tokens;
  file.name_tokens = 5;
  return file;
}

}  // namespace

class ModelsTest : public QObject {
  Q_OBJECT

 private slots:
  void modelsKeepTheRules() {
    using Mode = QAbstractItemModelTester::FailureReportingMode;
    ui::SourceModel sources;
    ui::SessionModel sessions;
    ui::CitationModel citations;
    ui::IngestPlanModel plan;
    ui::IngestFileModel files;
    ui::ReceiptModel receipt;
    for (QAbstractItemModel* model : std::initializer_list<QAbstractItemModel*>{
             &sources, &sessions, &citations, &plan, &files, &receipt})
      new QAbstractItemModelTester(model, Mode::QtTest, model);
    sources.setFiles(scenes::session().sources);
    sessions.setRows(scenes::sessions(), QDateTime::currentDateTime());
    const ui::MessageValue message = scenes::answered();
    citations.setQuotes(ui::parseAnswer(message.answer, message.citations, false).quotes);
    plan.setFiles(scenes::plan().files);
    files.setFiles(scenes::reading().files);
    receipt.setEntries(scenes::reading().receipt, 1000);
    QCOMPARE(citations.rowCount(), 4);
    QVERIFY(receipt.rowCount() >= 3);
    files.setCurrent(7, 0.5);
    sources.setFiles({});
    sessions.setRows({}, QDateTime::currentDateTime());
  }

  void foldersSumTheirTokens() {
    ui::SourceModel model;
    model.setFiles({{QStringLiteral("a/b/x.cc"), base::DocumentKind::kCode, 10, false},
                    {QStringLiteral("a/y.cc"), base::DocumentKind::kCode, 5, true}});
    const QModelIndex top = model.indexOf(QStringLiteral("a"));
    QCOMPARE(top.data(ui::SourceModel::kTokensRole).toLongLong(), 15);
    QCOMPARE(model.indexOf(QStringLiteral("a/b/x.cc")).data().toString(), QStringLiteral("x.cc"));
    QVERIFY(!model.indexOf(QStringLiteral("a/b/z.cc")).isValid());
    QCOMPARE(model.changedFiles(), 1);
  }

  void ticksOfThePlan() {
    ui::IngestPlanModel model;
    model.setFiles(scenes::plan().files);
    const int n_all = model.checkedFiles();
    QCOMPARE(n_all, 13);
    QCOMPARE(model.skippedFiles(), 2);
    model.setFolderChecked(QStringLiteral("papers"), false);
    QCOMPARE(model.checkedFiles(), 11);
    QVERIFY(!model.selection().checked.contains(
        QStringLiteral("papers/store-recovery-field-report.pdf")));
    // Counts that come in later keep the ticks.
    model.setFiles(scenes::plan().files);
    QCOMPARE(model.checkedFiles(), 11);
    // What cannot be read cannot be ticked.
    model.setFileChecked(QStringLiteral("leveldb/doc/logo.png"), true);
    QCOMPARE(model.checkedFiles(), 11);
  }

  void detailLevelsOfThePlan() {
    ui::IngestPlanModel model;
    const std::vector<ui::PlanFile> files = {
        planFile("a/x.c", 100, 20), planFile("a/y.c", 50, 40), planFile("b/z.c", 7, 9)};
    model.setFiles(files);
    const auto level = [&](int row) {
      return model.index(row, ui::IngestPlanModel::kLevel).data().toString();
    };
    QCOMPARE(model.checkedTokens(), 157);
    QCOMPARE(model.largestFolders(1)[0].path, QStringLiteral("a"));
    QCOMPARE(model.largestFolders(1)[0].outline_saves, 90);
    model.setLevel(QStringLiteral("a/x.c"), base::DetailLevel::kNameOnly);
    QCOMPARE(level(0), QStringLiteral("Mixed"));
    QCOMPARE(model.checkedTokens(), 62);
    model.setLevel(QStringLiteral("a"), base::DetailLevel::kOutline);
    QCOMPARE(level(0), QStringLiteral("Outline"));
    QCOMPARE(level(1), QStringLiteral("Full"));
    QCOMPARE(model.checkedTokens(), 67);
    QCOMPARE(model.largestFolders(1)[0].outline_saves, 0);
    model.setFiles(files);  // counts that come in later keep the choice
    QCOMPARE(model.checkedTokens(), 67);
    QCOMPARE(model.selection().outline, (QStringList{"a/x.c", "a/y.c"}));
    QCOMPARE(model.selection().name_only, QStringList());
  }

  void sessionsAreGroupedByDay() {
    const QDateTime now(QDate(2026, 11, 24), QTime(12, 0));
    ui::SessionModel model;
    std::vector<ui::SessionRow> rows(3);
    rows[0].last_used = now.addDays(-20);
    rows[1].last_used = now;
    rows[2].last_used = now.addDays(-3);
    for (int i = 0; i < 3; ++i) rows[static_cast<size_t>(i)].id = {i + 1};
    model.setRows(rows, now);
    QCOMPARE(model.rowCount(), 3);
    QCOMPARE(model.index(0, 0).data().toString(), QStringLiteral("Today"));
    QCOMPARE(model.row(model.index(0, 0, model.index(0, 0)))->id.value, std::int64_t(2));
    QVERIFY(!model.row(model.index(0, 0)));
  }

  void forecastsAreRanges() {
    ui::SessionRow row;
    row.resume_from = ui::ResumeFrom::kReadAgain;
    row.resume_s = 300;
    const QRegularExpression range(QStringLiteral("^\\d+ to \\d+ (s|min|h)$"));
    QVERIFY(range.match(ui::resumeWords(row)).hasMatch());
    row.resume_from = ui::ResumeFrom::kSnapshot;
    row.resume_s = 1.2;
    QCOMPARE(ui::resumeWords(row), QStringLiteral("1.2 s"));
  }

  // Every code but the user's own stop has a sentence, what is safe, and a way on.
  void everyErrorHasItsWords() {
    for (int code = 0; code <= static_cast<int>(base::ErrorCode::kInternal); ++code) {
      ui::ErrorValue value;
      value.error.code = static_cast<base::ErrorCode>(code);
      const auto text = ui::errorText(value);
      if (value.error.code == base::ErrorCode::kCancelled) {
        QVERIFY(!text);
        continue;
      }
      QVERIFY2(text.has_value(), base::errorCodeName(value.error.code).data());
      QVERIFY(!text->sentence.isEmpty() && !text->safe.isEmpty());
      QVERIFY(QRegularExpression(QStringLiteral("^[A-Z]{3}-\\d{3}$")).match(text->code).hasMatch());
      QVERIFY(!ui::errorActionWords(text->primary).isEmpty());
    }
  }

  void foreignTextIsMadeVisible() {
    const QString shown = ui::visibleText(QStringLiteral("a\u202E\x1B\nb"));
    for (const QChar hidden : {QChar(0x202E), QChar(0x1B), QChar(u'\n')})
      QVERIFY(!shown.contains(hidden));
    QCOMPARE(shown.size(), 5);
  }
};

LECTERN_TEST(ModelsTest)
#include "models_test.moc"
