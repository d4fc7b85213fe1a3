// The engine as a real process, ended by force at moments nobody chose.
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <random>
#include <thread>

#include <QElapsedTimer>
#include <QTemporaryDir>
#include <QTest>

#include "app/engine_client.h"
#include "app/engine_restart.h"
#include "tests/app/lectern_run.h"
#include "tests/support/test_main.h"

using base::ErrorCode;
using base::TokenId;

namespace {

constexpr int kKills = 8;

app::EngineSettings settingsFor(const QTemporaryDir& data) {
  app::EngineSettings settings;
  settings.program = support::program("lectern-engine");
  settings.model = support::bundledModel();
  settings.data = data.path().toStdString();
  settings.log_file = settings.data / "engine.log";
  return settings;
}

std::vector<TokenId> tokensOf(int n) {
  std::vector<TokenId> tokens{0};
  for (int i = 1; i < n; ++i) tokens.push_back((i * 131 + i / 7) % 4096 + 64);
  return tokens;
}

app::DecodeRequest greedy(int n_tokens, std::int64_t n_context) {
  app::DecodeRequest request;
  request.generate.n_tokens_max = n_tokens;
  request.quotable = {{1, n_context - 1}};
  return request;
}

}  // namespace

class EngineProcessTest : public QObject {
  Q_OBJECT
 private slots:
  void readsAndAnswers() {
    QTemporaryDir data;
    app::EngineClient client(settingsFor(data));
    const auto info = client.load({});
    QVERIFY2(info, info ? "" : info.error().message.c_str());
    QCOMPARE(info->model_name, std::string("lectern-mini"));
    const auto sequence = client.openSequence({});
    QVERIFY(sequence);
    const auto tokens = tokensOf(300);
    int n_reports = 0;
    const auto synced = client.sync(*sequence, tokens, "key",
                                    [&](const base::Progress&) { ++n_reports; }, {});
    QVERIFY2(synced, synced ? "" : synced.error().message.c_str());
    QCOMPARE(synced->n_prefilled, std::int64_t{300});
    QVERIFY(n_reports > 0);
    std::string streamed;
    const auto answer = client.decode(
        *sequence, greedy(16, 300), [&](const base::AnswerDelta& delta) { streamed += delta.text; },
        {});
    QVERIFY2(answer, answer ? "" : answer.error().message.c_str());
    QCOMPARE(streamed, answer->text);
    const auto pins = client.pins({});
    QVERIFY(pins);
    QCOMPARE(pins->size(), std::size_t{1});
    QCOMPARE(pins->front().n_tokens, std::int64_t{300});
  }

  void whatWasReadIsPickedUpByTheNextProcess() {
    QTemporaryDir data;
    const auto tokens = tokensOf(2300);
    for (const bool again : {false, true}) {
      app::EngineClient client(settingsFor(data));
      const auto sequence = client.openSequence({});
      QVERIFY(sequence);
      const auto synced = client.sync(*sequence, tokens, "key", {}, {});
      QVERIFY2(synced, synced ? "" : synced.error().message.c_str());
      QCOMPARE(synced->n_reused, std::int64_t{again ? 2300 : 0});
    }
  }

  void forksAndRewindsAreIndependent() {
    QTemporaryDir data;
    app::EngineClient client(settingsFor(data));
    const auto first = client.openSequence({});
    const auto tokens = tokensOf(200);
    QVERIFY(client.sync(*first, tokens, "", {}, {}));
    const auto second = client.fork(*first, {});
    QVERIFY(second);
    QVERIFY(client.rewind(*first, 100, {}));
    const auto of_second = client.decode(*second, greedy(8, 200), {}, {});
    QVERIFY(client.sync(*first, tokens, "", {}, {}));
    const auto of_first = client.decode(*first, greedy(8, 200), {}, {});
    QVERIFY(of_first && of_second);
    QCOMPARE(of_first->ids, of_second->ids);
    client.close(*second);
    QVERIFY(!client.decode(*second, greedy(1, 200), {}, {}));
  }

  void stopEndsAReadingAndKeepsIt() {
    QTemporaryDir data;
    app::EngineClient client(settingsFor(data));
    const auto sequence = client.openSequence({});
    const auto tokens = tokensOf(6000);
    std::stop_source stop;
    const auto stopped = client.sync(
        *sequence, tokens, "key",
        [&](const base::Progress& at) {
          if (at.n_done >= 2048) stop.request_stop();
        },
        stop.get_token());
    QVERIFY(!stopped);
    QVERIFY(stopped.error().code == ErrorCode::kCancelled);
    QCOMPARE(client.nStarts(), 1);
    client.restart();
    const auto resumed = client.sync(*sequence, std::span(tokens).first(4000), "key", {}, {});
    QVERIFY2(resumed, resumed ? "" : resumed.error().message.c_str());
    QVERIFY(resumed->n_reused >= 2048);
  }

  void stopEndsAnAnswerWithWhatWasSaid() {
    QTemporaryDir data;
    app::EngineClient client(settingsFor(data));
    const auto sequence = client.openSequence({});
    QVERIFY(client.sync(*sequence, tokensOf(100), "", {}, {}));
    std::stop_source stop;
    app::DecodeRequest request = greedy(4000, 100);
    request.generate.sampler.temperature = 5;  // rambles on
    const auto answer = client.decode(
        *sequence, request, [&](const base::AnswerDelta&) { stop.request_stop(); },
        stop.get_token());
    QVERIFY2(answer, answer ? "" : answer.error().message.c_str());
    QVERIFY(answer->reason == base::FinishReason::kStopped ||
            answer->reason == base::FinishReason::kEnd);
  }

