#include <QTest>
#include <cstring>

#include "kernels/act_quant/act_quant.h"
#include "kernels/dtypes.h"
#include "kernels/embed/embed.h"
#include "kernels/index_pack/index_pack.h"
#include "kernels/kv_pack/kv_pack.h"
#include "kernels/mxfp4/mxfp4.h"
#include "tests/kernels/bundle.h"
#include "tests/kernels/compare.h"
#include "tests/support/golden.h"
#include "tests/support/test_main.h"

using namespace kernels;

namespace {

std::uint32_t bitsOf(float value) { return std::bit_cast<std::uint32_t>(value); }

bool sameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * 4) == 0;
}

std::vector<float> dequantized(const MatrixView& w) {
  std::vector<float> values(static_cast<std::size_t>(w.out * w.in));
  for (std::int64_t row = 0; row < w.out; ++row) dequantizeRow(w, row, values.data() + row * w.in);
  return values;
}

// Appendix A.3.
constexpr float kGroup[8] = {0.1f, -0.75f, 1.9f, 3.3125f, -5.0f, 0.01171875f, 7.875f, -0.0625f};

}  // namespace

class FormatsTest : public QObject {
  Q_OBJECT
 private slots:
  void everyCodeHasItsValue() {
    REQUIRE_GOLDEN(path, "unit/formats.safetensors");
    const support::Bundle golden(path);
    const auto e4m3 = golden.floats("e4m3_value"), e2m1 = golden.floats("e2m1_value");
    const auto ue8m0 = golden.doubles("ue8m0_value");
    for (int code = 0; code < 256; ++code) {
      const auto byte = static_cast<std::uint8_t>(code);
      if (std::isnan(e4m3[code])) {
        QVERIFY(std::isnan(e4m3ToFloat(byte)));
      } else {
        QCOMPARE(bitsOf(e4m3ToFloat(byte)), bitsOf(e4m3[code]));
      }
      if (code == 255) {
        QVERIFY(std::isnan(ue8m0ToFloat(byte)));
      } else {
        QCOMPARE(static_cast<double>(ue8m0ToFloat(byte)), ue8m0[code]);
      }
    }
    for (int code = 0; code < 16; ++code)
      QCOMPARE(bitsOf(e2m1ToFloat(static_cast<std::uint8_t>(code))), bitsOf(e2m1[code]));
  }

  void valuesBecomeTheNearestCode() {
    REQUIRE_GOLDEN(path, "unit/formats.safetensors");
    const support::Bundle golden(path);
    const auto e4m3_in = golden.floats("e4m3_in"), e2m1_in = golden.floats("e2m1_in");
    const auto bf16_in = golden.floats("bf16_in"), bf16_out = golden.floats("bf16_out");
    const auto e4m3_code = golden.bytes("e4m3_code"), e2m1_code = golden.bytes("e2m1_code");
    for (std::size_t i = 0; i < e4m3_in.size(); ++i)
      QCOMPARE(int{floatToE4m3(e4m3_in[i])}, int{e4m3_code[i]});
    for (std::size_t i = 0; i < e2m1_in.size(); ++i)
      QCOMPARE(int{floatToE2m1(e2m1_in[i])}, int{e2m1_code[i]});
    for (std::size_t i = 0; i < bf16_in.size(); ++i)
      QCOMPARE(bitsOf(roundBf16(bf16_in[i])), bitsOf(bf16_out[i]));
  }

  void scalesFollowThePowerOfTwoRule() {
    REQUIRE_GOLDEN(path, "unit/formats.safetensors");
    const support::Bundle golden(path);
    const auto amax = golden.floats("scale_amax");
    const auto fp8 = golden.ints("scale_exp_fp8"), fp4 = golden.ints("scale_exp_fp4");
    std::uint8_t codes[1];
    for (std::size_t i = 0; i < amax.size(); ++i) {
      QCOMPARE(std::int64_t{quantizeFp8Group(&amax[i], 1, codes)} - 127, fp8[i]);
      QCOMPARE(std::int64_t{quantizeFp4Group(&amax[i], 1, codes)} - 127, fp4[i]);
    }
  }

