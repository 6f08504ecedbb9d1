// Every float polynomial against double libm over all exponents, the special values, and normal draws.
#include "runtime/vector_math.h"

#include "runtime/cpu.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

namespace kiln::math {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr double smallest_normal = 0x1p-126;

// The distance in units of the float nearest to `exact`; results below the smallest normal count as flushed zeros.
double ulp_error(float got, double exact) {
  if (std::isnan(exact)) return std::isnan(got) ? 0 : infinity;
  const double magnitude = std::fabs(exact);
  if (magnitude < smallest_normal) return std::fabs(got) <= smallest_normal ? 0 : infinity;
  const auto rounded = static_cast<float>(exact);
  if (std::isinf(rounded)) {
    // Just beyond the largest float, that one is as good as infinity.
    return got == rounded || (magnitude < 0x1.000004p128 && std::fabs(got) > 0x1.fffff0p127f) ? 0 : infinity;
  }
  if (std::isinf(got)) return magnitude > 0x1.fffffcp127 ? 0 : infinity;
  int exponent;
  std::frexp(magnitude, &exponent);
  return std::fabs(got - exact) / std::ldexp(1.0, exponent - 24);
}

// Walks the bit patterns of all floats of both signs with a stride that meets every exponent thousands of times.
template <class Function, class Exact>
void check_everywhere(const char* name, double bound, Function&& function, Exact&& exact) {
  double worst = 0;
  float worst_x = 0;
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += 997) {
    float x = bit_cast_to_float(static_cast<uint32_t>(bits));
    if (std::fpclassify(x) == FP_SUBNORMAL) continue;
    const double error = ulp_error(function(x), exact(static_cast<double>(x)));
    if (error > worst) {
      worst = error;
      worst_x = x;
    }
  }
  EXPECT_LE(worst, bound) << name << "(" << worst_x << ") = " << function(worst_x) << ", exactly " << exact(worst_x);
}

// The range in which the function is neither constant nor infinite, densely.
template <class Function, class Exact>
void check_range(const char* name, double bound, float low, float high, Function&& function, Exact&& exact) {
  double worst = 0;
  float worst_x = low;
  const int steps = 2'000'000;
  for (int i = 0; i <= steps; ++i) {
    const auto x = static_cast<float>(low + (static_cast<double>(high) - low) * i / steps);
    const double error = ulp_error(function(x), exact(static_cast<double>(x)));
    if (error > worst) {
      worst = error;
      worst_x = x;
    }
  }
  EXPECT_LE(worst, bound) << name << "(" << worst_x << ") = " << function(worst_x) << ", exactly " << exact(worst_x);
}

double exact_exp(double x) { return std::exp(x); }
double exact_log(double x) { return std::log(x); }
double exact_tanh(double x) { return std::tanh(x); }
double exact_sigmoid(double x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }

TEST(VectorMath, ExpIsAccurate) {
  check_everywhere(
      "exp", 1.1, [](float x) { return exp(x); }, exact_exp);
  check_range(
      "exp", 1.1, -105, 90, [](float x) { return exp(x); }, exact_exp);
  check_range(
      "exp", 1.1, -1, 1, [](float x) { return exp(x); }, exact_exp);
}

TEST(VectorMath, LogIsAccurate) {
  check_everywhere(
      "log", 1, [](float x) { return log(x); }, exact_log);
  check_range(
      "log", 1, 0.25f, 4, [](float x) { return log(x); }, exact_log);
  check_range(
      "log", 1, 0.99f, 1.01f, [](float x) { return log(x); }, exact_log);
}

TEST(VectorMath, TanhIsAccurate) {
  check_everywhere(
      "tanh", 1.5, [](float x) { return tanh(x); }, exact_tanh);
  check_range(
      "tanh", 1.5, -10, 10, [](float x) { return tanh(x); }, exact_tanh);
  check_range(
      "tanh", 1.5, -1, 1, [](float x) { return tanh(x); }, exact_tanh);
}

TEST(VectorMath, SigmoidIsAccurate) {
  check_everywhere(
      "sigmoid", 2.6, [](float x) { return sigmoid(x); }, exact_sigmoid);
  check_range(
      "sigmoid", 2.6, -90, 20, [](float x) { return sigmoid(x); }, exact_sigmoid);
}

