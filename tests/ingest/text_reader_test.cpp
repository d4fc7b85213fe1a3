#include "ingest/text_reader.h"

#include <random>

#include <iconv.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "ingest/source_walk.h"
#include "ingest/utf8.h"
#include "tests/ingest/folder_fixture.h"
#include "tests/support/test_main.h"

namespace {

namespace fs = std::filesystem;
using base::DocumentKind;
using base::ErrorCode;
using base::Extracted;
using namespace std::string_literals;

base::Result<Extracted> readBytes(const std::string& bytes, const std::string& name = "a.txt") {
  static const FolderFixture folder;
  folder.write(name, bytes);
  return ingest::readText(folder.at(name), name, {});
}

std::string textOf(const std::string& bytes) {
  const auto read = readBytes(bytes);
  return read ? read->document.text : "error: " + read.error().message;
}

std::string codesOf(const std::string& bytes) {
  const auto read = readBytes(bytes);
  std::string codes;
  if (!read) return "error";
  for (const auto& diagnostic : read->diagnostics) codes += diagnostic.code + " ";
  return codes;
}

std::string encode(const std::string& text, const char* encoding) {
  const iconv_t handle = ::iconv_open(encoding, "UTF-8");
  if (handle == reinterpret_cast<iconv_t>(-1)) qFatal("iconv does not know %s", encoding);
  std::string out(text.size() * 4 + 64, '\0');
  char *from = const_cast<char*>(text.data()), *to = out.data();
  std::size_t n_from = text.size(), n_to = out.size();
  if (::iconv(handle, &from, &n_from, &to, &n_to) == static_cast<std::size_t>(-1))
    qFatal("%s cannot hold the text at byte %zu", encoding, text.size() - n_from);
  ::iconv(handle, nullptr, nullptr, &to, &n_to);
  ::iconv_close(handle);
  out.resize(out.size() - n_to);
  return out;
}

const char* const kFrench =
    "L'été dernier, nous sommes allés à la plage où le garçon a mangé une crème brûlée.";
const char* const kGerman =
    "Die Größe der Straße überraschte die Mädchen. Könnten Sie bitte die Tür schließen?";
const char* const kPolish =
    "Zażółć gęślą jaźń. W Szczebrzeszynie chrząszcz brzmi w trzcinie, że żółw.";
const char* const kCzech =
    "Příliš žluťoučký kůň úpěl ďábelské ódy. Včera jsme šli do města a koupili čerstvé ovoce.";
const char* const kRussian =
    "Съешь же ещё этих мягких французских булок. Функция возвращает количество прочитанных байт.";
const char* const kUkrainian =
    "Функція повертає кількість прочитаних байтів. Її значення залежить від розміру файлу.";
const char* const kGreek =
    "Η συνάρτηση επιστρέφει τον αριθμό των χαρακτήρων που διαβάστηκαν από το αρχείο.";
const char* const kTurkish =
    "Şu çocuğun ağzı açık kaldı. İstanbul'da güneş doğuyor, ışıklar sönüyor.";
const char* const kHebrew = "הפונקציה מחזירה את מספר התווים שנקראו מן הקובץ. שלום לכולם";
const char* const kArabic = "تعيد الدالة عدد الأحرف التي قرئت من الملف. السلام عليكم ورحمة الله";
const char* const kThai = "ฟังก์ชันนี้คืนค่าจำนวนอักขระที่อ่านจากแฟ้ม สวัสดีครับ วันนี้อากาศดีมาก";
const char* const kJapanese =
    "この関数は読み込んだ文字の数を返します。日本語のテキストファイルを開いて、内容を確認してください。";
const char* const kChinese = "这个函数返回读取的字符数。请打开文本文件并检查其内容是否正确，谢谢。";
const char* const kTaiwanese = "這個函數返回讀取的字元數。請打開文字檔案並檢查其內容是否正確，謝謝。";
const char* const kKorean =
    "이 함수는 읽은 문자의 수를 반환합니다. 텍스트 파일을 열고 내용을 확인하십시오.";

std::uint32_t testSeed() {
  const char* given = std::getenv("LECTERN_SEED");
  return given ? static_cast<std::uint32_t>(std::atoll(given)) : std::random_device()();
}

}  // namespace