  void weightsDequantizeExactly() {
    REQUIRE_GOLDEN(path, "unit/formats.safetensors");
    const support::Bundle golden(path);
    const auto fp4 = golden.floats("fp4_dequant");
    QVERIFY(sameBits(dequantized(golden.matrix("fp4_weight", "fp4_scale")), fp4));
    QVERIFY(sameBits(dequantized(golden.matrix("fp8_weight", "fp8_scale")),
                     golden.floats("fp8_dequant")));
    QVERIFY(sameBits(dequantized(golden.matrix("fp4_as_fp8_weight", "fp4_as_fp8_scale")), fp4));
  }

  void everyHalfPrecisionCodeHasItsValue() {
    for (int code = 0; code < 0x10000; ++code) {
      const int exponent = code >> 10 & 31, mantissa = code & 0x3ff;
      const float value = f16ToFloat(static_cast<std::uint16_t>(code));
      QCOMPARE(std::signbit(value), code >= 0x8000);
      if (exponent == 31) {
        QVERIFY(mantissa == 0 ? std::isinf(value) : std::isnan(value));
        continue;
      }
      const double magnitude = exponent == 0 ? std::ldexp(mantissa, -24)
                                             : std::ldexp(mantissa + 1024, exponent - 25);
      QCOMPARE(static_cast<double>(std::abs(value)), magnitude);
    }
  }

  void ggmlBlocksHaveTheValuesOfFp4() {
    REQUIRE_GOLDEN(path, "unit/formats.safetensors");
    const support::Bundle golden(path);
    const auto blocks = golden.bytes("mxfp4_blocks");
    MatrixView w = golden.matrix("fp4_weight", "fp4_scale");
    w.data = reinterpret_cast<const std::byte*>(blocks.data());
    w.scale = nullptr;
    w.type = WeightType::kMxfp4;
    QVERIFY(sameBits(dequantized(w), golden.floats("fp4_dequant")));
  }

  void q8BlocksAreScaledIntegers() {
    std::vector<std::uint8_t> blocks(3 * kQ8BlockBytes);
    for (int block = 0; block < 3; ++block) {
      std::uint8_t* bytes = blocks.data() + block * kQ8BlockBytes;
      bytes[1] = block == 0 ? 0x38 : block == 1 ? 0xbc : 0x04;  // 0.5, -1, 2^-14
      for (int i = 0; i < 32; ++i) bytes[2 + i] = static_cast<std::uint8_t>(i * 8);
    }
    MatrixView w;
    w.data = reinterpret_cast<const std::byte*>(blocks.data());
    w.type = WeightType::kQ8_0;
    w.out = 1;
    w.in = 96;
    const auto values = dequantized(w);
    const float scales[3] = {0.5f, -1.0f, 0x1p-14f};
    for (int i = 0; i < 96; ++i)
      QCOMPARE(values[static_cast<std::size_t>(i)],
               scales[i / 32] * static_cast<float>(i % 32 < 16 ? i % 32 * 8 : i % 32 * 8 - 256));
  }

  void fp4MovesToGgmlBlocksAndBack() {
    REQUIRE_GOLDEN(path, "unit/formats.safetensors");
    const support::Bundle golden(path);
    const auto codes = golden.bytes("fp4_weight"), scales = golden.bytes("fp4_scale");
    const auto blocks = golden.bytes("mxfp4_blocks");
    const auto n = static_cast<std::int64_t>(codes.size()) * 2;
    std::vector<std::uint8_t> packed(blocks.size());
    packMxfp4(codes.data(), scales.data(), n, packed.data());
    QVERIFY(packed == blocks);
    std::vector<std::uint8_t> codes_again(codes.size()), scales_again(scales.size());
    unpackMxfp4(blocks.data(), n, codes_again.data(), scales_again.data());
    QVERIFY(codes_again == codes);
    QVERIFY(scales_again == scales);
  }

