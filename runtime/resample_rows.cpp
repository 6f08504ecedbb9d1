// The two inner loops of resampling, in whole numbers: the same bits from scalars and from vectors of any length.
// Products of pairs are summed by pmaddwd, so taps go two by two; of an odd one the partner weighs nothing.
#include "runtime/resample_rows.h"

#include "runtime/cpu.h"

#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace kiln::runtime {
namespace {

constexpr int line_shift = resample_weight_bits - resample_line_bits;
constexpr int out_shift = resample_weight_bits + resample_line_bits;
constexpr int32_t line_half = 1 << (line_shift - 1);
constexpr int32_t out_half = 1 << (out_shift - 1);

void weigh_rows_from(int64_t begin, const uint8_t* rows, int64_t row_bytes, std::span<const int16_t> weights,
                     int64_t width, int16_t* line) {
  for (int64_t at = begin; at < width; ++at) {
    int32_t sum = line_half;
    for (size_t row = 0; row < weights.size(); ++row)
      sum += weights[row] * rows[static_cast<int64_t>(row) * row_bytes + at];
    line[at] = static_cast<int16_t>(sum >> line_shift);
  }
}

void weigh_rows_scalar(const uint8_t* rows, int64_t row_bytes, std::span<const int16_t> weights, int64_t width,
                       int16_t* line) {
  weigh_rows_from(0, rows, row_bytes, weights, width, line);
}

void weigh_colours_scalar(const ResampleColumns& columns, const int16_t* line, uint8_t* out) {
  const int16_t* weights = columns.weights;
  for (int64_t first : columns.firsts) {
    for (int64_t channel = 0; channel < 3; ++channel) {
      int32_t sum = out_half;
      for (int64_t tap = 0; tap < columns.count; ++tap) sum += weights[tap] * line[first + 3 * tap + channel];
      *out++ = static_cast<uint8_t>(sum >> out_shift);
    }
    weights += columns.count;
  }
}

#if defined(__x86_64__)

// Two weights as pmaddwd takes them.
int32_t pair_of(const int16_t* weights) {
  int32_t pair = 0;
  memcpy(&pair, weights, sizeof pair);
  return pair;
}

// The rows of a pair of taps; where there is no second one, the first again.
struct RowPair {
  const uint8_t *first, *second;
  int32_t weights;
};

RowPair row_pair(const uint8_t* rows, int64_t row_bytes, std::span<const int16_t> weights, size_t row) {
  const uint8_t* first = rows + static_cast<int64_t>(row) * row_bytes;
  if (row + 1 < weights.size()) return {first, first + row_bytes, pair_of(&weights[row])};
  return {first, first, static_cast<uint16_t>(weights[row])};
}

void weigh_rows_sse2(const uint8_t* rows, int64_t row_bytes, std::span<const int16_t> weights, int64_t width,
                     int16_t* line) {
  constexpr int64_t at_once = 16;
  const __m128i zero = _mm_setzero_si128(), half = _mm_set1_epi32(line_half);
  int64_t at = 0;
  for (; at + at_once <= width; at += at_once) {
    __m128i sums[4] = {half, half, half, half};
    for (size_t row = 0; row < weights.size(); row += 2) {
      const RowPair pair = row_pair(rows, row_bytes, weights, row);
      const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(pair.first + at));
      const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(pair.second + at));
      const __m128i with = _mm_set1_epi32(pair.weights);
      const __m128i low = _mm_unpacklo_epi8(a, b), high = _mm_unpackhi_epi8(a, b);
      sums[0] = _mm_add_epi32(sums[0], _mm_madd_epi16(_mm_unpacklo_epi8(low, zero), with));
      sums[1] = _mm_add_epi32(sums[1], _mm_madd_epi16(_mm_unpackhi_epi8(low, zero), with));
      sums[2] = _mm_add_epi32(sums[2], _mm_madd_epi16(_mm_unpacklo_epi8(high, zero), with));
      sums[3] = _mm_add_epi32(sums[3], _mm_madd_epi16(_mm_unpackhi_epi8(high, zero), with));
    }
    for (__m128i& sum : sums) sum = _mm_srai_epi32(sum, line_shift);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(line + at), _mm_packs_epi32(sums[0], sums[1]));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(line + at + 8), _mm_packs_epi32(sums[2], sums[3]));
  }
  weigh_rows_from(at, rows, row_bytes, weights, width, line);
}

void weigh_colours_sse2(const ResampleColumns& columns, const int16_t* line, uint8_t* out) {
  const int16_t* weights = columns.weights;
  for (int64_t first : columns.firsts) {
    __m128i sum = _mm_set1_epi32(out_half); // of three channels, and a fourth that the next pixel overwrites
    for (int64_t tap = 0; tap < columns.count; tap += 2) {
      const int16_t* from = line + first + 3 * tap;
      const __m128i both = _mm_unpacklo_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from)),
                                              _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from + 3)));
      sum = _mm_add_epi32(sum, _mm_madd_epi16(both, _mm_set1_epi32(pair_of(weights + tap))));
    }
    const __m128i words = _mm_packs_epi32(_mm_srai_epi32(sum, out_shift), sum);
    const int32_t pixel = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
    memcpy(out, &pixel, sizeof pixel);
    weights += columns.count;
    out += 3;
  }
}

#define KILN_AVX2 __attribute__((target("avx2")))

