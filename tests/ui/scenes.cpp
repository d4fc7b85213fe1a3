#include "tests/ui/scenes.h"

#include <QFont>
#include <QPainter>

namespace scenes {
namespace {

const char* const kVersionSet = R"(  // Unlock during expensive MANIFEST log write
  {
    mu->Unlock();

    // Write new record to MANIFEST log
    if (s.ok()) {
      std::string record;
      edit->EncodeTo(&record);
      s = descriptor_log_->AddRecord(record);
      if (s.ok()) {
        s = descriptor_file_->Sync();
      }
      if (!s.ok()) {
        Log(options_->info_log, "MANIFEST write: %s\n", s.ToString().c_str());
      }
    }

    // If we just created a new descriptor file, install it by writing a
    // new CURRENT file that points to it.
    if (s.ok() && !new_manifest_file.empty()) {
      s = SetCurrentFile(env_, dbname_, manifest_file_number_);
    }

    mu->Lock();
  }
)";

const char* const kCodeQuote =
    "// If we just created a new descriptor file, install it by writing a\n"
    "    // new CURRENT file that points to it.\n"
    "    if (s.ok() && !new_manifest_file.empty()) {";
const char* const kPdfQuote =
    "In 3 of 41 power cuts the directory still named the previous pointer file after the rename "
    "had returned.";

struct File {
  const char* path;
  base::DocumentKind kind;
  std::int64_t tokens;
};

constexpr File kFiles[] = {
    {"leveldb/db/db_impl.cc", base::DocumentKind::kCode, 14210},
    {"leveldb/db/db_impl.h", base::DocumentKind::kCode, 2110},
    {"leveldb/db/filename.cc", base::DocumentKind::kCode, 1105},
    {"leveldb/db/log_writer.cc", base::DocumentKind::kCode, 872},
    {"leveldb/db/version_set.cc", base::DocumentKind::kCode, 14040},
    {"leveldb/db/version_set.h", base::DocumentKind::kCode, 3904},
    {"leveldb/doc/impl.md", base::DocumentKind::kMarkdown, 3120},
    {"leveldb/doc/table_format.md", base::DocumentKind::kMarkdown, 1280},
    {"leveldb/util/arena.cc", base::DocumentKind::kCode, 690},
    {"leveldb/util/coding.cc", base::DocumentKind::kCode, 1712},
    {"leveldb/util/env_posix.cc", base::DocumentKind::kCode, 9031},
    {"papers/pillai-2014-crash-consistency.pdf", base::DocumentKind::kPdf, 21860},
    {"papers/store-recovery-field-report.pdf", base::DocumentKind::kPdf, 21344},
};

base::Citation codeCitation(const char* path, int first, int last, const char* quote) {
  base::Citation citation;
  citation.quote = quote;
  citation.path = path;
  citation.line_start = first;
  citation.line_end = last;
  citation.check = base::CitationCheck::kVerified;
  return citation;
}

std::string text(const char* utf8) { return utf8; }

}  // namespace

QDateTime moment() { return QDateTime(QDate(2026, 11, 24), QTime(14, 32, 7)); }

ui::WelcomeValue welcome() {
  ui::WelcomeValue value;
  value.facts = {{true, QStringLiteral("8 cores, AVX2"), QStringLiteral("enough for the included model")},
                 {true, QStringLiteral("24 GB RAM"), QStringLiteral("19 GB free")},
                 {true, QStringLiteral("74 GB disk free"), QStringLiteral("about 20 saved full sessions")},
                 {false, QStringLiteral("No supported GPU found"),
                  QStringLiteral("full model answers slowly on CPU")}};
  value.model_name = QStringLiteral("Lectern Mini, included");
  value.model_text = QStringLiteral(
      "A small stand-in with the same architecture. It finds and quotes passages. It does not "
      "reason, and it may quote the wrong line.");
  value.model_bytes = 15'600'000;
  return value;
}

ui::EngineValue engine(ui::EngineState state) {
  ui::EngineValue value;
  value.state = state;
  value.model = QStringLiteral("Lectern Mini");
  value.device = QStringLiteral("8 CPU cores");
  value.n_context_max = 1'048'576;
  value.ram_bytes = 612'000'000;
  value.ram_total_bytes = 24'000'000'000;
  value.snapshot_bytes = 41'600'000;
  value.read_tok_s = 1930;
  value.answer_tok_s = 27.4;
  return value;
}

