// Eigenvectors of symmetric matrices, by LAPACK, and the products that decorrelation needs of them.
// For the tools alone: what the runtime gets is the result.
#pragma once

#include <cstdint>
#include <vector>

namespace kiln::statistics {

struct Eigen {
  std::vector<double> values;  // falling
  std::vector<double> vectors; // row k belongs to values[k]; of length 1, its entry of largest magnitude is positive
};

// Of a matrix of n x n whose lower triangle is given, row-major. Throws runtime::Error (runtime) if LAPACK fails.
Eigen symmetric_eigen(std::vector<double> matrix, int64_t n);

// transpose(a) b of two k x n matrices, row-major: n x n.
std::vector<double> transposed_product(const std::vector<double>& a, const std::vector<double>& b, int64_t k,
                                       int64_t n);

} // namespace kiln::statistics