template <int pairs> KILN_AVX2 int64_t weigh_row_pairs(const RowPair* rows, int64_t width, int16_t* line) {
  constexpr int64_t at_once = 32;
  const __m256i zero = _mm256_setzero_si256(), half = _mm256_set1_epi32(line_half);
  int64_t at = 0;
  for (; at + at_once <= width; at += at_once) {
    __m256i sum0 = half, sum1 = half, sum2 = half, sum3 = half;
    for (int pair = 0; pair < pairs; ++pair) {
      const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows[pair].first + at));
      const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows[pair].second + at));
      const __m256i with = _mm256_set1_epi32(rows[pair].weights);
      const __m256i low = _mm256_unpacklo_epi8(a, b), high = _mm256_unpackhi_epi8(a, b);
      sum0 = _mm256_add_epi32(sum0, _mm256_madd_epi16(_mm256_unpacklo_epi8(low, zero), with));
      sum1 = _mm256_add_epi32(sum1, _mm256_madd_epi16(_mm256_unpackhi_epi8(low, zero), with));
      sum2 = _mm256_add_epi32(sum2, _mm256_madd_epi16(_mm256_unpacklo_epi8(high, zero), with));
      sum3 = _mm256_add_epi32(sum3, _mm256_madd_epi16(_mm256_unpackhi_epi8(high, zero), with));
    }
    // Each half of 128 bits was unpacked by itself, and is packed so.
    const __m256i first = _mm256_packs_epi32(_mm256_srai_epi32(sum0, line_shift), _mm256_srai_epi32(sum1, line_shift));
    const __m256i second = _mm256_packs_epi32(_mm256_srai_epi32(sum2, line_shift), _mm256_srai_epi32(sum3, line_shift));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(line + at), _mm256_permute2x128_si256(first, second, 0x20));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(line + at + 16), _mm256_permute2x128_si256(first, second, 0x31));
  }
  return at;
}

KILN_AVX2 void weigh_rows_avx2(const uint8_t* rows, int64_t row_bytes, std::span<const int16_t> weights, int64_t width,
                               int16_t* line) {
  constexpr size_t most = 8;
  if (weights.size() > most) return weigh_rows_sse2(rows, row_bytes, weights, width, line);
  RowPair pairs[most / 2];
  for (size_t row = 0; row < weights.size(); row += 2) pairs[row / 2] = row_pair(rows, row_bytes, weights, row);
  int64_t done = 0;
  switch ((weights.size() + 1) / 2) {
  case 1:
    done = weigh_row_pairs<1>(pairs, width, line);
    break;
  case 2:
    done = weigh_row_pairs<2>(pairs, width, line);
    break;
  case 3:
    done = weigh_row_pairs<3>(pairs, width, line);
    break;
  default:
    done = weigh_row_pairs<4>(pairs, width, line);
  }
  weigh_rows_from(done, rows, row_bytes, weights, width, line);
}

// Two pixels at once, one in each half; two taps of a pixel by one load.
template <int known>
KILN_AVX2 void weigh_colour_pairs(const ResampleColumns& columns, const int16_t* line, uint8_t* out) {
  const int64_t count = known > 0 ? known : columns.count;
  const int16_t* weights = columns.weights;
  // r0 g0 b0 r1 g1 b1 x x -> r0 r1 g0 g1 b0 b1 x x
  const __m256i pairs =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11, 12, 13, 14, 15));
  const size_t pixels = columns.firsts.size();
  size_t pixel = 0;
  for (; pixel + 2 <= pixels; pixel += 2) {
    const int16_t* from_a = line + columns.firsts[pixel];
    const int16_t* from_b = line + columns.firsts[pixel + 1];
    __m256i sum = _mm256_set1_epi32(out_half);
    for (int64_t tap = 0; tap < count; tap += 2) {
      const __m256i both = _mm256_inserti128_si256(
          _mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from_a + 3 * tap))),
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(from_b + 3 * tap)), 1);
      const __m256i with = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_set1_epi32(pair_of(weights + tap))),
                                                   _mm_set1_epi32(pair_of(weights + count + tap)), 1);
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_shuffle_epi8(both, pairs), with));
    }
    sum = _mm256_srai_epi32(sum, out_shift);
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    const int64_t bytes = _mm_cvtsi128_si64(_mm_packus_epi16(words, words)); // r g b x r g b x
    const auto first = static_cast<int32_t>(bytes), second = static_cast<int32_t>(bytes >> 32);
    memcpy(out, &first, sizeof first);
    memcpy(out + 3, &second, sizeof second);
    weights += 2 * count;
    out += 6;
  }
  const ResampleColumns rest{columns.firsts.subspan(pixel), weights, count};
  if (pixel < pixels) weigh_colours_sse2(rest, line, out);
}

KILN_AVX2 void weigh_colours_avx2(const ResampleColumns& columns, const int16_t* line, uint8_t* out) {
  switch (columns.count) {
  case 2:
    return weigh_colour_pairs<2>(columns, line, out);
  case 4:
    return weigh_colour_pairs<4>(columns, line, out);
  default:
    return weigh_colour_pairs<0>(columns, line, out);
  }
}

#undef KILN_AVX2

#endif

} // namespace

ResampleRows scalar_resample_rows() { return {weigh_rows_scalar, weigh_colours_scalar}; }

ResampleRows choose_resample_rows() {
#if defined(__x86_64__)
  if (cpu_isa_level() >= IsaLevel::v3) return {weigh_rows_avx2, weigh_colours_avx2};
  return {weigh_rows_sse2, weigh_colours_sse2};
#else
  return scalar_resample_rows();
#endif
}

void weigh_greys(const ResampleColumns& columns, const int16_t* line, uint8_t* out) {
  const int16_t* weights = columns.weights;
  for (int64_t first : columns.firsts) {
    int32_t sum = out_half;
    for (int64_t tap = 0; tap < columns.count; ++tap) sum += weights[tap] * line[first + tap];
    *out++ = static_cast<uint8_t>(sum >> out_shift);
    weights += columns.count;
  }
}

} // namespace kiln::runtime
