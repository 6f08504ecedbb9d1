// Draws from beta distributions that are symmetric about 1/2.
#include "runtime/beta_draw.h"

#include "runtime/counter_random.h"
#include "runtime/vector_math.h"

namespace kiln::runtime {
namespace {

// In (0, 1).
float open_uniform(uint32_t word) { return random::uniform(word) + 0x1p-25f; }

// The logarithm of a gamma variate.
float draw_log_gamma(float alpha, uint64_t key) {
  // Below 1 by way of alpha + 1: G(alpha) = G(alpha + 1) U^(1 / alpha).
  const bool is_small = alpha < 1;
  const float d = (is_small ? alpha + 1 : alpha) - 1.0f / 3;
  const float c = 1 / math::sqrt(9 * d);
  for (uint64_t attempt = 0;; ++attempt) {
    const random::Counter4<uint32_t> words = random::draw_block(key, attempt);
    const float x = math::normal_pair(words.x[0], words.x[1]).first;
    const float root = 1 + c * x;
    if (!(root > 0)) continue;
    const float v = root * root * root, log_v = math::log(v);
    if (!(math::log(open_uniform(words.x[2])) < x * x / 2 + d - d * v + d * log_v)) continue;
    const float log_gamma = math::log(d) + log_v;
    return is_small ? log_gamma + math::log(open_uniform(words.x[3])) / alpha : log_gamma;
  }
}

} // namespace

float draw_beta(float alpha, uint64_t key) {
  const float first = draw_log_gamma(alpha, random::stream_key(key, uint64_t{0}, uint64_t{1}));
  const float second = draw_log_gamma(alpha, random::stream_key(key, uint64_t{0}, uint64_t{2}));
  return math::sigmoid(first - second);
}

} // namespace kiln::runtime
