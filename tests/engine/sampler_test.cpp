#include "engine/sampler.h"

#include <QTest>
#include <cmath>
#include <limits>
#include <map>

#include "tests/support/test_main.h"

namespace {

using engine::Sampler;
using engine::SamplerOptions;
using engine::TokenId;
using engine::TokenMask;

TokenMask everything(int n) {
  TokenMask mask(n);
  for (TokenId id = 0; id < n; ++id) mask.allow(id);
  return mask;
}

std::map<TokenId, int> count(const SamplerOptions& options, const std::vector<float>& logits,
                             const TokenMask& mask, int n) {
  Sampler sampler(options);
  std::map<TokenId, int> counts;
  for (int i = 0; i < n; ++i) ++counts[sampler.sample(logits, mask).value()];
  return counts;
}

}  // namespace

class SamplerTest : public QObject {
  Q_OBJECT
 private slots:
  void greedyTakesTheLowestIdOfATie() {
    Sampler sampler({});
    QCOMPARE(sampler.sample(std::vector<float>{1, 3, 3, 2}, everything(4)).value(), 1);
    TokenMask mask = everything(4);
    mask.forbid(1);
    QCOMPARE(sampler.sample(std::vector<float>{1, 3, 3, 2}, mask).value(), 2);
  }

  void frequenciesFollowTheProbabilities() {
    SamplerOptions options;
    options.temperature = 2;
    options.seed = 7;
    const std::vector<float> logits = {0, 2 * std::log(2.0f), 2 * std::log(5.0f), 40};
    TokenMask mask = everything(4);
    mask.forbid(3);
    const auto counts = count(options, logits, mask, 80'000);
    QCOMPARE(counts.size(), std::size_t{3});
    QVERIFY(std::abs(counts.at(0) - 10'000) < 500);
    QVERIFY(std::abs(counts.at(1) - 20'000) < 700);
    QVERIFY(std::abs(counts.at(2) - 50'000) < 800);
  }

  void equalSeedsGiveEqualTokens() {
    const std::vector<float> logits(1000, 0.5f);
    const auto draw = [&](std::uint64_t seed) {
      SamplerOptions options;
      options.temperature = 1;
      options.seed = seed;
      Sampler sampler(options);
      std::vector<TokenId> ids;
      for (int i = 0; i < 20; ++i) ids.push_back(sampler.sample(logits, everything(1000)).value());
      return ids;
    };
    QCOMPARE(draw(1), draw(1));
    QVERIFY(draw(1) != draw(2));
  }

  void topPKeepsTheLikeliest() {
    SamplerOptions options;
    options.temperature = 1;
    options.top_p = 0.7;
    std::vector<float> logits(2000, -30.0f);  // more than one sorting step
    logits[1500] = std::log(0.6f);
    logits[7] = std::log(0.3f);
    logits[900] = std::log(0.1f);
    const auto counts = count(options, logits, everything(2000), 3000);
    QCOMPARE(counts.size(), std::size_t{2});
    QVERIFY(std::abs(counts.at(1500) - 2000) < 150);
    options.top_p = 0;
    QCOMPARE(count(options, logits, everything(2000), 50).at(1500), 50);
  }

  void topPOfAFlatDistributionSortsEverything() {
    SamplerOptions options;
    options.temperature = 1;
    options.top_p = 0.5;
    const auto counts = count(options, std::vector<float>(1000, 1.0f), everything(1000), 20'000);
    QCOMPARE(counts.rbegin()->first, 499);
  }

  void minPDropsTheUnlikely() {
    SamplerOptions options;
    options.temperature = 1;
    options.min_p = 0.5;
    const std::vector<float> logits = {0, std::log(0.6f), std::log(0.4f)};
    QCOMPARE(count(options, logits, everything(3), 1000).size(), std::size_t{2});
  }

  void senselessOptionsStillChooseALikelyToken() {
    const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
    const std::vector<float> logits = {0, 9, 1};
    for (const double value : {nan, -1.0, 1e-300}) {
      SamplerOptions options;
      options.temperature = value;
      QCOMPARE(count(options, logits, everything(3), 10).at(1), 10);
    }
    for (const double value : {nan, -1.0, 2.0, infinity}) {
      SamplerOptions options;
      options.temperature = 1;
      options.min_p = value;
      QVERIFY(count(options, logits, everything(3), 100).at(1) > 90);
      options.min_p = 0;
      options.top_p = value;
      QVERIFY(count(options, logits, everything(3), 100).at(1) > 90);
    }
  }

  // From here on: what is refused.
  void brokenLogitsAreRefused() {
    Sampler sampler({});
    const float nan = std::nanf(""), infinity = std::numeric_limits<float>::infinity();
    for (const auto& logits : {std::vector<float>{nan, 1}, std::vector<float>{infinity, 1},
                               std::vector<float>{-infinity, -infinity}, std::vector<float>{}}) {
      const auto result = sampler.sample(logits, everything(2));
      QVERIFY(!result);
      QCOMPARE(result.error().code, base::ErrorCode::kNumerics);
    }
    QCOMPARE(sampler.sample(std::vector<float>{-infinity, 1}, everything(2)).value(), 1);
    QVERIFY(!sampler.sample(std::vector<float>{1, 2}, TokenMask(2)));
  }
};

LECTERN_TEST(SamplerTest)
#include "sampler_test.moc"
