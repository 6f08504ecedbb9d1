// Orthogonal and interpolating weights against their definitions.
#include "runtime/initializers.h"

#include "runtime/layout.h"

#include <cmath>
#include <gtest/gtest.h>
#include <vector>

namespace kiln::runtime {
namespace {

std::vector<float> initial(const std::vector<int64_t>& dims, kiln_initializer initializer, uint64_t seed = 1) {
  kiln_state state{};
  state.tensor.name = "w";
  state.tensor.dtype = KILN_F32;
  state.tensor.rank = static_cast<int32_t>(dims.size());
  int64_t count = 1;
  for (size_t i = 0; i < dims.size(); ++i) count *= state.tensor.dims[i] = dims[i];
  state.initializer = initializer;
  state.stream = 77;
  std::vector<float> values(static_cast<size_t>(count));
  initialize_state(state, seed, values.data());
  return values;
}

TEST(Initializers, OrthogonalRowsOrColumnsHaveTheLengthOfTheGain) {
  for (const auto& dims : {std::vector<int64_t>{8, 3, 3, 3}, {40, 10}, {16, 16}, {5, 1}}) {
    const std::vector<float> w = initial(dims, {KILN_INIT_ORTHOGONAL, 1.5f, 0});
    const int64_t rows = dims[0], columns = static_cast<int64_t>(w.size()) / rows;
    const bool by_rows = rows <= columns;
    const int64_t count = std::min(rows, columns), length = std::max(rows, columns);
    for (int64_t a = 0; a < count; ++a)
      for (int64_t b = 0; b <= a; ++b) {
        double product = 0;
        for (int64_t i = 0; i < length; ++i) {
          const int64_t at = by_rows ? a * columns + i : i * columns + a,
                        other = by_rows ? b * columns + i : i * columns + b;
          product += double{w[static_cast<size_t>(at)]} * double{w[static_cast<size_t>(other)]};
        }
        EXPECT_NEAR(product, a == b ? 2.25 : 0, 1e-6);
      }
  }
}

// Each entry of an evenly drawn orthogonal matrix has mean 0 and variance 1 / n.
TEST(Initializers, OrthogonalMatricesAreDrawnEvenly) {
  double sum = 0, squares = 0;
  constexpr int draws = 2000, n = 4;
  for (uint64_t seed = 0; seed < draws; ++seed) {
    const double first = double{initial({n, n}, {KILN_INIT_ORTHOGONAL, 1, 0}, seed)[0]};
    sum += first;
    squares += first * first;
  }
  EXPECT_NEAR(sum / draws, 0, 5 * std::sqrt(1.0 / n / draws));
  EXPECT_NEAR(squares / draws, 1.0 / n, 5 * 0.25 / std::sqrt(draws));
}

// Caffe's BilinearFiller, written out.
TEST(Initializers, BilinearIsTheTentOfBothSides) {
  const std::vector<float> w = initial({2, 2, 4, 4}, {KILN_INIT_BILINEAR, 0, 2});
  const double tent[] = {0.25, 0.75, 0.75, 0.25};
  for (size_t i = 0; i < 2; ++i)
    for (size_t o = 0; o < 2; ++o)
      for (size_t y = 0; y < 4; ++y)
        for (size_t x = 0; x < 4; ++x)
          EXPECT_FLOAT_EQ(w[((i * 2 + o) * 4 + y) * 4 + x], i == o ? static_cast<float>(tent[y] * tent[x]) : 0.0f);
  const std::vector<float> odd = initial({1, 1, 3, 3}, {KILN_INIT_BILINEAR, 0, 1});
  // f = 2, c = 3/4
  for (size_t y = 0; y < 3; ++y)
    for (size_t x = 0; x < 3; ++x)
      EXPECT_NEAR(odd[y * 3 + x],
                  (1 - std::abs(static_cast<double>(y) / 2 - 0.75)) * (1 - std::abs(static_cast<double>(x) / 2 - 0.75)),
                  1e-7);
}

// Inputs 0 and 1 are of the first group, 2 and 3 of the second.
TEST(Initializers, BilinearWorksByGroups) {
  const std::vector<float> w = initial({4, 2, 1, 1}, {KILN_INIT_BILINEAR, 0, 2});
  for (size_t i = 0; i < 4; ++i)
    for (size_t o = 0; o < 2; ++o) EXPECT_EQ(w[i * 2 + o] > 0, i % 2 == o);
}

} // namespace
} // namespace kiln::runtime
