// Eigenvectors of matrices whose eigenvectors are known, and of one where only their properties are.
#include "tools/statistics/eigen.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::statistics {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;

TEST(Eigen, OfTwoByTwo) {
  // [2 1; 1 2] has 3 for (1, 1) and 1 for (1, -1). The upper triangle is not looked at.
  const Eigen eigen = symmetric_eigen({2, 99, 1, 2}, 2);
  const double side = std::sqrt(0.5);
  EXPECT_THAT(eigen.values, ElementsAre(DoubleNear(3, 1e-14), DoubleNear(1, 1e-14)));
  EXPECT_NEAR(eigen.vectors[0], side, 1e-14);
  EXPECT_NEAR(eigen.vectors[1], side, 1e-14);
  EXPECT_NEAR(std::abs(eigen.vectors[2]), side, 1e-14);
  EXPECT_NEAR(eigen.vectors[2] + eigen.vectors[3], 0, 1e-14);
}

TEST(Eigen, LargestEntriesArePositive) {
  // Of -diagonal matrices the unit vectors.
  const Eigen eigen = symmetric_eigen({-1, 0, 0, 0, 5, 0, 0, 0, 2}, 3);
  EXPECT_THAT(eigen.values, ElementsAre(5, 2, -1));
  EXPECT_THAT(eigen.vectors, ElementsAre(0, 1, 0, 0, 0, 1, 1, 0, 0));
}

TEST(Eigen, TurnsAMatrixIntoItsEigenvalues) {
  constexpr int64_t n = 60;
  std::vector<double> matrix(n * n);
  uint32_t state = 5;
  for (int64_t a = 0; a < n; ++a)
    for (int64_t b = 0; b <= a; ++b) {
      state = state * 1664525 + 1013904223;
      matrix[static_cast<size_t>(a * n + b)] = matrix[static_cast<size_t>(b * n + a)] = state / 4294967296.0 - 0.5;
    }
  const Eigen eigen = symmetric_eigen(matrix, n);
  const auto entry = [&](const std::vector<double>& of, int64_t row, int64_t i) {
    return of[static_cast<size_t>(row * n + i)];
  };
  for (int64_t k = 0; k < n; ++k) {
    EXPECT_LE(eigen.values[static_cast<size_t>(k)], eigen.values[static_cast<size_t>(k == 0 ? 0 : k - 1)]);
    double largest = 0;
    for (int64_t a = 0; a < n; ++a) {
      double product = 0;
      for (int64_t b = 0; b < n; ++b) product += entry(matrix, a, b) * entry(eigen.vectors, k, b);
      EXPECT_NEAR(product, eigen.values[static_cast<size_t>(k)] * entry(eigen.vectors, k, a), 1e-12);
      if (std::abs(entry(eigen.vectors, k, a)) > std::abs(largest)) largest = entry(eigen.vectors, k, a);
    }
    EXPECT_GT(largest, 0);
  }
  // Vectors behind each other are an orthogonal matrix.
  const std::vector<double> product = transposed_product(eigen.vectors, eigen.vectors, n, n);
  for (int64_t a = 0; a < n; ++a)
    for (int64_t b = 0; b < n; ++b) EXPECT_NEAR(entry(product, a, b), a == b ? 1 : 0, 1e-12);
}

TEST(Eigen, TransposedProduct) {
  // [1 2 3; 4 5 6]^T [1 0 1; 0 1 2]
  EXPECT_THAT(transposed_product({1, 2, 3, 4, 5, 6}, {1, 0, 1, 0, 1, 2}, 2, 3),
              ElementsAre(1, 4, 9, 2, 5, 12, 3, 6, 15));
}

} // namespace
} // namespace kiln::statistics
