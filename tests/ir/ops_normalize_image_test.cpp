// normalize_image: values worked by hand, costs, and what it refuses.
#include "ir/all_ops.h"
#include "tests/support/run_op.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::ir {
namespace {

using kiln::test::tensor;
using testing::ElementsAre;

TensorType f32(Dims dims) { return {DType::f32, std::move(dims), {}}; }
TensorType u8(Dims dims) { return {DType::u8, std::move(dims), {}}; }

Tensor run(const std::vector<Tensor>& operands) {
  std::vector<TensorType> types;
  for (const Tensor& operand : operands) types.push_back(types.empty() ? u8(operand.dims) : f32(operand.dims));
  return test::run_op<NormalizeImage>({}, operands, types);
}

// Two rows of one pixel of three channels.
const Tensor kImage = tensor({1, 2, 1, 3}, {0, 100, 200, 50, 150, 250});

TEST(NormalizeImage, ByChannel) {
  const Tensor dst = run({kImage, tensor({3}, {10, 100, 50}), tensor({3}, {1, 2, 0.5})});
  EXPECT_EQ(dst.dims, (Dims{1, 3, 2, 1}));
  EXPECT_THAT(dst.data, ElementsAre(-10, 40, 0, 100, 75, 100));
}

TEST(NormalizeImage, ByValueOfTheImage) {
  // Center and factor lie in channels, rows, columns.
  const Tensor dst = run({kImage, tensor({3, 2, 1}, {1, 2, 3, 4, 5, 6}), tensor({3, 2, 1}, {1, 10, 1, 0, 2, 1})});
  EXPECT_THAT(dst.data, ElementsAre(-1, 480, 97, 0, 390, 244));
  EXPECT_THAT(run({kImage, tensor({3, 2, 1}, {1, 2, 3, 4, 5, 6}), tensor({3}, {1, 1, 2})}).data,
              ElementsAre(-1, 48, 97, 146, 390, 488));
}

TEST(NormalizeImage, RotatesColours) {
  // The sum of the first two, and the last one.
  const Tensor dst =
      run({kImage, tensor({3}, {10, 100, 50}), tensor({3}, {1, 2, 0.5}), tensor({2, 3}, {1, 1, 0, 0, 0, 1})});
  EXPECT_EQ(dst.dims, (Dims{1, 2, 2, 1}));
  EXPECT_THAT(dst.data, ElementsAre(-10, 140, 75, 100));
}

std::string refusal(const std::vector<TensorType>& types) {
  try {
    NormalizeImage::infer({}, types);
  } catch (const TypeError& error) {
    return error.what();
  }
  return "";
}

TEST(NormalizeImage, Refuses) {
  const TensorType image = u8({2, 4, 5, 3});
  EXPECT_EQ(refusal({image, f32({3})}), "normalize_image: expected 3 operands (image, center, factor), got 2");
  EXPECT_EQ(refusal({{DType::i32, {2, 4, 5, 3}, {}}, f32({3}), f32({3})}),
            "normalize_image: image: expected u8 or f32, got i32[2,4,5,3]");
  EXPECT_EQ(refusal({u8({4, 5, 3}), f32({3}), f32({3})}), "normalize_image: image: expected rank 4, got u8[4,5,3]");
  EXPECT_EQ(refusal({image, f32({1}), f32({3})}), "normalize_image: center: expected f32[3] or f32[3,4,5], got f32[1]");
  EXPECT_EQ(refusal({image, f32({3}), f32({4, 5, 3})}),
            "normalize_image: factor: expected f32[3] or f32[3,4,5], got f32[4,5,3]");
  EXPECT_EQ(refusal({image, f32({3}), f32({3}), f32({3, 2})}),
            "normalize_image: rotation: expected 3 columns, one a channel, got f32[3,2]");
  EXPECT_EQ(refusal({image, f32({3}), f32({3}), f32({9})}), "normalize_image: rotation: expected rank 2, got f32[9]");
  EXPECT_EQ(refusal({image, f32({3}), f32({3}), f32({2, 3})}), "");
}

} // namespace
} // namespace kiln::ir
