// Eigenvectors of symmetric matrices, by LAPACK, and the products that decorrelation needs of them.
// Fortran's matrices are column-major: what it calls the upper triangle is our lower one, its column k our row k.
#include "tools/statistics/eigen.h"

#include "runtime/error.h"
#include "runtime/number_format.h"

#include <algorithm>
#include <cmath>

extern "C" {
void dsyevd_(const char* job, const char* triangle, const int* n, double* matrix, const int* stride, double* values,
             double* work, const int* work_size, int* integer_work, const int* integer_work_size, int* info);
void dgemm_(const char* transpose_a, const char* transpose_b, const int* m, const int* n, const int* k,
            const double* alpha, const double* a, const int* stride_a, const double* b, const int* stride_b,
            const double* beta, double* c, const int* stride_c);
}

namespace kiln::statistics {

Eigen symmetric_eigen(std::vector<double> matrix, int64_t n) {
  const int size = static_cast<int>(n);
  Eigen eigen;
  eigen.values.resize(static_cast<size_t>(n));
  double work_wanted = 0;
  int integer_work_wanted = 0, info = 0;
  const auto solve = [&](double* work, int work_size, int* integer_work, int integer_work_size) {
    dsyevd_("V", "U", &size, matrix.data(), &size, eigen.values.data(), work, &work_size, integer_work,
            &integer_work_size, &info);
    if (info != 0)
      throw runtime::Error(runtime::ErrorKind::runtime, "LAPACK's dsyevd failed with " + runtime::format_integer(info));
  };
  solve(&work_wanted, -1, &integer_work_wanted, -1);
  std::vector<double> work(static_cast<size_t>(work_wanted));
  std::vector<int> integer_work(static_cast<size_t>(integer_work_wanted));
  solve(work.data(), static_cast<int>(work.size()), integer_work.data(), integer_work_wanted);

  // Rising so far.
  std::reverse(eigen.values.begin(), eigen.values.end());
  eigen.vectors.resize(matrix.size());
  for (int64_t k = 0; k < n; ++k) {
    const double* from = matrix.data() + (n - 1 - k) * n;
    double largest = 0;
    for (int64_t i = 0; i < n; ++i)
      if (std::abs(from[i]) > std::abs(largest)) largest = from[i];
    const double sign = largest < 0 ? -1 : 1;
    for (int64_t i = 0; i < n; ++i) eigen.vectors[static_cast<size_t>(k * n + i)] = sign * from[i];
  }
  return eigen;
}

std::vector<double> transposed_product(const std::vector<double>& a, const std::vector<double>& b, int64_t k,
                                       int64_t n) {
  // Read by columns, ours are the transposed ones: c = transpose(a) b becomes transpose(c) = transpose(b) a.
  const int size = static_cast<int>(n), depth = static_cast<int>(k);
  const double one = 1, zero = 0;
  std::vector<double> c(static_cast<size_t>(n * n));
  dgemm_("N", "T", &size, &size, &depth, &one, b.data(), &size, a.data(), &size, &zero, c.data(), &size);
  return c;
}

} // namespace kiln::statistics