TEST(VectorMath, Expm1IsAccurate) {
  const auto function = [](float x) { return expm1(x); };
  const auto exact = [](double x) { return std::expm1(x); };
  check_everywhere("expm1", 1.6, function, exact);
  check_range("expm1", 1.6, -30, 90, function, exact);
  check_range("expm1", 1.6, -1, 1, function, exact);
}

TEST(VectorMath, Log1pIsAccurate) {
  const auto function = [](float x) { return log1p(x); };
  const auto exact = [](double x) { return std::log1p(x); };
  check_range("log1p", 2.5, -0.99f, 10, function, exact);
  check_range("log1p", 2.5, -0.01f, 0.01f, function, exact);
  check_range("log1p", 2.5, 0, 1e-6f, function, exact);
}

TEST(VectorMath, NormalCdfIsWithinItsStatedError) {
  const auto function = [](float x) { return normal_cdf(x); };
  const auto exact = [](double x) { return normal_cdf(x); };
  check_range("normal_cdf", 6, -1.3f, 10, function, exact);
  double worst = 0;
  for (float x = -1.3f; x > -40; x -= 1e-5f * -x) worst = std::max(worst, std::fabs(normal_cdf(x) - exact(x)));
  EXPECT_LE(worst, 0x1p-24);
}

TEST(VectorMath, FlushingDenormalsKeepsTheBounds) {
  const runtime::FlushDenormals flush;
  // libm's double results here are far from double denormals, so the mode does not touch them.
  check_range(
      "exp", 1.1, -105, 90, [](float x) { return exp(x); }, exact_exp);
  check_range(
      "sigmoid", 2.6, -90, 20, [](float x) { return sigmoid(x); }, exact_sigmoid);
  EXPECT_EQ(log(0x1p-130f), -infinity);
}

TEST(VectorMath, PowIsWithinItsStatedError) {
  for (const float y : {-2.0f, -0.75f, -0.5f, 0.5f, 0.75f, 1.0f, 2.5f, 10.0f}) {
    double worst = 0;
    for (float x = 1e-3f; x < 1e4f; x *= 1.0003f) {
      const double exact = std::pow(static_cast<double>(x), static_cast<double>(y));
      const double allowed = 3 + 2 * std::fabs(y * std::log(static_cast<double>(x)));
      worst = std::max(worst, ulp_error(pow(x, y), exact) / allowed);
    }
    EXPECT_LE(worst, 1) << "y = " << y;
  }
}

TEST(VectorMath, SinAndCosAreWithinTheirStatedError) {
  double worst = 0;
  for (int i = -4'000'000; i <= 4'000'000; ++i) {
    const float x = static_cast<float>(i) * (8192.0f / 4'000'000);
    worst = std::max(worst, std::fabs(sin(x) - std::sin(static_cast<double>(x))));
    worst = std::max(worst, std::fabs(cos(x) - std::cos(static_cast<double>(x))));
  }
  EXPECT_LE(worst, 0x1p-22);
  EXPECT_EQ(sin(0.0f), 0.0f);
  EXPECT_EQ(cos(0.0f), 1.0f);
  EXPECT_TRUE(std::isnan(sin(infinity)));
  EXPECT_TRUE(std::isnan(cos(not_a_number)));
}

