// Which BLIS kernels serve which ISA level, the products themselves, and that several threads may ask at once.
#include "runtime/blas.h"

#include "runtime/counter_random.h"
#include "runtime/error.h"
#include "runtime/memory_block.h"

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <thread>
#include <utility>
#include <vector>

namespace kiln::runtime {
namespace {

struct Choice {
  IsaLevel level;
  const char* kernels;
};
constexpr Choice choices[] = {
    {IsaLevel::baseline, "generic"}, {IsaLevel::v2, "penryn"}, {IsaLevel::v3, "haswell"}, {IsaLevel::v4, "skx"}};

// BLIS decides once in a process: each check runs in a fresh one, which reports by its exit code.
class BlisChoice : public ::testing::TestWithParam<Choice> {
protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    unsetenv("BLIS_ARCH_TYPE");
  }
};
INSTANTIATE_TEST_SUITE_P(Levels, BlisChoice, ::testing::ValuesIn(choices),
                         [](const auto& info) { return info.param.kernels; });

// Matrices that end at a guard page: whoever reads beyond them ends in a signal.
void multiply_guarded_matrices() {
  for (const auto& [transpose_a, transpose_b] : {std::pair(0, 0), std::pair(0, 1), std::pair(1, 0)})
    for (int64_t m = 1; m <= 17; ++m)
      for (int64_t n : {1, 2, 3, 10, 16, 17, 33})
        for (int64_t k : {1, 3, 7, 8, 9, 16, 17, 25}) {
          const auto block = [](int64_t floats) { return MemoryBlock::allocate_guarded(floats * 4); };
          const MemoryBlock a = block(m * k), b = block(k * n), c = block(m * n);
          const auto floats = [](const MemoryBlock& memory) { return reinterpret_cast<float*>(memory.data()); };
          sgemm(transpose_a, transpose_b, m, n, k, floats(a), transpose_a ? m : k, floats(b), transpose_b ? k : n, 0,
                floats(c), n);
        }
}

TEST_P(BlisChoice, ReadsNothingBeyondTheMatrices) {
  if (GetParam().level > cpu_isa_level()) GTEST_SKIP() << "this CPU lacks " << name_of(GetParam().level);
  EXPECT_EXIT(
      {
        select_blis_kernels(GetParam().level);
        multiply_guarded_matrices();
        std::exit(0);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST_P(BlisChoice, DependsOnTheLevelOnly) {
  if (GetParam().level > cpu_isa_level()) GTEST_SKIP() << "this CPU lacks " << name_of(GetParam().level);
  EXPECT_EXIT(
      {
        select_blis_kernels(GetParam().level);
        const bool clean = std::getenv("BLIS_ARCH_TYPE") == nullptr;
        std::exit(blis_kernels() == GetParam().kernels && clean ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(BlisChoiceDeathTest, TheUsersVariableWins) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        setenv("BLIS_ARCH_TYPE", "5", 1); // Penryn in BLIS 0.9
        select_blis_kernels(cpu_isa_level());
        std::exit(blis_kernels() == "penryn" && std::getenv("BLIS_ARCH_TYPE") ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(BlisChoiceDeathTest, ChoosingTooLateIsAnError) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  if (cpu_isa_level() < IsaLevel::v2) GTEST_SKIP() << "one choice only on this CPU";
  EXPECT_EXIT(
      {
        unsetenv("BLIS_ARCH_TYPE");
        select_blis_kernels(IsaLevel::baseline);
        try {
          select_blis_kernels(IsaLevel::v2);
        } catch (const Error& error) {
          std::exit(error.kind == ErrorKind::runtime && error.message.find("generic") != std::string::npos ? 0 : 1);
        }
        std::exit(2);
      },
      ::testing::ExitedWithCode(0), "");
}

std::vector<float> random_values(uint64_t key, int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    values[static_cast<size_t>(i)] = random::uniform(random::draw(key, static_cast<uint64_t>(i))) - 0.5f;
  }
  return values;
}

struct Product {
  bool transpose_a;
  bool transpose_b;
  int64_t m, n, k;
  float beta;
};

class Sgemm : public ::testing::TestWithParam<Product> {
protected:
  void SetUp() override { select_blis_kernels(cpu_isa_level()); }
};
INSTANTIATE_TEST_SUITE_P(Products, Sgemm,
                         ::testing::Values(Product{false, false, 1, 1, 1, 0}, Product{false, false, 64, 500, 800, 0},
                                           Product{false, true, 64, 500, 800, 0}, Product{true, false, 500, 800, 64, 1},
                                           Product{true, true, 33, 17, 129, 0.5f}, Product{false, true, 1, 10, 500, 1},
                                           Product{false, false, 7, 10, 0, 0}, Product{false, false, 7, 10, 0, 2},
                                           Product{false, false, 7, 0, 5, 0}, Product{false, false, 0, 3, 5, 0},
                                           Product{true, false, 300, 5, 300, 0}));

// Leading dimensions exceed the rows by a little; what lies between must stay.
TEST_P(Sgemm, AgreesWithDouble) {
  const Product p = GetParam();
  const int64_t lda = (p.transpose_a ? p.m : p.k) + 3;
  const int64_t ldb = (p.transpose_b ? p.k : p.n) + 1;
  const int64_t ldc = p.n + 2;
  const std::vector<float> a = random_values(1, lda * ((p.transpose_a ? p.k : p.m) + 1));
  const std::vector<float> b = random_values(2, ldb * ((p.transpose_b ? p.n : p.k) + 1));
  const std::vector<float> before = random_values(3, ldc * (p.m + 1));
  std::vector<float> c = before;
  if (p.beta == 0) { // beta 0 must overwrite, not multiply
    for (int64_t i = 0; i < p.m; ++i) {
      for (int64_t j = 0; j < p.n; ++j) c[static_cast<size_t>(i * ldc + j)] = std::numeric_limits<float>::quiet_NaN();
    }
  }
  sgemm(p.transpose_a, p.transpose_b, p.m, p.n, p.k, a.data(), lda, b.data(), ldb, p.beta, c.data(), ldc);
  const double bound_factor = (2 + std::sqrt(static_cast<double>(p.k))) * 0x1p-24;
  for (int64_t i = 0; i <= p.m; ++i) {
    for (int64_t j = 0; j < ldc; ++j) {
      const auto at = static_cast<size_t>(i * ldc + j);
      if (i == p.m || j >= p.n) {
        ASSERT_EQ(c[at], before[at]) << "written beyond the result at " << i << ", " << j;
        continue;
      }
      double sum = p.beta * static_cast<double>(before[at]);
      double magnitude = std::fabs(sum);
      for (int64_t l = 0; l < p.k; ++l) {
        const double x = a[static_cast<size_t>(p.transpose_a ? l * lda + i : i * lda + l)];
        const double y = b[static_cast<size_t>(p.transpose_b ? j * ldb + l : l * ldb + j)];
        sum += x * y;
        magnitude += std::fabs(x * y);
      }
      ASSERT_LE(std::fabs(c[at] - sum), bound_factor * magnitude) << "at " << i << ", " << j;
    }
  }
}

// Statistics call from every thread of the pool. Different sizes at once exercise BLIS's shared buffer pools.
TEST(SgemmThreads, ConcurrentCallsGiveTheBitsOfOneThread) {
  select_blis_kernels(cpu_isa_level());
  const Product shapes[] = {{false, true, 64, 500, 800, 0},
                            {true, false, 500, 800, 64, 0},
                            {false, false, 64, 800, 500, 0},
                            {false, true, 64, 10, 500, 0},
                            {false, false, 5, 7, 9, 0}};
  const std::vector<float> a = random_values(4, 500 * 800);
  const std::vector<float> b = random_values(5, 500 * 800);
  const auto multiply = [&](const Product& p) {
    std::vector<float> c(static_cast<size_t>(p.m * p.n));
    sgemm(p.transpose_a, p.transpose_b, p.m, p.n, p.k, a.data(), p.transpose_a ? p.m : p.k, b.data(),
          p.transpose_b ? p.k : p.n, 0, c.data(), p.n);
    return c;
  };
  std::vector<std::vector<float>> expected;
  for (const Product& p : shapes) expected.push_back(multiply(p));
  std::atomic<int> different = 0;
  const auto hammer = [&](int first) {
    for (int i = 0; i < 60; ++i) {
      const auto s = static_cast<size_t>((first + i) % 5);
      const std::vector<float> c = multiply(shapes[s]);
      if (std::memcmp(c.data(), expected[s].data(), c.size() * sizeof(float)) != 0) ++different;
    }
  };
  std::vector<std::thread> threads;
  for (int t = 0; t < 5; ++t) threads.emplace_back(hammer, t);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(different, 0);
}

} // namespace
} // namespace kiln::runtime