  void embeddingsAreCopiedIntoEveryStream() {
    REQUIRE_GOLDEN(path, "unit/formats.safetensors");
    const support::Bundle golden(path);
    const auto rows = golden.floats("fp8_dequant");
    const std::int32_t ids[3] = {199, 0, 77};
    std::vector<float> streams(3 * 4 * 256);
    embed({ids, golden.matrix("fp8_weight", "fp8_scale"), streams.data(), 3, 4});
    for (std::size_t i = 0; i < 12; ++i)
      QVERIFY(std::equal(streams.begin() + i * 256, streams.begin() + (i + 1) * 256,
                         rows.begin() + ids[i / 4] * 256));
  }

  // A part of an FP8 matrix keeps the scales of the tiles it lies in.
  void rowsOfAMatrixAreThatMatrix() {
    REQUIRE_GOLDEN(path, "unit/formats.safetensors");
    const support::Bundle golden(path);
    const MatrixView whole = golden.matrix("fp8_weight", "fp8_scale");
    const auto all = dequantized(whole);
    const auto part = dequantized(whole.rows(100, 100));
    QVERIFY(sameBits(part, {all.begin() + 100 * whole.in, all.end()}));
  }

  void activationsQuantizeInGroupsOfFp8() {
    REQUIRE_GOLDEN(path, "unit/act_quant.safetensors");
    const support::Bundle golden(path);
    const auto x = golden.floats("x");
    for (const std::size_t group : {64u, 128u}) {
      const std::string suffix = std::to_string(group);
      const auto codes = golden.bytes("q" + suffix), scales = golden.bytes("scale" + suffix);
      std::vector<std::uint8_t> actual(group);
      for (std::size_t g = 0; g < x.size() / group; ++g) {
        const int scale = quantizeFp8Group(x.data() + g * group, group, actual.data());
        QCOMPARE(scale, int{scales[g]});
        QVERIFY(std::equal(actual.begin(), actual.end(), codes.begin() + g * group));
      }
      std::vector<float> simulated(x.size());
      simulateFp8(x.data(), static_cast<std::int64_t>(x.size()), static_cast<std::int64_t>(group),
                  simulated.data());
      QVERIFY(sameBits(simulated, golden.floats("sim" + suffix)));
      std::fill(simulated.begin(), simulated.end(), -1.0f);
      simulateFp8Cpu(x.data(), static_cast<std::int64_t>(x.size()),
                     static_cast<std::int64_t>(group), simulated.data());
      QVERIFY(sameBits(simulated, golden.floats("sim" + suffix)));
    }
  }

  // Every value of the format's own test, in groups led by 448 so that the scale is one.
  void vectorsRoundAsSingleValuesDo() {
    REQUIRE_GOLDEN(path, "unit/formats.safetensors");
    const support::Bundle golden(path);
    for (const float value : golden.floats("e4m3_in")) {
      if (std::abs(value) > 448.0f) continue;
      std::vector<float> x(128, value), plain(128), vectors(128);
      x[5] = 448.0f;
      x[9] = -value;
      simulateFp8(x.data(), 128, 128, plain.data());
      simulateFp8Cpu(x.data(), 128, 128, vectors.data());
      QVERIFY(sameBits(vectors, plain));
      QCOMPARE(plain[0], e4m3ToFloat(floatToE4m3(value)));
    }
  }

  void activationsQuantizeInGroupsOfFp4() {
    REQUIRE_GOLDEN(path, "unit/fp4_act_quant.safetensors");
    const support::Bundle golden(path);
    const auto x = golden.floats("x"), sim = golden.floats("sim");
    const auto packed = golden.bytes("packed"), scales = golden.bytes("scale");
    std::uint8_t codes[32];
    for (std::size_t g = 0; g < x.size() / 32; ++g) {
      const std::uint8_t scale = quantizeFp4Group(x.data() + g * 32, 32, codes);
      QCOMPARE(int{scale}, int{scales[g]});
      for (std::size_t i = 0; i < 32; ++i) {
        const int expected = packed[g * 16 + i / 2] >> (i % 2 * 4) & 15;
        QCOMPARE(int{codes[i]}, expected);
        QCOMPARE(bitsOf(e2m1ToFloat(codes[i]) * ue8m0ToFloat(scale)), bitsOf(sim[g * 32 + i]));
      }
    }
  }