ui::PlanValue plan() {
  ui::PlanValue value;
  value.title = QStringLiteral("leveldb and papers");
  for (const File& file : kFiles)
    value.files.push_back({.path = QLatin1String(file.path),
                           .kind = file.kind,
                           .bytes = static_cast<std::uint64_t>(file.tokens) * 4,
                           .tokens = file.tokens,
                           .outline_tokens = file.tokens / 7 + 12,
                           .name_tokens = 12,
                           .reason = {},
                           .detail = {}});
  value.files[2].level = base::DetailLevel::kOutline;
  ui::PlanFile binary;
  binary.path = QStringLiteral("leveldb/doc/logo.png");
  binary.readable = binary.checked = false;
  binary.reason = QStringLiteral("binary");
  value.files.push_back(binary);
  ui::PlanFile locked;
  locked.path = QStringLiteral("papers/guttman-1984-rtrees.pdf");
  locked.kind = base::DocumentKind::kPdf;
  locked.readable = locked.checked = false;
  locked.reason = QStringLiteral("locked");
  value.files.push_back(locked);
  value.n_context_max = 1'048'576;
  value.n_reserved = 8192;
  value.tok_s_low = 900;
  value.tok_s_high = 1500;
  value.first_run = true;
  value.snapshot_bytes_per_token = 3500;
  return value;
}

ui::ReadingValue reading() {
  ui::ReadingValue value;
  value.title = QStringLiteral("leveldb and papers");
  value.subtitle = QStringLiteral(
      "leveldb at 78a352f, then 2 PDFs. The order is kept, so that later changes stay cheap.");
  std::int64_t position = 120;
  for (const File& file : kFiles) {
    ui::ReadingFile each;
    each.path = QLatin1String(file.path);
    each.kind = file.kind;
    each.tokens = file.tokens;
    each.position = position;
    each.seconds = static_cast<double>(file.tokens) / 1200;
    position += file.tokens;
    value.files.push_back(each);
  }
  for (size_t i = 0; i < 6; ++i) value.files[i].state = ui::FileState::kDone;
  value.files[6].state = ui::FileState::kReading;
  value.files[6].fraction = 0.4;
  ui::ReadingFile skipped;
  skipped.path = QStringLiteral("leveldb/doc/logo.png");
  skipped.state = ui::FileState::kSkipped;
  skipped.note = QStringLiteral("binary");
  value.files.push_back(skipped);
  for (const File& file : kFiles) value.receipt.push_back({file.path, true, "", "", file.kind, 0});
  value.receipt.push_back({"leveldb/doc/logo.png", false, "binary", "", base::DocumentKind::kText, 0});
  value.receipt.push_back({"papers/guttman-1984-rtrees.pdf", false, "locked", "",
                           base::DocumentKind::kPdf, 0});
  value.progress = {37'480, position, 36'864, 1480, 29.4, 33, 48};
  value.n_context = position;
  value.n_context_max = 1'048'576;
  value.safe_at = moment();
  return value;
}

std::vector<base::Citation> placed(const std::string& answer,
                                   std::vector<base::Citation> citations) {
  std::size_t at = 0;
  for (base::Citation& citation : citations) {
    const std::size_t begin = answer.find("<quote>", at) + 7;
    at = answer.find("</quote>", begin);
    citation.answer = {begin, at};
  }
  return citations;
}

