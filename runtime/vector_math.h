// exp, log, tanh, sigmoid, normal_cdf, pow, sin, cos and normal draws: the only place in Kiln with such formulas. libm
// is not used for floats because it picks variants by CPU, and vector calls to it become scalar ones.
//
// A scalar formula written once,
//     template <class T> T swish(T x) { using kiln::math::sigmoid; return x * sigmoid(x); }
// serves three types: double (libm: the reference), float (the polynomials below, plain scalar code) and a code
// generator's wrapper F of an LLVM vector of floats (the same polynomials).
//
// A wrapper F, with its integer type U (unsigned 32-bit lanes), supplies by argument-dependent lookup:
//     F: a + b, a - b, a * b, a / b, a < b, a > b, a == b (giving a mask type M; false on NaN), sqrt(a)
//     mul_add(a, b, c)      a * b + c, fused or not: both are accurate enough; the choice belongs to the ISA level
//     min(a, b), max(a, b)  a < b ? a : b and a > b ? a : b, hence b if either is NaN, as the x86 instructions do
//     select(M, a, b)       per lane
//     like(F, double)       a constant of this type
//     bit_cast_to_int(F), bit_cast_to_float(U)
//     U: + - & ^ |, << int, >> int (logical), to_float(U) (as a signed integer), like(U, uint32_t)
// and what counter_random.h asks for, if it wants normal draws. Emission must allow neither reassociation nor
// no-NaN/no-infinity assumptions; contraction of a * b + c is harmless.
//
// Errors are in units in the last place (ulp) against the exact value, for all float inputs, with FMA or without.
// Denormal inputs may count as zero and denormal results may be flushed to zero (emitted code runs with FTZ and DAZ).
//     exp      1.1  exp(-inf) = 0, exp(+inf) = +inf, NaN kept
//     expm1    1.6  exp(x) - 1 without cancellation; expm1(-inf) = -1, expm1(+inf) = +inf, NaN kept
//     log      1    log(0) = -inf, log(negative) = NaN, log(+inf) = +inf, NaN kept
//     log1p    2.5  log(1 + x) without loss of small x, for finite x > -1; NaN kept
//     tanh     1.5  odd; tanh(+-inf) = +-1, NaN kept
//     sigmoid  2.6  sigmoid(-inf) = 0, sigmoid(+inf) = 1, NaN kept
//     normal_cdf  6 for x > -1.3, absolute error 2^-24 below; normal_cdf(-inf) = 0, normal_cdf(+inf) = 1, NaN kept
//     pow(x, y) for x >= 0: 3 + |y log x| * 2; NaN for x < 0; pow(x, 0) = 1
//     sin, cos absolute error 2^-22 for |x| <= 8192; meaningless far beyond, NaN for +-inf
// Coefficients are those of the Cephes library's single-precision functions; those of normal_cdf are minimax fits to
// erf.
#pragma once

#include "runtime/counter_random.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace kiln::math {

// ----- the primitives for float, uint32_t and double

using random::like;
using random::to_float;
inline double like(double, double constant) { return constant; }
inline uint32_t bit_cast_to_int(float x) { return std::bit_cast<uint32_t>(x); }
inline float bit_cast_to_float(uint32_t bits) { return std::bit_cast<float>(bits); }
inline float mul_add(float a, float b, float c) { return a * b + c; }
inline double mul_add(double a, double b, double c) { return a * b + c; }
inline float min(float a, float b) { return a < b ? a : b; }
inline double min(double a, double b) { return a < b ? a : b; }
inline float max(float a, float b) { return a > b ? a : b; }
inline double max(double a, double b) { return a > b ? a : b; }
inline float select(bool mask, float a, float b) { return mask ? a : b; }
inline double select(bool mask, double a, double b) { return mask ? a : b; }
inline float sqrt(float x) { return std::sqrt(x); }
inline double sqrt(double x) { return std::sqrt(x); }

// ----- double: libm

inline double abs(double x) { return std::fabs(x); }
inline double exp(double x) { return std::exp(x); }
inline double expm1(double x) { return std::expm1(x); }
inline double log(double x) { return std::log(x); }
inline double log1p(double x) { return std::log1p(x); }
inline double tanh(double x) { return std::tanh(x); }
inline double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }
inline double normal_cdf(double x) { return 0.5 * std::erfc(x * -0.70710678118654752440); }
inline double pow(double x, double y) { return std::pow(x, y); }
inline double sin(double x) { return std::sin(x); }
inline double cos(double x) { return std::cos(x); }

// ----- float and vectors of float

template <class F> F abs(F x) {
  const auto bits = bit_cast_to_int(x);
  return bit_cast_to_float(bits & like(bits, uint32_t{0x7FFFFFFF}));
}

