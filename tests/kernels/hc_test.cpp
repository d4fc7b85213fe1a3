#include <QTest>

#include "tests/kernels/bundle.h"
#include "tests/kernels/compare.h"
#include "tests/kernels/operations.h"
#include "tests/support/golden.h"
#include "tests/support/test_main.h"

using namespace kernels;

namespace {

constexpr double kCoefficient = 2e-6;

// Appendix A.2.
constexpr float kPre[4] = {0.1978171f, 0.4214893f, 0.4667170f, 0.7211162f};
constexpr float kPost[4] = {0.7394796f, 1.1284531f, 1.0748597f, 0.9708416f};
constexpr float kComb[16] = {0.0598339f, 0.0882911f, 0.8117883f, 0.0400865f, 0.2946315f, 0.4347616f,
                             0.0732165f, 0.1973893f, 0.3080141f, 0.4545092f, 0.0311205f, 0.2063550f,
                             0.3375195f, 0.0224372f, 0.0838738f, 0.5561683f};

}  // namespace

class HcTest : public QObject {
  Q_OBJECT
 private slots:
  void splitMatches() {
    REQUIRE_GOLDEN(path, "unit/hc.safetensors");
    const support::Bundle golden(path);
    const auto mixes = golden.floats("split_mixes"), base = golden.floats("split_base"),
               scale = golden.floats("split_scale");
    const std::int64_t n = golden.dim("split_mixes", 0);
    std::vector<float> pre(n * 4), post(n * 4), comb(n * 16);
    for (std::int64_t t = 0; t < n; ++t)
      hcSplit(mixes.data() + t * 24, {nullptr, base.data(), scale.data()}, {}, pre.data() + t * 4,
              post.data() + t * 4, comb.data() + t * 16);
    VERIFY_MATCH(support::absoluteMismatch(pre, golden.floats("split_pre"), kCoefficient));
    VERIFY_MATCH(support::absoluteMismatch(post, golden.floats("split_post"), kCoefficient));
    VERIFY_MATCH(support::absoluteMismatch(comb, golden.floats("split_comb"), kCoefficient));
  }

  void theSpecificationsCoefficientsComeOut() {
    float mixes[24], base[24], pre[4], post[4], comb[16];
    const float scale[3] = {0.5f, 0.25f, 1.0f};
    for (int i = 0; i < 24; ++i) {
      mixes[i] = static_cast<float>(7 * i % 24 - 12) / 6.0f;
      base[i] = static_cast<float>(5 * i % 9 - 4) / 10.0f;
    }
    hcSplit(mixes, {nullptr, base, scale}, {}, pre, post, comb);
    VERIFY_MATCH(support::absoluteMismatch(pre, kPre, kCoefficient));
    VERIFY_MATCH(support::absoluteMismatch(post, kPost, kCoefficient));
    VERIFY_MATCH(support::absoluteMismatch(comb, kComb, kCoefficient));
  }

  void thePostStepTransposesComb_data() { bothVersions(); }
  void thePostStepTransposesComb() {
    FETCH_VERSION;
    float streams[4] = {1, -2, 0.5f, 3};
    const float f[1] = {0.7f}, expected[4] = {1.1547722f, 0.3032513f, 1.6849387f, 2.0965793f};
    HcPostArgs args;
    args.f = f;
    args.post = kPost;
    args.comb = kComb;
    args.streams = streams;
    args.shape.dim = 1;
    args.n = 1;
    args.rounding = Rounding::kNone;
    support::run(version, args);
    VERIFY_MATCH(support::absoluteMismatch(streams, expected, 1e-6));
  }

  void preMatches_data() { bothVersions(); }
  void preMatches() {
    FETCH_VERSION;
    REQUIRE_GOLDEN(path, "unit/hc.safetensors");
    const support::Bundle golden(path);
    const auto x = golden.floats("X"), fn = golden.floats("fn"), base = golden.floats("base"),
               scale = golden.floats("scale");
    HcPreArgs args;
    args.n = golden.dim("X", 0);
    args.shape.dim = golden.dim("X", 2);
    args.streams = x.data();
    args.parameters = {fn.data(), base.data(), scale.data()};
    std::vector<float> y(args.n * args.shape.dim), post(args.n * 4), comb(args.n * 16);
    args.y = y.data();
    args.post = post.data();
    args.comb = comb.data();
    support::run(version, args);
    VERIFY_MATCH(support::absoluteMismatch(post, golden.floats("post"), kCoefficient));
    VERIFY_MATCH(support::absoluteMismatch(comb, golden.floats("comb"), kCoefficient));
    VERIFY_MATCH(support::bf16Mismatch(y, golden.floats("y"), 0.995));
  }

  void postMatches_data() { bothVersions(); }
  void postMatches() {
    FETCH_VERSION;
    REQUIRE_GOLDEN(path, "unit/hc.safetensors");
    const support::Bundle golden(path);
    auto streams = golden.floats("X");
    const auto f = golden.floats("F"), post = golden.floats("post"), comb = golden.floats("comb");
    HcPostArgs args;
    args.n = golden.dim("X", 0);
    args.shape.dim = golden.dim("X", 2);
    args.streams = streams.data();
    args.f = f.data();
    args.post = post.data();
    args.comb = comb.data();
    support::run(version, args);
    VERIFY_MATCH(support::bf16Mismatch(streams, golden.floats("X_next"), 0.995));
  }

  void headMatches_data() { bothVersions(); }
  void headMatches() {
    FETCH_VERSION;
    REQUIRE_GOLDEN(path, "unit/hc.safetensors");
    const support::Bundle golden(path);
    const auto x = golden.floats("X"), fn = golden.floats("head_fn"),
               base = golden.floats("head_base"), scale = golden.floats("head_scale");
    HcHeadArgs args;
    args.n = golden.dim("X", 0);
    args.shape.dim = golden.dim("X", 2);
    args.streams = x.data();
    args.parameters = {fn.data(), base.data(), scale.data()};
    std::vector<float> y(args.n * args.shape.dim);
    args.y = y.data();
    support::run(version, args);
    VERIFY_MATCH(support::bf16Mismatch(y, golden.floats("head_y"), 0.995));
  }
};

LECTERN_TEST(HcTest)
#include "hc_test.moc"