ui::MessageValue answered() {
  ui::MessageValue message;
  message.id = {7};
  message.question =
      "Can a crash between writing a new MANIFEST and switching CURRENT lose data?";
  message.asked_at = moment();
  message.thinking = "The switch is in LogAndApply. The rename is in filename.cc. "
                     "The report measured it.";
  message.thinking_s = 11;
  message.thinking_tokens = 842;
  message.answer = text(
      "**No committed data is lost.** The new manifest is written and synced first, and only then "
      "does CURRENT move to it, so a crash in between leaves CURRENT on the old, complete "
      "manifest:\n\n<quote>") + kCodeQuote +
      "</quote>\n\nThe switch itself is a write to a temporary file and a rename "
      "<quote>env->RenameFile(tmp, CurrentFileName(dbname))</quote>. One window remains, which the "
      "field report saw in practice:\n\n<quote>" + kPdfQuote +
      "</quote>\n\nThen the old manifest opens again. *On ext4* the rename is said to be "
      "<quote>flushed within five seconds</quote>.";
  base::Citation report;
  report.quote = kPdfQuote;
  report.path = "papers/store-recovery-field-report.pdf";
  report.page = 9;
  report.page_label = std::string("7");
  report.boxes = {{72, 300, 290, 312}, {72, 316, 250, 328}};
  report.check = base::CitationCheck::kVerified;
  base::Citation none;
  none.quote = "flushed within five seconds";
  none.check = base::CitationCheck::kUnverified;
  message.citations = placed(
      message.answer,
      {codeCitation("leveldb/db/version_set.cc", 833, 835, kCodeQuote),
       codeCitation("leveldb/db/filename.cc", 131, 131,
                    "env->RenameFile(tmp, CurrentFileName(dbname))"),
       report, none});
  message.finish = base::FinishReason::kEnd;
  message.usage = {95'398, 95'270, 128, 212, 0.11, 0.2, 27.4};
  message.model = QStringLiteral("Lectern Mini");
  return message;
}

ui::SessionValue session() {
  ui::SessionValue value;
  value.id = {42};
  value.title = QStringLiteral("Is the manifest switch crash-safe?");
  value.workspace = QStringLiteral("Storage engines");
  std::int64_t position = 0;
  value.context.segments.push_back({QStringLiteral("instructions"), ui::SegmentKind::kInstructions,
                                    {0, 3000}});
  position = 3000;
  for (const File& file : kFiles) {
    value.sources.push_back({QLatin1String(file.path), file.kind, file.tokens,
                             std::string(file.path).ends_with("db_impl.cc")});
    value.context.segments.push_back(
        {QLatin1String(file.path),
         file.kind == base::DocumentKind::kPdf ? ui::SegmentKind::kPdf : ui::SegmentKind::kCode,
         {position, position + file.tokens}});
    position += file.tokens;
  }
  value.context.segments.push_back({QStringLiteral("conversation"),
                                    ui::SegmentKind::kConversation, {position, position + 1200}});
  value.context.n_max = 131'072;
  value.context.n_used = value.context.n_read = position + 1200;
  value.messages = {answered()};
  value.snapshot = {ui::SnapshotState::kSaved, moment(), 41'600'000, 0, 1.2};
  return value;
}

std::vector<ui::SessionRow> sessions() {
  const QDateTime now = QDateTime::currentDateTime();
  const auto row = [&](int id, const char* title, const char* workspace, std::int64_t tokens,
                       std::int64_t bytes, ui::ResumeFrom from, double resume_s, int days) {
    ui::SessionRow made;
    made.id = {id};
    made.title = QLatin1String(title);
    made.workspace = QLatin1String(workspace);
    made.n_sources = 2;
    made.n_questions = 4;
    made.tokens = tokens;
    made.snapshot_bytes = bytes;
    made.resume_from = from;
    made.resume_s = resume_s;
    made.last_used = now.addDays(-days);
    for (const ui::WorkspaceValue& known : workspaces())
      if (known.name == made.workspace) made.workspace_id = known.id;
    made.n_branches = id == 42 ? 3 : id == 3 ? 2 : 1;
    made.logical_bytes = bytes > 0 ? bytes + 380'000'000 : 0;
    made.resume_measured = true;
    return made;
  };
  using From = ui::ResumeFrom;
  return {
      row(42, "Is the manifest switch crash-safe?", "Storage engines", 95'398, 41'600'000,
          From::kSnapshot, 1.2, 0),
      row(2, "Where is the block cache charged twice?", "Storage engines", 88'120, 38'400'000,
          From::kSnapshot, 1.3, 0),
      row(3, "Trace a write from the API to the disk", "Storage engines", 91'633, 39'600'000,
          From::kSnapshot, 1.3, 2),
      row(4, "Port the scheduler notes to the new ABI", "Kernel scheduler", 73'402, 0,
          From::kReadAgain, 240, 4),
      row(5, "Dosage tables in the 2014 guideline", "Clinical guidelines", 65'518, 23'000'000,
          From::kOtherModel, 210, 14),
      row(6, "Reading notes on garbage collection", "Papers, memory", 28'764, 10'000'000,
          From::kSnapshot, 0.5, 30),
  };
}