namespace detail {

// Adding this to |v| < 2^22 leaves round-to-nearest-even(v) in the low bits; subtracting it again gives that integer.
inline constexpr double round_magic = 0x1.8p23;

// ln 2 and pi / 2 in parts, the leading ones short enough that small integers times them are exact.
inline constexpr double ln2_high = 0.693359375;
inline constexpr double ln2_low = -2.12194440e-4;
inline constexpr double half_pi_high = 1.5703125;
inline constexpr double half_pi_middle = 4.837512969970703125e-4;
inline constexpr double half_pi_low = 7.54978995489188216e-8;

template <class F> struct SinCos {
  F sin;
  F cos;
};

template <class F> SinCos<F> sin_cos(F x) {
  const F magic = like(x, round_magic);
  const F shifted = mul_add(x, like(x, 0.636619772367581343), magic);
  const F n = shifted - magic;
  F r = mul_add(n, like(x, -half_pi_high), x);
  r = mul_add(n, like(x, -half_pi_middle), r);
  r = mul_add(n, like(x, -half_pi_low), r);
  const F z = r * r;
  F s = mul_add(like(x, -1.9515295891e-4), z, like(x, 8.3321608736e-3));
  s = mul_add(s, z, like(x, -1.6666654611e-1));
  s = mul_add(s * z, r, r);
  F c = mul_add(like(x, 2.443315711809948e-5), z, like(x, -1.388731625493765e-3));
  c = mul_add(c, z, like(x, 4.166664568298827e-2));
  c = mul_add(c * z, z, mul_add(like(x, -0.5), z, like(x, 1.0)));
  // Quadrant n mod 4: odd ones swap sine and cosine; signs follow bit 1 of n and of n + 1.
  const auto quadrant = bit_cast_to_int(shifted);
  const auto odd = to_float(quadrant & like(quadrant, uint32_t{1})) > like(x, 0.5);
  const auto two = like(quadrant, uint32_t{2});
  const auto sin_sign = (quadrant & two) << 30;
  const auto cos_sign = ((quadrant + like(quadrant, uint32_t{1})) & two) << 30;
  return {bit_cast_to_float(bit_cast_to_int(select(odd, c, s)) ^ sin_sign),
          bit_cast_to_float(bit_cast_to_int(select(odd, s, c)) ^ cos_sign)};
}

} // namespace detail

namespace detail {

// exp(x) = 2^n (1 + p), |p| < 0.42, 2^n given as a product of two powers.
template <class F> struct ExpParts {
  F p;
  F power0;
  F power1;
};

// For x from -104 to 89. With m = n + 256 and h = m / 2 the powers' exponents are h - 128 and n + 128 - h, both in
// range, and all integers here are positive.
template <class F> ExpParts<F> exp_parts(F x) {
  const F magic = like(x, round_magic);
  const F shifted = mul_add(x, like(x, 1.44269504088896341), magic);
  const F n = shifted - magic;
  F r = mul_add(n, like(x, -ln2_high), x);
  r = mul_add(n, like(x, -ln2_low), r);
  F p = mul_add(like(x, 1.9875691500e-4), r, like(x, 1.3981999507e-3));
  p = mul_add(p, r, like(x, 8.3334519073e-3));
  p = mul_add(p, r, like(x, 4.1665795894e-2));
  p = mul_add(p, r, like(x, 1.6666665459e-1));
  p = mul_add(p, r, like(x, 5.0000001201e-1));
  p = mul_add(p, r * r, r);
  const auto bits = bit_cast_to_int(shifted);
  const auto m = bits - like(bits, uint32_t{0x4B400000 - 256});
  const auto h = m >> 1;
  const auto one = like(bits, uint32_t{1});
  return {p, bit_cast_to_float((h - one) << 23), bit_cast_to_float((m - h - one) << 23)};
}

} // namespace detail

// exp(x) = 2^n exp(r), |r| <= ln(2) / 2.
template <class F> F exp(F x) {
  // Beyond these ends the result is infinite or rounds to zero; NaN passes, being the second operand.
  const auto parts = detail::exp_parts(max(like(x, -104.0), min(like(x, 89.0), x)));
  return (parts.p + like(x, 1.0)) * parts.power0 * parts.power1;
}

// exp(x) - 1 = b (a p + (a - 1 / b)), 2^n = a b: with n = 0 nothing is left of the bracket, and small x keep their
// digits.
template <class F> F expm1(F x) {
  // Below -26 the result rounds to -1.
  const auto parts = detail::exp_parts(max(like(x, -26.0), min(like(x, 89.0), x)));
  const F rest = parts.power0 - like(x, 1.0) / parts.power1;
  return mul_add(parts.power0, parts.p, rest) * parts.power1;
}

