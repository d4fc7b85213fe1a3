#include <QTest>
#include <thread>

#include <unistd.h>

#include "engine/base/check.h"
#include "engine/base/frame.h"
#include "tests/support/test_main.h"

namespace {

// A pipe whose write end is closed by finish(), as a peer that goes away.
struct Pipe {
  Pipe() { CHECK(::pipe(ends) == 0); }
  ~Pipe() { finish(); ::close(ends[0]); }
  void write(std::string_view bytes) { QCOMPARE(::write(ends[1], bytes.data(), bytes.size()), ssize_t(bytes.size())); }
  void finish() { if (opened) ::close(ends[1]); opened = false; }
  int ends[2] = {-1, -1};
  bool opened = true;
};

}  // namespace

class FrameTest : public QObject {
  Q_OBJECT
 private slots:
  void framesComeBackInOrder() {
    Pipe pipe;
    const std::string large(300'000, 'x');
    std::thread writer([&] {
      QVERIFY(base::writeFrame(pipe.ends[1], "first"));
      QVERIFY(base::writeFrame(pipe.ends[1], ""));
      QVERIFY(base::writeFrame(pipe.ends[1], large));
      pipe.finish();
    });
    base::FrameReader reader(pipe.ends[0]);
    QCOMPARE(reader.read().value(), std::string("first"));
    QCOMPARE(reader.read().value(), std::string());
    QCOMPARE(reader.read().value(), large);
    QCOMPARE(reader.read().error().code, base::ErrorCode::kNotFound);
    writer.join();
  }

  // From here on: every way a peer can break the protocol.
  void badStreamsAreRefused_data() {
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<int>("code");
    const int invalid = int(base::ErrorCode::kInvalidInput), io = int(base::ErrorCode::kIo);
    QTest::newRow("no header") << QByteArray("hello\r\n\r\n") << invalid;
    QTest::newRow("negative") << QByteArray("Content-Length: -1\r\n\r\n") << invalid;
    QTest::newRow("not a number") << QByteArray("Content-Length: 5x\r\n\r\nhello") << invalid;
    QTest::newRow("too large") << QByteArray("Content-Length: 99999999999\r\n\r\n") << invalid;
    QTest::newRow("overflow") << QByteArray("Content-Length: 99999999999999999999999\r\n\r\n") << invalid;
    QTest::newRow("endless header") << QByteArray(1000, 'a') << invalid;
    QTest::newRow("cut header") << QByteArray("Content-Len") << io;
    QTest::newRow("cut body") << QByteArray("Content-Length: 9\r\n\r\nhello") << io;
  }
  void badStreamsAreRefused() {
    QFETCH(QByteArray, bytes);
    QFETCH(int, code);
    Pipe pipe;
    pipe.write({bytes.data(), size_t(bytes.size())});
    pipe.finish();
    const auto body = base::FrameReader(pipe.ends[0]).read();
    QVERIFY(!body);
    QCOMPARE(int(body.error().code), code);
  }
};

LECTERN_TEST(FrameTest)
#include "frame_test.moc"