std::vector<ui::WorkspaceValue> workspaces() {
  std::vector<ui::WorkspaceValue> values;
  for (const char* name :
       {"Storage engines", "Kernel scheduler", "Clinical guidelines", "Papers, memory"})
    values.push_back({{static_cast<std::int64_t>(values.size()) + 1}, QLatin1String(name)});
  return values;
}

ui::BranchesValue branches() {
  const auto turn = [](int question, const char* words, std::int64_t tokens) {
    return ui::TurnValue{{question}, {question + 1}, QLatin1String(words), tokens};
  };
  ui::BranchesValue value;
  value.session = {42};
  value.source_tokens = 87'290;
  value.active = {11};
  value.active_title = QStringLiteral("main");
  value.turns = {turn(101, "How does compaction pick files?", 720),
                 turn(103, "What does CURRENT protect?", 311),
                 turn(105, "Who deletes old manifests?", 445),
                 turn(107, "Can a crash between writing a new MANIFEST and switching CURRENT "
                           "lose data?", 902)};
  value.others = {{{12}, QStringLiteral("With a directory sync"), 2,
                   {turn(111, "And with a sync of the directory?", 500),
                    turn(113, "Which calls?", 300), turn(115, "On every system?", 380)}},
                  {{13}, {}, 3, {turn(121, "Same question, thinking off", 610)}}};
  return value;
}

std::vector<ui::SearchHitValue> hits() {
  return {{{42}, QStringLiteral("\u2026The switch itself is a write to a temporary file, a sync, "
                                "and a \u2068rename\u2069. One window remains\u2026"),
           {108}, ui::HitPlace::kAnswer},
          {{42}, QStringLiteral("Show me every place that assumes the \u2068rename\u2069 is "
                                "\u2068durable\u2069"),
           {121}, ui::HitPlace::kQuestion}};
}

ui::SpaceValue space() {
  ui::SpaceValue value;
  value.budget_bytes = 120'000'000'000;
  value.pinned_bytes = 11'200'000'000;
  value.own_bytes = 14'300'000'000;
  value.shared_bytes = 9'900'000'000;
  value.cache_bytes = 6'200'000'000;
  value.disk_free_bytes = 74'000'000'000;
  value.disk_needed_bytes = 64 << 20;
  return value;
}

ui::DocumentText sourceText() {
  ui::DocumentText document;
  document.path = QStringLiteral("leveldb/db/version_set.cc");
  // Filled so that the quote stands at lines 833 to 835, as the citation says.
  for (int line = 1; line < 816; ++line)
    document.text.append("// line ").append(std::to_string(line)).append("\n");
  document.text += kVersionSet;
  const std::size_t begin = document.text.find(kCodeQuote);
  document.marks = {{begin, begin + std::string(kCodeQuote).size()}};
  document.current = 0;
  document.version = QStringLiteral("as read, 78a352f");
  return document;
}

ui::PdfPage pdfPage() {
  ui::PdfPage page;
  page.path = QStringLiteral("papers/store-recovery-field-report.pdf");
  page.page = 9;
  page.n_pages = 24;
  page.label = QStringLiteral("7");
  page.width_pt = 595;
  page.height_pt = 842;
  page.scale = 1;
  page.image = QImage(595, 842, QImage::Format_RGB32);
  page.image.fill(Qt::white);
  QPainter painter(&page.image);
  QFont font(QStringLiteral("Inter"));
  font.setPixelSize(10);
  painter.setFont(font);
  for (int line = 0; line < 46; ++line) {
    painter.drawText(QRect(72, 76 + line * 16, 218, 14), Qt::AlignLeft,
                     QStringLiteral("the directory still named the pointer"));
    painter.drawText(QRect(310, 76 + line * 16, 218, 14), Qt::AlignLeft,
                     QStringLiteral("closing the window costs one more sync"));
  }
  page.boxes = {{72, 300, 290, 312}, {72, 316, 250, 328}};
  return page;
}

}  // namespace scenes
