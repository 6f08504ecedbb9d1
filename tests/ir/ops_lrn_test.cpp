// Local response normalisation: values by hand, and against the loop of ONNX's specification.
#include "ir/ops/lrn.h"

#include "ir/text.h"
#include "tests/support/finite_difference.h"
#include "tests/support/ir_files.h"
#include "tests/support/run_op.h"

#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::ir {
namespace {

using test::run_op;
using test::tensor;
using testing::DoubleNear;
using testing::Pointwise;

TEST(Lrn, DividesByThePowerOfItsNeighbourhood) {
  const Tensor src = tensor({1, 3, 1, 1}, {1, 2, 3});
  // alpha / size = 1: 1 + 1 + 4, 1 + 1 + 4 + 9, 1 + 4 + 9.
  EXPECT_THAT(run_op<Lrn>({3, 3, 1, 1}, {src}).data, Pointwise(DoubleNear(1e-12), {1. / 6, 2. / 15, 3. / 14}));
  // An even size has one neighbour more above: 1 + 1 + 4, 1 + 4 + 9, 1 + 9.
  EXPECT_THAT(run_op<Lrn>({2, 2, 1, 1}, {src}).data, Pointwise(DoubleNear(1e-12), {1. / 6, 2. / 14, 3. / 10}));
  EXPECT_THAT(run_op<Lrn>({1, 1, 0.5, 3}, {tensor({1, 1, 1, 2}, {1, -6})}).data,
              Pointwise(DoubleNear(1e-12), {1. / 2, -6. / std::sqrt(39.)}));
}

TEST(Lrn, PixelsAndSamplesDoNotMeet) {
  const Tensor both = run_op<Lrn>({5, 1, 0.75, 1}, {tensor({2, 2, 1, 2}, {1, 2, 3, 4, 5, 6, 7, 8})});
  const Tensor last = run_op<Lrn>({5, 1, 0.75, 1}, {tensor({1, 2, 1, 1}, {6, 8})});
  EXPECT_EQ(both[5], last[0]);
  EXPECT_EQ(both[7], last[1]);
}

TEST(Lrn, AgreesWithTheLoopOfItsSpecification) {
  const auto module = parse(test::read_text(KILN_SOURCE_DIR "/tests/shapes/lrn.ir"));
  for (const auto& function : module->functions()) {
    SCOPED_TRACE(function->name());
    const Node& node = *function->nodes().front();
    const auto& a = node.attributes<Lrn>();
    const Tensor src = test::random_tensor(node.operand(0).type.dims, 1);
    const int64_t C = src.dims[1], pixels = src.dims[2] * src.dims[3];
    const double n = static_cast<double>(a.size);
    std::vector<double> expected(src.data.size());
    for (int64_t sample = 0; sample < src.dims[0]; ++sample)
      for (int64_t c = 0; c < C; ++c)
        for (int64_t p = 0; p < pixels; ++p) {
          double squares = 0;
          for (int64_t i = std::max<int64_t>(0, c - static_cast<int64_t>(std::floor((n - 1) / 2)));
               i <= std::min(C - 1, c + static_cast<int64_t>(std::ceil((n - 1) / 2))); ++i)
            squares += std::pow(src[(sample * C + i) * pixels + p], 2);
          const int64_t e = (sample * C + c) * pixels + p;
          expected[static_cast<size_t>(e)] = src[e] / std::pow(a.k + a.alpha / n * squares, a.beta);
        }
    EXPECT_THAT(run_op<Lrn>(a, {src}).data, Pointwise(DoubleNear(1e-12), expected));
  }
}

} // namespace
} // namespace kiln::ir