  void theSpecificationsGroupQuantizesAsPrinted() {
    std::uint8_t codes[8];
    const float fp8[8] = {3.25f, -24, 60, 104, -160, 0.375f, 256, -2};
    QCOMPARE(int{quantizeFp8Group(kGroup, 8, codes)}, 127 - 5);
    for (int i = 0; i < 8; ++i) QCOMPARE(e4m3ToFloat(codes[i]), fp8[i]);
    const float fp4[8] = {0, -0.5f, 1, 1.5f, -2, 0, 4, 0};
    QCOMPARE(int{quantizeFp4Group(kGroup, 8, codes)}, 127 + 1);
    for (int i = 0; i < 8; ++i) QCOMPARE(e2m1ToFloat(codes[i]), fp4[i]);
    const float zeros[8] = {};
    QCOMPARE(int{quantizeFp8Group(zeros, 8, codes)}, 127 - 22);
    QCOMPARE(int{quantizeFp4Group(zeros, 8, codes)}, 127 - 126);
    for (const std::uint8_t code : codes) QCOMPARE(int{code}, 0);
  }

  void hadamardMatchesBeforeAndAfterRounding() {
    REQUIRE_GOLDEN(path, "unit/hadamard.safetensors");
    const support::Bundle golden(path);
    for (const std::size_t n : {64u, 128u}) {
      const std::string suffix = std::to_string(n);
      auto exact = golden.floats("x" + suffix), rounded = exact;
      for (std::size_t row = 0; row < exact.size() / n; ++row) {
        hadamard(exact.data() + row * n, static_cast<std::int64_t>(n), Rounding::kNone);
        hadamard(rounded.data() + row * n, static_cast<std::int64_t>(n), Rounding::kBf16);
      }
      VERIFY_MATCH(support::elementMismatch(exact, golden.floats("y" + suffix + "_f32"), n, 2e-6));
      VERIFY_MATCH(support::bf16Mismatch(rounded, golden.floats("y" + suffix), 0.999));
    }
    float four[4] = {1, 2, 3, 4};  // Appendix A.3, there without the factor 1/2
    hadamard(four, 4, Rounding::kNone);
    QVERIFY(four[0] == 5 && four[1] == -1 && four[2] == -2 && four[3] == 0);
  }

  void kvRowsHaveTheLayoutOfTheSpecification() {
    const KvRowFormat full{.head_dim = 512};
    QCOMPARE(full.rowBytes(), std::int64_t{584});
    std::vector<float> row(512), back(512);
    for (int i = 0; i < 512; ++i) row[i] = roundBf16(std::sin(0.1f * static_cast<float>(i)) * 3.0f);
    std::vector<std::byte> packed(584, std::byte{0xaa});
    packKvRow(full, row.data(), packed.data());
    QCOMPARE(packed[583], std::byte{0});
    unpackKvRow(full, packed.data(), back.data());
    std::vector<float> simulated = row;
    simulateFp8(row.data(), 448, 64, simulated.data());
    QVERIFY(sameBits(back, simulated));
    // What was unpacked is on the grid: packing it again changes nothing.
    std::vector<std::byte> again(584);
    packKvRow(full, back.data(), again.data());
    std::vector<float> twice(512);
    unpackKvRow(full, again.data(), twice.data());
    QVERIFY(sameBits(twice, back));
  }

  void floatRowsComeBackUnchanged() {
    const KvRowFormat format{.head_dim = 128, .packing = RowPacking::kFloat};
    const IndexRowFormat index{.dim = 128, .packing = RowPacking::kFloat};
    QCOMPARE(format.rowBytes(), std::int64_t{512});
    std::vector<float> row(128), back(128);
    for (int i = 0; i < 128; ++i) row[i] = 1.0f / static_cast<float>(i + 3);
    std::vector<std::byte> packed(512);
    packKvRow(format, row.data(), packed.data());
    unpackKvRow(format, packed.data(), back.data());
    QVERIFY(sameBits(row, back));
    packIndexRow(index, row.data(), packed.data());
    unpackIndexRow(index, packed.data(), back.data());
    QVERIFY(sameBits(row, back));
  }
};

LECTERN_TEST(FormatsTest)
#include "formats_test.moc"
