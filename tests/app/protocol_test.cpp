#include <optional>
#include <thread>

#include <QTest>
#include <unistd.h>

#include "app/child_process.h"
#include "app/engine_protocol.h"
#include "app/engine_service.h"
#include "app/json_fields.h"
#include "engine/base/frame.h"
#include "tests/app/lectern_run.h"
#include "tests/support/test_main.h"

using engine::Json;

namespace {

// What the other side makes of a value.
template <class T>
T sent(const T& value) {
  const auto parsed = engine::parseJson(app::dumpJson(app::toJson(value)));
  T received;
  if (!parsed || !app::fromJson(*parsed, received))
    QTest::qFail("not received", __FILE__, __LINE__);
  return received;
}

// lectern-engine's service on pipes, in this process.
class Service {
 public:
  Service() {
    if (::pipe(to_) != 0 || ::pipe(from_) != 0) std::abort();
    reader_.emplace(from_[0]);
    thread_ = std::thread([this] {
      app::EngineService(to_[0], from_[1]).run();
      ::close(from_[1]);
    });
  }
  ~Service() {
    end();
    thread_.join();
    for (const int descriptor : {to_[0], from_[0]}) ::close(descriptor);
  }

  void end() {
    if (to_[1] >= 0) ::close(to_[1]);
    to_[1] = -1;
  }
  void say(const std::string& body) { (void)base::writeFrame(to_[1], body); }
  void ask(std::int64_t id, const std::string& method, Json params = Json::object()) {
    say(app::dumpJson(app::requestJson(id, method, std::move(params))));
  }
  // The next message; null at the end.
  Json hear() {
    const auto body = reader_->read();
    if (!body) return nullptr;
    const auto json = engine::parseJson(*body);
    return json ? *json : Json("no JSON");
  }
  std::string errorOf(const Json& reply) {
    return reply.contains("error") ? reply["error"]["data"].value("code", "") : "";
  }

 private:
  int to_[2] = {-1, -1}, from_[2] = {-1, -1};
  std::thread thread_;
  std::optional<base::FrameReader> reader_;
};

}  // namespace

class ProtocolTest : public QObject {
  Q_OBJECT
 private slots:
  void whatIsPrintedIsAscii() {
    QCOMPARE(app::asciiJson("\"plain\\n\""), std::string("\"plain\\n\""));
    QCOMPARE(app::asciiJson("\"a\xC3\xA9\xE2\x82\xAC" "b\xF0\x9F\x98\x80\""),
             std::string("\"a\\u00e9\\u20acb\\ud83d\\ude00\""));
    // A character that is cut off is an unknown one.
    QCOMPARE(app::asciiJson("x\xE2\x82y"), std::string("x\\ufffdy"));
    QCOMPARE(app::asciiJson(""), std::string());
  }

  void settingsArrive() {
    app::EngineSettings settings;
    settings.model = "/models/a b";
    settings.data = "/data";
    settings.backend = "reference";
    settings.numerics = "none";
    settings.n_threads = 3;
    settings.context_max = 4096;
    const app::EngineSettings received = sent(settings);
    QCOMPARE(received.model, settings.model);
    QCOMPARE(received.data, settings.data);
    QCOMPARE(received.backend, settings.backend);
    QCOMPARE(received.numerics, settings.numerics);
    QCOMPARE(received.n_threads, settings.n_threads);
    QCOMPARE(received.context_max, settings.context_max);
    QCOMPARE(received.cache_bytes_max, settings.cache_bytes_max);
  }

  void answersArrive() {
    engine::Generated generated;
    generated.reason = base::FinishReason::kStopped;
    generated.ids = {0, 1, 129279, 7};
    generated.text = "caf\u00e9 \U0001F4DA";
    generated.reasoning = "first";
    generated.quotes = {{{1, 4}, {100, 103}, 2}};
    generated.first_token_s = 0.25;
    generated.decode_s = 1.5;
    const engine::Generated received = sent(generated);
    QVERIFY(received.reason == generated.reason);
    QCOMPARE(received.ids, generated.ids);
    QCOMPARE(received.text, generated.text);
    QCOMPARE(received.reasoning, generated.reasoning);
    QCOMPARE(received.quotes.size(), std::size_t{1});
    QVERIFY(received.quotes[0].context == generated.quotes[0].context);
    QVERIFY(received.quotes[0].answer == generated.quotes[0].answer);
    QCOMPARE(received.quotes[0].n_places, std::int64_t{2});
    QCOMPARE(received.first_token_s, 0.25);
  }