  // From here on: every way an engine can be lost.

  void killedAtAnyMomentItComesBackWithTheSameAnswer() {
    const std::uint64_t seed = support::testSeed("engine kills");
    std::mt19937_64 random(seed);
    const auto tokens = tokensOf(2100);
    const auto request = greedy(48, 2100);
    std::vector<TokenId> expected;
    std::uint64_t usual_us = 0;  // what the work takes when nobody disturbs it
    {
      QTemporaryDir undisturbed;
      app::EngineClient client(settingsFor(undisturbed));
      const auto sequence = client.openSequence({});
      QElapsedTimer timer;
      timer.start();
      QVERIFY(client.sync(*sequence, tokens, "key", {}, {}));
      const auto answer = client.decode(*sequence, request, {}, {});
      QVERIFY(answer);
      expected = answer->ids;
      usual_us = static_cast<std::uint64_t>(timer.nsecsElapsed() / 1000);
    }
    int n_noticed = 0;
    for (int kill = 0; kill < kKills; ++kill) {
      QTemporaryDir data;
      app::EngineClient client(settingsFor(data));
      QVERIFY(client.load({}));
      const pid_t pid = client.pid();
      const auto delay = std::chrono::microseconds(random() % usual_us);
      std::jthread killer([pid, delay](std::stop_token ended) {
        std::mutex mutex;
        std::unique_lock lock(mutex);
        std::condition_variable_any never;
        never.wait_for(lock, ended, delay, [] { return false; });
        if (!ended.stop_requested()) ::kill(pid, SIGKILL);
      });
      std::string sentence;
      const auto answer = app::withRestarts(
          [&]() -> base::Result<engine::Generated> {
            TRY_ASSIGN(const auto sequence, client.openSequence({}));
            TRY(client.sync(sequence, tokens, "key", {}, {}));
            return client.decode(sequence, request, {}, {});
          },
          [&](const base::Error& error) { sentence = error.message; });
      QVERIFY2(answer, answer ? "" : answer.error().message.c_str());
      QCOMPARE(answer->ids, expected);
      if (!sentence.empty()) {
        ++n_noticed;
        QVERIFY2(sentence.find("signal 9") != std::string::npos, sentence.c_str());
      }
    }
    std::printf("%d kills, %d while it worked, 0 lost\n", kKills, n_noticed);
  }

  void killedWhileItWaitsItIsStartedByTheNextCall() {
    QTemporaryDir data;
    app::EngineClient client(settingsFor(data));
    const auto sequence = client.openSequence({});
    const auto tokens = tokensOf(100);
    QVERIFY(client.sync(*sequence, tokens, "", {}, {}));
    ::kill(client.pid(), SIGKILL);
    const auto answer = app::withRestarts(
        [&] { return client.decode(*sequence, greedy(4, 100), {}, {}); }, {});
    QVERIFY2(answer, answer ? "" : answer.error().message.c_str());
    QCOMPARE(client.nStarts(), 2);
  }

  void anEngineThatKeepsDyingStaysDownUntilRestart() {
    QTemporaryDir data;
    app::EngineSettings settings = settingsFor(data);
    settings.program = "/bin/false";
    app::EngineClient client(settings);
    for (int i = 0; i < 3; ++i) {
      const auto loaded = client.load({});
      QVERIFY(!loaded);
      QVERIFY(loaded.error().code == ErrorCode::kEngineStopped);
    }
    const int n_starts = client.nStarts();
    const auto refused = client.load({});
    QVERIFY(!refused && !refused.error().hint.empty());
    QCOMPARE(client.nStarts(), n_starts);
    client.restart();
    QVERIFY(!client.load({}));
    QCOMPARE(client.nStarts(), n_starts + 1);
  }

  void aMissingProgramIsNamed() {
    QTemporaryDir data;
    app::EngineSettings settings = settingsFor(data);
    settings.program = "/nowhere/lectern-engine";
    app::EngineClient client(settings);
    const auto loaded = client.load({});
    QVERIFY(!loaded);
    QVERIFY(loaded.error().code == ErrorCode::kNotFound);
    QVERIFY(loaded.error().message.find("/nowhere/lectern-engine") != std::string::npos);
  }

  void badRequestsLeaveTheEngineUsable() {
    QTemporaryDir data;
    app::EngineClient client(settingsFor(data));
    const auto sequence = client.openSequence({});
    QVERIFY(sequence);
    const std::vector<TokenId> foreign{0, 1'000'000};
    const auto refused = client.sync(*sequence, foreign, "", {}, {});
    QVERIFY(!refused && refused.error().code == ErrorCode::kInvalidInput);
    QVERIFY(!client.decode(*sequence, greedy(1, 10), {}, {}));
    app::DecodeRequest outside;
    outside.quotable = {{0, 5000}};
    const auto tokens = tokensOf(20);
    QVERIFY(client.sync(*sequence, tokens, "", {}, {}));
    QVERIFY(!client.decode(*sequence, outside, {}, {}));
    QVERIFY(client.decode(*sequence, greedy(1, 20), {}, {}));
    QCOMPARE(client.nStarts(), 1);
  }

  void aLongerContextThanAllowedIsRefusedBeforeAnyWork() {
    QTemporaryDir data;
    app::EngineSettings settings = settingsFor(data);
    settings.context_max = 128;
    app::EngineClient client(settings);
    const auto sequence = client.openSequence({});
    const auto refused = client.sync(*sequence, tokensOf(129), "", {}, {});
    QVERIFY(!refused && refused.error().code == ErrorCode::kTooLarge);
  }
};

LECTERN_TEST(EngineProcessTest)
#include "engine_process_test.moc"