TEST(VectorMath, SpecialValues) {
  EXPECT_EQ(exp(-infinity), 0.0f);
  EXPECT_EQ(exp(infinity), infinity);
  EXPECT_EQ(exp(0.0f), 1.0f);
  EXPECT_EQ(exp(-0.0f), 1.0f);
  EXPECT_EQ(exp(88.8f), infinity);
  EXPECT_EQ(exp(3e38f), infinity);
  EXPECT_TRUE(std::isnan(exp(not_a_number)));
  EXPECT_EQ(expm1(-infinity), -1.0f);
  EXPECT_EQ(expm1(infinity), infinity);
  EXPECT_EQ(expm1(0.0f), 0.0f);
  EXPECT_EQ(expm1(88.8f), infinity);
  EXPECT_TRUE(std::isnan(expm1(not_a_number)));
  EXPECT_EQ(log1p(0.0f), 0.0f);
  EXPECT_TRUE(std::isnan(log1p(not_a_number)));
  EXPECT_EQ(normal_cdf(-infinity), 0.0f);
  EXPECT_EQ(normal_cdf(infinity), 1.0f);
  EXPECT_EQ(normal_cdf(0.0f), 0.5f);
  EXPECT_TRUE(std::isnan(normal_cdf(not_a_number)));
  EXPECT_EQ(log(0.0f), -infinity);
  EXPECT_EQ(log(-0.0f), -infinity);
  EXPECT_EQ(log(infinity), infinity);
  EXPECT_EQ(log(1.0f), 0.0f);
  EXPECT_TRUE(std::isnan(log(-1.0f)));
  EXPECT_TRUE(std::isnan(log(-0x1p-126f)));
  EXPECT_TRUE(std::isnan(log(-infinity)));
  EXPECT_TRUE(std::isnan(log(not_a_number)));
  EXPECT_EQ(tanh(infinity), 1.0f);
  EXPECT_EQ(tanh(-infinity), -1.0f);
  EXPECT_EQ(tanh(0.0f), 0.0f);
  EXPECT_TRUE(std::signbit(tanh(-0.0f)));
  EXPECT_TRUE(std::isnan(tanh(not_a_number)));
  EXPECT_EQ(sigmoid(infinity), 1.0f);
  EXPECT_EQ(sigmoid(-infinity), 0.0f);
  EXPECT_EQ(sigmoid(0.0f), 0.5f);
  EXPECT_TRUE(std::isnan(sigmoid(not_a_number)));
  EXPECT_EQ(pow(0.0f, 0.0f), 1.0f);
  EXPECT_EQ(pow(0.0f, 2.0f), 0.0f);
  EXPECT_EQ(pow(0.0f, -2.0f), infinity);
  EXPECT_TRUE(std::isnan(pow(-1.0f, 2.0f)));
  EXPECT_TRUE(std::isnan(pow(2.0f, not_a_number)));
}

// A formula written once must pick libm for double, polynomials for float.
template <class T> T swish(T x) {
  using kiln::math::sigmoid;
  return x * sigmoid(x);
}

TEST(VectorMath, OneFormulaServesDoubleAndFloat) {
  EXPECT_DOUBLE_EQ(swish(1.5), 1.5 / (1 + std::exp(-1.5)));
  EXPECT_EQ(swish(1.5f), 1.5f * sigmoid(1.5f));
  EXPECT_EQ(max(1.0f, not_a_number) != max(1.0f, not_a_number), true) << "NaN as second operand is kept";
  EXPECT_EQ(min(not_a_number, 1.0f), 1.0f);
}

} // namespace
} // namespace kiln::math

// A stand-in for a code generator's wrapper: its primitives are found by argument-dependent lookup only.
namespace wrapped {

struct Mask {
  bool value;
};
struct Int {
  uint32_t value;
};
struct Float {
  float value;
};
Int operator+(Int a, Int b) { return {a.value + b.value}; }
Int operator-(Int a, Int b) { return {a.value - b.value}; }
Int operator*(Int a, Int b) { return {a.value * b.value}; }
Int operator&(Int a, Int b) { return {a.value & b.value}; }
Int operator|(Int a, Int b) { return {a.value | b.value}; }
Int operator^(Int a, Int b) { return {a.value ^ b.value}; }
Int operator<<(Int a, int count) { return {a.value << count}; }
Int operator>>(Int a, int count) { return {a.value >> count}; }
Int mul_hi(Int a, Int b) { return {kiln::random::mul_hi(a.value, b.value)}; }
Int like(Int, uint32_t constant) { return {constant}; }
Float operator+(Float a, Float b) { return {a.value + b.value}; }
Float operator-(Float a, Float b) { return {a.value - b.value}; }
Float operator*(Float a, Float b) { return {a.value * b.value}; }
Float operator/(Float a, Float b) { return {a.value / b.value}; }
Mask operator<(Float a, Float b) { return {a.value < b.value}; }
Mask operator>(Float a, Float b) { return {a.value > b.value}; }
Mask operator==(Float a, Float b) { return {a.value == b.value}; }
Float mul_add(Float a, Float b, Float c) { return {a.value * b.value + c.value}; }
Float min(Float a, Float b) { return {a.value < b.value ? a.value : b.value}; }
Float max(Float a, Float b) { return {a.value > b.value ? a.value : b.value}; }
Float select(Mask mask, Float a, Float b) { return mask.value ? a : b; }
Float sqrt(Float a) { return {std::sqrt(a.value)}; }
Float like(Float, double constant) { return {static_cast<float>(constant)}; }
Float to_float(Int a) { return {kiln::random::to_float(a.value)}; }
Int bit_cast_to_int(Float a) { return {kiln::math::bit_cast_to_int(a.value)}; }
Float bit_cast_to_float(Int a) { return {kiln::math::bit_cast_to_float(a.value)}; }

} // namespace wrapped