class TextReaderTest : public QObject {
  Q_OBJECT

 private slots:
  void everyCommonEncodingBecomesUtf8_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<QByteArray>("encoding");
    const auto add = [](const char* text, std::initializer_list<const char*> encodings) {
      for (const char* encoding : encodings)
        QTest::addRow("%s %.12s", encoding, text) << QString(text) << QByteArray(encoding);
    };
    add(kFrench, {"WINDOWS-1252", "ISO-8859-1", "ISO-8859-15"});
    add(kGerman, {"WINDOWS-1252", "ISO-8859-1"});
    add(kPolish, {"WINDOWS-1250", "ISO-8859-2"});
    add(kCzech, {"WINDOWS-1250", "ISO-8859-2"});
    add(kRussian, {"WINDOWS-1251", "KOI8-R", "ISO-8859-5", "IBM866"});
    add(kUkrainian, {"WINDOWS-1251", "KOI8-U"});
    add(kGreek, {"WINDOWS-1253", "ISO-8859-7"});
    add(kTurkish, {"WINDOWS-1254", "ISO-8859-9"});
    add(kHebrew, {"WINDOWS-1255", "ISO-8859-8"});
    add(kArabic, {"WINDOWS-1256", "ISO-8859-6"});
    add(kThai, {"TIS-620", "CP874"});
    add(kJapanese, {"SHIFT_JIS", "CP932", "EUC-JP", "ISO-2022-JP"});
    add(kChinese, {"GB18030", "GBK", "GB2312"});
    add(kTaiwanese, {"BIG5"});
    add(kKorean, {"EUC-KR", "CP949", "ISO-2022-KR"});
    for (const char* text : {kFrench, kPolish, kRussian, kGreek, kHebrew, kArabic, kThai,
                             kJapanese, kChinese, kKorean, "plain ASCII", "emoji 🙂 too"})
      add(text, {"UTF-8", "UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE"});
  }
  void everyCommonEncodingBecomesUtf8() {
    QFETCH(const QString, text);
    QFETCH(const QByteArray, encoding);
    const std::string line = text.toStdString() + "\r\n";
    QCOMPARE(textOf(encode(line, encoding)), line);
    // In the comment of a program the statistics have less to go by.
    const std::string code = "int main(void) {\n  return 0;  // " + line + "}\n";
    QCOMPARE(textOf(encode(code, encoding)), code);
    const bool utf8 = encoding == "UTF-8";
    const bool stated = encoding.startsWith("UTF-") || encoding.startsWith("ISO-2022");
    QCOMPARE(codesOf(encode(line, encoding)),
             std::string(utf8 ? "" : stated ? "encoding " : "encoding_guessed "));
  }

  void byteOrderMarksAreLeftOut() {
    const std::string text = "h\u00E9 \u4F60 \U0001F642\n";
    QCOMPARE(textOf("\xEF\xBB\xBF" + text), text);
    QCOMPARE(codesOf("\xEF\xBB\xBF" + text), std::string());
    for (const char* encoding : {"UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE"})
      QCOMPARE(textOf(encode("\uFEFF" + text, encoding)), text);
    QCOMPARE(textOf("a\xEF\xBB\xBF" "b"), std::string("a\xEF\xBB\xBF" "b"));  // no mark inside
  }

  void lineEndsAndControlsStayAsTheyAre() {
    for (const std::string& text : {"a\r\nb\nc\rd\r\n\r\n"s, "a\rb\rc\r"s, "no end"s, "\n\n\n"s, ""s,
                                   "\x1B[31mred\x1B[0m\f\v\n"s, "u2028\u2028x\u0085y\n"s})
      QCOMPARE(textOf(text), text);
  }

  void shortTextsOfOtherScriptsAreRecognised() {
    QCOMPARE(textOf("\xC4\xE3\xBA\xC3\n"), std::string("你好\n"));
    QCOMPARE(textOf("\xF0\xD2\xC9\xD7\xC5\xD4\n"), std::string("Привет\n"));
    QCOMPARE(textOf("\x82\xB1\x82\xF1\x82\xC9\x82\xBF\x82\xCD\n"), std::string("こんにちは\n"));
    QCOMPARE(textOf("\xA4\xB3\xA4\xF3\xA4\xCB\xA4\xC1\xA4\xCF\n"), std::string("こんにちは\n"));
    QCOMPARE(textOf("caf\xE9 d\xE9j\xE0 vu\n"), std::string("café déjà vu\n"));
    QCOMPARE(textOf("price 5 \x80 \x93quoted\x94\n"), std::string("price 5 € “quoted”\n"));
    QCOMPARE(textOf("\xA9 2024\n"), std::string("© 2024\n"));
  }

  void damagedUtf8IsRepairedAndSaid() {
    QCOMPARE(textOf("cut \xE4\xB8"), std::string("cut \uFFFD"));
    QCOMPARE(codesOf("cut \xE4\xB8"), std::string("invalid_utf8 "));
    const std::string good = "Größe Größe Größe Größe ";
    QCOMPARE(textOf(good + "\xFF" + good), good + "\uFFFD" + good);
    QCOMPARE(textOf(good + "\xC3" + "x"), good + "\uFFFDx");
    QCOMPARE(textOf("\xED\xA0\xBD\xED\xB9\x82\n"), std::string("\U0001F642\n"));  // CESU-8
    QCOMPARE(codesOf("\xED\xA0\xBD\xED\xB9\x82\n"), std::string("invalid_utf8 "));
    QCOMPARE(textOf("\xFF\xFE\0\xD8x\0"s), std::string("\uFFFDx"));  // half a pair in UTF-16
    QCOMPARE(textOf("\xFF\xFEx\0y"s), std::string("x\uFFFD"));       // half a unit
    QCOMPARE(codesOf("\xFF\xFE\0\xD8x\0"s), std::string("encoding invalid_encoding "));
  }

  void aNulFarDownIsShownAndSaid() {
    const std::string text(10'000, 'a');
    QCOMPARE(textOf(text + '\0' + "b"), text + "\uFFFD" + "b");
    QCOMPARE(codesOf(text + '\0' + "b"), std::string("nul_bytes "));
  }

  void documentSaysWhatTheFileIs() {
    const std::string bytes = "caf\xE9\n";
    const auto read = readBytes(bytes, "caf.md");
    QVERIFY(read);
    QCOMPARE(read->document.path, std::string("caf.md"));
    QVERIFY(read->document.kind == DocumentKind::kMarkdown);
    QCOMPARE(read->document.file_bytes, std::uint64_t{5});
    QVERIFY(read->document.content_hash == base::hashText(bytes));
    QVERIFY(read->document.pages.empty() && read->document.spans.empty());
    QVERIFY(readBytes("x", "sub.c")->document.kind == DocumentKind::kCode);
    QVERIFY(readBytes("%PDF-1.4\n", "fake.pdf")->document.kind == DocumentKind::kText);
  }

  void longTextsAreConvertedAcrossEveryStep() {
    // Characters of several bytes and shift states lie across the steps of a megabyte.
    std::string text = "x";
    while (text.size() < (std::size_t{3} << 20)) text += std::string(kJapanese) + "\n";
    for (const char* encoding : {"CP932", "EUC-JP", "UTF-16BE", "UTF-8"})
      QVERIFY2(textOf(encode(text, encoding)) == text, encoding);
    std::string one_line = "x";
    while (one_line.size() < (std::size_t{3} << 20)) one_line += "日本語";
    QVERIFY(textOf(encode(one_line, "ISO-2022-JP")) == one_line);
  }

  // From here on: what is refused.
  void binaryIsRefused_data() {
    QTest::addColumn<QByteArray>("bytes");
    const auto add = [](const char* name, const std::string& bytes) {
      QTest::addRow("%s", name) << QByteArray::fromStdString(bytes);
    };
    add("png", "\x89PNG\r\n\x1A\n\0\0\0\rIHDR"s);
    add("elf", "\x7F" "ELF\2\1\1\0"s);
    add("zip", "PK\3\4");
    add("nul in text", "one\0two\n"s);
    add("many nuls in ascii", "a\0bc\0def\0ghij\0"s);
    add("controls", "\1\2\3\4\5\6\x0E\x0F");
    add("zeros", std::string(5000, '\0'));
    add("floats", [] {
      std::string bytes;
      for (float value = 0; value < 300; value += 0.7f)
        bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
      return bytes;
    }());
    add("16-bit numbers", [] {
      std::string bytes;
      for (std::uint16_t value = 0; value < 3000; value += 3)
        bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
      return bytes;
    }());
  }
  void binaryIsRefused() {
    QFETCH(const QByteArray, bytes);
    const auto read = readBytes(bytes.toStdString());
    QVERIFY(!read);
    QCOMPARE(read.error().code, ErrorCode::kUnsupported);
  }

  void randomBytesAreRefusedOrBecomeText() {
    const std::uint32_t seed = testSeed();
    std::mt19937 random(seed);
    int n_refused = 0;
    for (int round = 0; round < 2000; ++round) {
      std::string bytes(1 + random() % 300, '\0');
      // Every second file lies near text: that is where guesses go wrong.
      for (char& c : bytes)
        c = static_cast<char>(round % 2 || random() % 8 == 0 ? random() : 'a' + random() % 26);
      const auto read = readBytes(bytes);
      if (!read) {
        QCOMPARE(read.error().code, ErrorCode::kUnsupported);
        ++n_refused;
        continue;
      }
      const QString place = QString("LECTERN_SEED=%1 round %2").arg(seed).arg(round);
      QVERIFY2(ingest::isUtf8(read->document.text), qPrintable(place));
      QVERIFY2(read->document.text.find('\0') == std::string::npos, qPrintable(place));
    }
    qInfo("seed %u: 2000 files, %d refused, the others valid UTF-8", seed, n_refused);
    QVERIFY(n_refused > 200 && n_refused < 1800);
  }

  void compressedDataIsBinary() {
    const std::uint32_t seed = testSeed();
    std::mt19937 random(seed);
    for (int round = 0; round < 200; ++round) {
      std::string bytes(4000, '\0');
      for (char& c : bytes) c = static_cast<char>(1 + random() % 255);  // no NUL gives it away
      const auto read = readBytes(bytes);
      QVERIFY2(!read, qPrintable(QString("LECTERN_SEED=%1 round %2").arg(seed).arg(round)));
    }
    qInfo("seed %u: 200 files without a NUL, 0 taken for text", seed);
  }

  void tooLargeIsRefusedBeforeItIsRead() {
    FolderFixture folder;
    folder.write("huge.txt", "a");
    fs::resize_file(folder.at("huge.txt"), std::uint64_t{1} << 40);
    rusage before{}, after{};
    ::getrusage(RUSAGE_SELF, &before);
    const auto read = ingest::readText(folder.at("huge.txt"), "huge.txt", {});
    ::getrusage(RUSAGE_SELF, &after);
    QVERIFY(!read);
    QCOMPARE(read.error().code, ErrorCode::kTooLarge);
    QVERIFY(after.ru_maxrss - before.ru_maxrss < 1024);  // KiB
  }

  void whatIsNoFileIsATypedError() {
    FolderFixture folder;
    folder.write("a.txt");
    QCOMPARE(::mkfifo(folder.at("pipe").c_str(), 0600), 0);
    const auto code = [&](const char* name) {
      return ingest::readText(folder.at(name), name, {}).error().code;
    };
    QCOMPARE(code("none"), ErrorCode::kNotFound);
    QCOMPARE(code("a.txt/none"), ErrorCode::kNotFound);
    QCOMPARE(code("pipe"), ErrorCode::kUnsupported);
    QCOMPARE(code("."), ErrorCode::kUnsupported);
    std::stop_source stop;
    stop.request_stop();
    QCOMPARE(ingest::readText(folder.at("a.txt"), "a.txt", stop.get_token()).error().code,
             ErrorCode::kCancelled);
  }
};

LECTERN_TEST(TextReaderTest)
#include "text_reader_test.moc"
