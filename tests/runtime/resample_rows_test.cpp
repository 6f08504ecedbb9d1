// The loops of resampling that this CPU runs against scalars: the same bits at every width and count.
#include "runtime/resample_rows.h"

#include "runtime/counter_random.h"

#include <gtest/gtest.h>
#include <vector>

namespace kiln::runtime {
namespace {

// Of a sum of 1, drawn.
std::vector<int16_t> draw_weights(int64_t count, uint64_t seed) {
  std::vector<int16_t> weights(static_cast<size_t>(count));
  int left = 1 << resample_weight_bits;
  for (int64_t tap = 0; tap + 1 < count; ++tap) {
    weights[static_cast<size_t>(tap)] =
        static_cast<int16_t>(random::draw(seed, static_cast<uint64_t>(tap)) % static_cast<uint32_t>(left / 2 + 1));
    left -= weights[static_cast<size_t>(tap)];
  }
  weights.back() = static_cast<int16_t>(left);
  return weights;
}

TEST(ResampleRows, OfAnyWidthAndCount) {
  const ResampleRows ours = choose_resample_rows(), scalar = scalar_resample_rows();
  for (int64_t width : {1, 15, 16, 17, 31, 32, 33, 100})
    for (int64_t count : {1, 2, 3, 4, 5, 7, 8, 9, 40}) {
      std::vector<uint8_t> rows(static_cast<size_t>(width * count));
      for (size_t at = 0; at < rows.size(); ++at)
        rows[at] = static_cast<uint8_t>(at % 7 == 0 ? 255 : random::draw(1, at));
      const std::vector<int16_t> weights = draw_weights(count, static_cast<uint64_t>(count));
      std::vector<int16_t> line(static_cast<size_t>(width), -1), expected = line;
      ours.weigh_rows(rows.data(), width, weights, width, line.data());
      scalar.weigh_rows(rows.data(), width, weights, width, expected.data());
      EXPECT_EQ(line, expected) << width << " of " << count;
    }
}

TEST(ResampleRows, OfAnyNumberOfPixels) {
  const ResampleRows ours = choose_resample_rows(), scalar = scalar_resample_rows();
  for (int64_t pixels : {1, 2, 3, 8, 13})
    for (int64_t count : {2, 4, 6, 8, 30}) {
      std::vector<int64_t> firsts;
      std::vector<int16_t> weights, line(static_cast<size_t>(3 * (2 * pixels + count) + 8));
      for (int64_t pixel = 0; pixel < pixels; ++pixel) {
        firsts.push_back(3 * (pixel + pixel / 2));
        const std::vector<int16_t> own = draw_weights(count, static_cast<uint64_t>(pixel));
        weights.insert(weights.end(), own.begin(), own.end());
      }
      for (size_t at = 0; at < line.size(); ++at)
        line[at] = static_cast<int16_t>(at % 5 == 0 ? 255 << 7 : random::draw(2, at) % ((255 << 7) + 1));
      const ResampleColumns columns{firsts, weights.data(), count};
      std::vector<uint8_t> out(static_cast<size_t>(3 * pixels + 1)), expected = out;
      ours.weigh_colours(columns, line.data(), out.data());
      scalar.weigh_colours(columns, line.data(), expected.data());
      out.back() = expected.back() = 0;
      EXPECT_EQ(out, expected) << pixels << " of " << count;
    }
}

} // namespace
} // namespace kiln::runtime