namespace kiln::math {
namespace {

TEST(VectorMath, AWrapperWithTheStatedPrimitivesGivesTheSameBits) {
  for (float x = -20; x < 20; x += 0.37f) {
    const wrapped::Float w{x};
    EXPECT_EQ(exp(w).value, exp(x));
    EXPECT_EQ(log(abs(w)).value, log(abs(x)));
    EXPECT_EQ(tanh(w).value, tanh(x));
    EXPECT_EQ(expm1(w).value, expm1(x));
    EXPECT_EQ(log1p(abs(w)).value, log1p(abs(x)));
    EXPECT_EQ(normal_cdf(w).value, normal_cdf(x));
    EXPECT_EQ(sigmoid(w).value, sigmoid(x));
    EXPECT_EQ(sin(w).value, sin(x));
    EXPECT_EQ(cos(w).value, cos(x));
    EXPECT_EQ(pow(abs(w), wrapped::Float{0.75f}).value, pow(abs(x), 0.75f));
  }
  for (uint32_t i = 0; i < 100; ++i) {
    const random::Counter4<wrapped::Int> words =
        random::philox<wrapped::Int>({{{i}, {0}, {0}, {0}}}, wrapped::Int{5}, wrapped::Int{6});
    const random::Counter4<uint32_t> plain = random::draw_block(uint64_t{6} << 32 | 5, i);
    EXPECT_EQ(words.x[3].value, plain.x[3]);
    EXPECT_EQ(random::uniform(words.x[2]).value, random::uniform(plain.x[2]));
    EXPECT_EQ(normal_pair(words.x[0], words.x[1]).second.value, normal_pair(plain.x[0], plain.x[1]).second);
  }
}

TEST(NormalDraws, MomentsAndTails) {
  const int count = 1 << 20;
  double sum = 0, squares = 0, fourth = 0, neighbours = 0;
  int beyond_two = 0;
  float last = 0;
  for (int i = 0; i < count; ++i) {
    const float x = draw_normal(99, static_cast<uint64_t>(i));
    ASSERT_TRUE(std::fabs(x) < 5.8f);
    sum += x;
    squares += x * x;
    fourth += std::pow(x, 4.0);
    neighbours += x * last;
    beyond_two += std::fabs(x) > 2;
    last = x;
  }
  EXPECT_NEAR(sum / count, 0, 4.0 / 1024);
  EXPECT_NEAR(squares / count, 1, 4 * 1.415 / 1024);
  EXPECT_NEAR(fourth / count, 3, 4 * 9.8 / 1024);
  EXPECT_NEAR(neighbours / count, 0, 4.0 / 1024);
  EXPECT_NEAR(static_cast<double>(beyond_two) / count, 0.0455, 4 * 0.2084 / 1024);
}

TEST(NormalDraws, ExtremeWordsAreFinite) {
  for (const uint32_t a : {0u, 0xFFFFFFFFu}) {
    for (const uint32_t b : {0u, 0x80000000u, 0xFFFFFFFFu}) {
      const NormalPair<float> pair = normal_pair(a, b);
      EXPECT_TRUE(std::isfinite(pair.first) && std::isfinite(pair.second));
    }
  }
}

} // namespace
} // namespace kiln::math
