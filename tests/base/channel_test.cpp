#include <QTest>
#include <thread>

#include "engine/base/channel.h"
#include "tests/support/test_main.h"

class ChannelTest : public QObject {
  Q_OBJECT
 private slots:
  void itemsArriveInOrderThroughASmallQueue() {
    base::Channel<int> channel(2);
    std::jthread sender([&](std::stop_token stop) {
      for (int i = 0; i < 1000; ++i) QVERIFY(channel.send(i, stop));
    });
    for (int i = 0; i < 1000; ++i) QCOMPARE(channel.receive({}).value(), i);
  }
  void aStoppedReceiverGivesUp() {
    base::Channel<int> channel(1);
    std::stop_source stop;
    std::jthread stopper([&] { stop.request_stop(); });
    QCOMPARE(channel.receive(stop.get_token()).error().code, base::ErrorCode::kCancelled);
  }
  void aStoppedSenderGivesUp() {
    base::Channel<int> channel(1);
    QVERIFY(channel.send(1, {}));
    std::stop_source stop;
    stop.request_stop();
    QCOMPARE(channel.send(2, stop.get_token()).error().code, base::ErrorCode::kCancelled);
  }
};

LECTERN_TEST(ChannelTest)
#include "channel_test.moc"