  void decodeRequestsArrive() {
    app::DecodeRequest request;
    request.generate.sampler.temperature = 0.7;
    request.generate.sampler.seed = std::uint64_t{1} << 63;
    request.generate.n_tokens_max = 33;
    request.quotable = {{3, 9}, {12, 1'000'000}};
    request.thinking = true;
    const app::DecodeRequest received = sent(request);
    QCOMPARE(received.generate.sampler.temperature, 0.7);
    QCOMPARE(received.generate.sampler.seed, request.generate.sampler.seed);
    QCOMPARE(received.generate.n_tokens_max, 33);
    QVERIFY(received.quotable == request.quotable);
    QVERIFY(received.thinking);
  }

  void everyErrorCodeArrives() {
    for (int code = 0; code <= static_cast<int>(base::ErrorCode::kInternal); ++code) {
      const base::Error error{static_cast<base::ErrorCode>(code), "what", "next"};
      const base::Error received = app::errorFromJson(app::errorToJson(error));
      QVERIFY(received.code == error.code);
      QCOMPARE(received.message, error.message);
      QCOMPARE(received.hint, error.hint);
    }
  }

  void serviceAnswersUntilItsInputEnds() {
    Service service;
    service.ask(7, "stats");
    const Json reply = service.hear();
    QCOMPARE(reply["id"].get<int>(), 7);
    QVERIFY(reply["result"]["peak_rss_bytes"].get<std::int64_t>() > 0);
    service.end();
    QVERIFY(service.hear().is_null());
  }

  void shutdownIsAnsweredAndEndsTheProcess() {
    auto engine = app::ChildProcess::start(support::program("lectern-engine"), {});
    QVERIFY(engine.has_value());
    const auto request = app::dumpJson(app::requestJson(1, "shutdown", Json::object()));
    QVERIFY(base::writeFrame((*engine)->input(), request).has_value());
    base::FrameReader answers((*engine)->output());
    const auto answer = answers.read();
    QVERIFY(answer && answer->find("result") != std::string::npos);
    QVERIFY(!answers.read());
    const auto end = (*engine)->wait(10);
    QVERIFY(end && end->exit_code == 0);
  }

  // From here on: what a broken or hostile peer may send.

  void malformedFieldsAreRefused_data() {
    QTest::addColumn<QByteArray>("json");
    QTest::newRow("no object") << QByteArray("[1]");
    QTest::newRow("finish missing") << QByteArray("{}");
    QTest::newRow("tokens no base64")
        << QByteArray(R"({"finish":"end","tokens":"?","text":"","reasoning":"",)"
                      R"("first_token_s":0,"decode_s":0})");
    QTest::newRow("half a token") << QByteArray(
        R"({"finish":"end","tokens":"AAA=","text":"","reasoning":"",)"
        R"("first_token_s":0,"decode_s":0})");
    QTest::newRow("number for text")
        << QByteArray(R"({"finish":"end","tokens":"","text":1,"reasoning":"",)"
                      R"("first_token_s":0,"decode_s":0})");
    QTest::newRow("quotes no list")
        << QByteArray(R"({"finish":"end","tokens":"","text":"","reasoning":"",)"
                      R"("first_token_s":0,"decode_s":0,"quotes":3})");
  }
  void malformedFieldsAreRefused() {
    QFETCH(QByteArray, json);
    const auto parsed = engine::parseJson(json.toStdString());
    QVERIFY(parsed.has_value());
    engine::Generated generated;
    const auto status = app::fromJson(*parsed, generated);
    QVERIFY(!status);
    QVERIFY(status.error().code == base::ErrorCode::kInvalidInput);
  }

  void rangesThatRunBackwardsAreRefused() {
    app::DecodeRequest request;
    const auto json = engine::parseJson(R"({"quotable":[[9,3]]})");
    QVERIFY(!app::fromJson(*json, request));
  }

  void serviceSurvivesNonsense() {
    Service service;
    service.say("this is no JSON");
    QCOMPARE(service.hear()["error"]["code"].get<int>(), app::kParseError);
    service.say("[]");
    QCOMPARE(service.hear()["error"]["code"].get<int>(), app::kInvalidRequest);
    service.say(R"({"id": "seven", "method": "stats"})");
    QCOMPARE(service.hear()["error"]["code"].get<int>(), app::kInvalidRequest);
    service.ask(2, "dance");
    QCOMPARE(service.errorOf(service.hear()), std::string("unsupported"));
    service.ask(3, "sync", {{"sequence", 99}, {"tokens", ""}});
    QCOMPARE(service.errorOf(service.hear()), std::string("not_found"));
    service.ask(4, "open");
    QCOMPARE(service.errorOf(service.hear()), std::string("invalid_input"));
    service.ask(5, "load", {{"model", "/nowhere"}});
    QCOMPARE(service.errorOf(service.hear()), std::string("not_found"));
    service.ask(6, "stop", {{"request", 12345}});
    QVERIFY(service.hear().contains("result"));
    service.ask(8, "stats");
    QVERIFY(service.hear().contains("result"));
  }
};

LECTERN_TEST(ProtocolTest)
#include "protocol_test.moc"
