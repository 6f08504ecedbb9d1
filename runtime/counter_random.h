// Counter-based random numbers (Philox4x32-10): the one source of randomness in Kiln, in the compiler's reference, in
// emitted code and in the runtime, bit for bit.
//
// A draw is a pure function of a 64-bit key and an index; nothing is stored. The key is
//     stream_key(seed, step or epoch, stream id)
// where the stream id comes from a layer's path (stream_id) and travels with the op. The index is the logical element
// index of the full batch in N, H, W, C order (for parameters: row-major in their logical dims), whatever the layout,
// strip, micro-batch or thread. One Philox call gives four 32-bit words, for the elements 4b .. 4b+3 where b is the
// 64-bit counter:  counter = {low half of b, high half of b, 0, 0},  key = {low half, high half of the key}.
//
// The templates take any unsigned 32-bit type U (64-bit W): a scalar, or a code generator's wrapper of an LLVM vector.
// A wrapper supplies, found by argument-dependent lookup:
//     a + b, a * b (low half), a ^ b, a >> int (logical)   and   mul_hi(a, b): the high half of the 64-bit product
//     like(a, uint32_t): a constant of a's type (for W: like(a, uint64_t))
// and for uniform() also:  to_float(U) (as a signed integer), like(F, double), F * F.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace kiln::random {

// ----- the primitives for scalars

inline uint32_t mul_hi(uint32_t a, uint32_t b) { return static_cast<uint32_t>((static_cast<uint64_t>(a) * b) >> 32); }
inline uint32_t like(uint32_t, uint32_t constant) { return constant; }
inline uint64_t like(uint64_t, uint64_t constant) { return constant; }
inline float like(float, double constant) { return static_cast<float>(constant); }
inline float to_float(uint32_t signed_bits) { return static_cast<float>(static_cast<int32_t>(signed_bits)); }

// ----- Philox

template <class U> struct Counter4 { U x[4]; };

// Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3" (SC 2011); ten rounds.
template <class U> Counter4<U> philox(Counter4<U> counter, U key0, U key1) {
  for (int round = 0; round < 10; ++round) {
    if (round > 0) {
      key0 = key0 + like(key0, uint32_t{0x9E3779B9});
      key1 = key1 + like(key1, uint32_t{0xBB67AE85});
    }
    const U multiplier0 = like(counter.x[0], uint32_t{0xD2511F53});
    const U multiplier1 = like(counter.x[2], uint32_t{0xCD9E8D57});
    const U high0 = mul_hi(multiplier0, counter.x[0]);
    const U low0 = multiplier0 * counter.x[0];
    const U high1 = mul_hi(multiplier1, counter.x[2]);
    const U low1 = multiplier1 * counter.x[2];
    counter = Counter4<U>{{high1 ^ counter.x[1] ^ key0, low1, high0 ^ counter.x[3] ^ key1, low0}};
  }
  return counter;
}

// A float in [0, 1): a multiple of 2^-24, so that the conversion is exact and 1 is never reached.
template <class U> auto uniform(U bits) {
  const auto value = to_float(bits >> 8);
  return value * like(value, 0x1p-24);
}

// ----- keys

// The output function of SplitMix64: a bijection in which every input bit moves every output bit.
template <class W> W mix(W z) {
  z = (z ^ (z >> 30)) * like(z, uint64_t{0xBF58476D1CE4E5B9});
  z = (z ^ (z >> 27)) * like(z, uint64_t{0x94D049BB133111EB});
  return z ^ (z >> 31);
}

// `when` is the optimiser step, or the epoch for shuffling; 0 for initialisation.
template <class W> W stream_key(W seed, W when, W stream) {
  const W gamma = like(seed, uint64_t{0x9E3779B97F4A7C15});
  W key = mix(seed + gamma);
  key = mix((key ^ when) + gamma);
  return mix((key ^ stream) + gamma);
}

// Stable id of a stream from a path such as "conv1.weight": FNV-1a, then mixed.
constexpr uint64_t stream_id(std::string_view path) {
  uint64_t hash = 0xCBF29CE484222325;
  for (const char c : path) hash = (hash ^ static_cast<unsigned char>(c)) * 0x00000100000001B3;
  hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9;
  hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EB;
  return hash ^ (hash >> 31);
}

// ----- scalar conveniences

// The words of elements 4 * block .. 4 * block + 3.
inline Counter4<uint32_t> draw_block(uint64_t key, uint64_t block) {
  const Counter4<uint32_t> counter{{static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32), 0, 0}};
  return philox(counter, static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32));
}

inline uint32_t draw(uint64_t key, uint64_t element) { return draw_block(key, element / 4).x[element % 4]; }

// An integer in [0, bound) by multiply-shift. Some values are likelier than others by at most bound / 2^32: one part
// in 70,000 for a data set of 60,000, far below what any training run could show.
inline uint32_t below(uint32_t word, uint32_t bound) { return mul_hi(word, bound); }

// Fisher-Yates: item i (from the last down) changes places with one of [0, i], drawn at index i.
inline void shuffle(uint64_t key, std::span<uint32_t> items) {
  for (size_t i = items.size(); i-- > 1;) {
    std::swap(items[i], items[below(draw(key, i), static_cast<uint32_t>(i + 1))]);
  }
}

// The order of an epoch's samples: a permutation of [0, items.size()), for data sets below 2^32 samples.
inline void fill_permutation(uint64_t seed, uint64_t epoch, std::span<uint32_t> items) {
  for (size_t i = 0; i < items.size(); ++i) items[i] = static_cast<uint32_t>(i);
  shuffle(stream_key(seed, epoch, stream_id("data.shuffle")), items);
}

} // namespace kiln::random