// log(x) = e ln(2) + log(1 + f), 1 + f in [sqrt(1/2), sqrt(2)).
template <class F> F log(F x) {
  constexpr uint32_t sqrt_half = 0x3F3504F3;
  const auto bits = bit_cast_to_int(x);
  const auto moved = bits + like(bits, uint32_t{0x3F800000 - sqrt_half});
  const F e = to_float((moved >> 23) - like(bits, uint32_t{127}));
  const F f = bit_cast_to_float((moved & like(bits, uint32_t{0x007FFFFF})) + like(bits, sqrt_half)) - like(x, 1.0);
  const F z = f * f;
  F p = mul_add(like(x, 7.0376836292e-2), f, like(x, -1.1514610310e-1));
  p = mul_add(p, f, like(x, 1.1676998740e-1));
  p = mul_add(p, f, like(x, -1.2420140846e-1));
  p = mul_add(p, f, like(x, 1.4249322787e-1));
  p = mul_add(p, f, like(x, -1.6668057665e-1));
  p = mul_add(p, f, like(x, 2.0000714765e-1));
  p = mul_add(p, f, like(x, -2.4999993993e-1));
  p = mul_add(p, f, like(x, 3.3333331174e-1));
  p = p * f * z;
  p = mul_add(e, like(x, detail::ln2_low), p);
  p = mul_add(like(x, -0.5), z, p);
  F result = mul_add(e, like(x, detail::ln2_high), f + p);
  constexpr double smallest = 0x1p-126;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  result = select(x < like(x, infinity), result, x); // +inf and NaN
  result = select(x < like(x, smallest), like(x, -infinity), result);
  return select(x > like(x, -smallest), result, like(x, std::numeric_limits<double>::quiet_NaN()));
}

// With u = 1 + x rounded, log(u) x / (u - 1) makes good what the rounding lost.
template <class F> F log1p(F x) {
  const F one = like(x, 1.0);
  const F u = x + one;
  return select(u == one, x, log(u) * (x / (u - one)));
}

template <class F> F tanh(F x) {
  const F a = abs(x);
  const F z = x * x;
  F p = mul_add(like(x, -5.70498872745e-3), z, like(x, 2.06390887954e-2));
  p = mul_add(p, z, like(x, -5.37397155531e-2));
  p = mul_add(p, z, like(x, 1.33314422036e-1));
  p = mul_add(p, z, like(x, -3.33332819422e-1));
  const F small = mul_add(p * z, a, a);
  const F one = like(x, 1.0);
  const F large = one - like(x, 2.0) / (exp(a + a) + one);
  const auto bits = bit_cast_to_int(x);
  const auto sign = bits & like(bits, uint32_t{0x80000000});
  return bit_cast_to_float(bit_cast_to_int(select(a < like(x, 0.625), small, large)) | sign);
}

template <class F> F sigmoid(F x) {
  const F one = like(x, 1.0);
  return one / (one + exp(like(x, 0.0) - x));
}

// (1 + erf(x / sqrt(2))) / 2. In the middle a polynomial for erf, further out the exponential of one for log(1 - erf),
// so that nothing cancels on the left.
template <class F> F normal_cdf(F x) {
  const F a = x * like(x, 0.70710678118654752440);
  const F t = abs(a);
  const F s = a * a;
  F p = mul_add(like(x, -5.96761703e-4), s, like(x, 4.99119423e-3));
  p = mul_add(p, s, like(x, -2.67681349e-2));
  p = mul_add(p, s, like(x, 1.12819925e-1));
  p = mul_add(p, s, like(x, -3.76125336e-1));
  p = mul_add(p, s, like(x, 1.28379166e-1));
  const F half = like(x, 0.5);
  const F middle = mul_add(half, mul_add(p, a, a), half);
  F q = mul_add(like(x, -1.72853470e-5), t, like(x, 3.83197126e-4));
  q = mul_add(q, s, mul_add(like(x, -3.88396438e-3), t, like(x, 2.42546219e-2)));
  q = mul_add(q, t, like(x, -1.06777877e-1));
  q = mul_add(q, t, like(x, -6.34846687e-1));
  q = mul_add(q, t, like(x, -1.28717512e-1));
  const F tail = half * exp(mul_add(q, t, like(x, 0.0) - t));
  const F outside = select(x < like(x, 0.0), tail, like(x, 1.0) - tail);
  return select(t > like(x, 0.927734375), outside, middle);
}

template <class F> F pow(F x, F y) { return select(y == like(y, 0.0), like(y, 1.0), exp(y * log(x))); }

template <class F> F sin(F x) { return detail::sin_cos(x).sin; }
template <class F> F cos(F x) { return detail::sin_cos(x).cos; }

// ----- normal draws

template <class F> struct NormalPair {
  F first;
  F second;
};

// Two independent draws of mean 0 and deviation 1 from two random words (Box-Muller). |value| < 5.8.
template <class U> auto normal_pair(U word0, U word1) {
  auto u = to_float((word0 >> 8) + like(word0, uint32_t{1}));
  u = u * like(u, 0x1p-24); // in (0, 1]: its logarithm is finite
  const auto radius = sqrt(like(u, -2.0) * log(u));
  const auto angle = random::uniform(word1) * like(u, 6.28318530717958648);
  const auto direction = detail::sin_cos(angle);
  return NormalPair<decltype(u)>{radius * direction.cos, radius * direction.sin};
}

// Element i takes one of a pair from the words of its block: {0, 1} give elements 0 and 1, {2, 3} give 2 and 3.
inline float draw_normal(uint64_t key, uint64_t element) {
  const random::Counter4<uint32_t> words = random::draw_block(key, element / 4);
  const uint64_t first = element % 4 & ~uint64_t{1};
  const NormalPair<float> pair = normal_pair(words.x[first], words.x[first + 1]);
  return element % 2 == 0 ? pair.first : pair.second;
}

} // namespace kiln::math
