// Resizing: forward and backward walk the same pairs of pixels with the same weights.
#include "ir/ops/resize.h"

#include "ir/ops/expect.h"

namespace kiln::ir {

namespace {

constexpr int64_t kLimit = int64_t{1} << 30; // positions times steps stay far below 2^63

void expect_line(std::string_view op, std::string_view what, const std::array<int64_t, 3>& line) {
  const auto& [step, offset, denominator] = line;
  if (step < 0 || step > kLimit || std::max(offset, -offset) > kLimit || denominator < 1 || denominator > kLimit)
    refuse(op, what, "a step of at least 0, an offset and a denominator of at least 1, up to 2^30",
           fmt::format("[{}]", fmt::join(line, ",")));
}

Dims infer_dst(std::string_view op, const Resize::Attributes& attributes, const Dims& src) {
  expect_dims(op, "src", src);
  expect_line(op, "rows", attributes.rows);
  expect_line(op, "columns", attributes.columns);
  Dims dst{src[0], src[1], attributes.size[0], attributes.size[1]};
  expect_dims(op, "size", dst);
  if (std::max({src[2], src[3], dst[2], dst[3]}) > kLimit)
    refuse(op, "size", "sides of at most 2^30", fmt::format("{}x{} and {}x{}", src[2], src[3], dst[2], dst[3]));
  return dst;
}

// Calls visit(src offset, dst offset, weight) for every term of the sums, in row-major order of dst.
template <class Visit>
void for_each_term(const Resize::Attributes& attributes, const Dims& src, const Dims& dst, Visit visit) {
  const ResizeAxis rows{src[2], attributes.rows};
  const ResizeAxis columns{src[3], attributes.columns};
  int64_t d = 0;
  for (int64_t plane = 0; plane < src[0] * src[1]; ++plane)
    for (int64_t y = 0; y < dst[2]; ++y)
      for (int64_t x = 0; x < dst[3]; ++x, ++d) {
        const auto term = [&](int64_t row, int64_t column, double weight) {
          visit((plane * src[2] + row) * src[3] + column, d, weight);
        };
        if (attributes.mode == ResizeMode::nearest) {
          term(rows.lower(y), columns.lower(x), 1);
          continue;
        }
        const double down = rows.upper_weight(y);
        const double right = columns.upper_weight(x);
        term(rows.lower(y), columns.lower(x), (1 - down) * (1 - right));
        term(rows.lower(y), columns.upper(x), (1 - down) * right);
        term(rows.upper(y), columns.lower(x), down * (1 - right));
        term(rows.upper(y), columns.upper(x), down * right);
      }
}

} // namespace

std::vector<TensorType> Resize::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<Resize>().name;
  expect_count(op, operands, {"src"});
  expect_dtype(op, "src", operands[0], DType::f32);
  expect_rank(op, "src", operands[0], {4});
  return {TensorType{DType::f32, infer_dst(op, attributes, operands[0].dims), {}}};
}

void Resize::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& src = frame.operand(0);
  Tensor& dst = frame.result();
  for_each_term(attributes, src.dims, dst.dims,
                [&](int64_t s, int64_t d, double weight) { dst[d] += src[s] * weight; });
}

void Resize::gradient(GradientBuilder& builder, const Node& node) {
  const Dims& src = node.operand(0).type.dims;
  builder.set_operand_gradient(0, builder.create<ResizeBackward>({node.attributes<Resize>(), {src[2], src[3]}},
                                                                 {builder.result_gradient()}, "backward"));
}

std::vector<TensorType> ResizeBackward::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<ResizeBackward>().name;
  expect_count(op, operands, {"ddst"});
  expect_dtype(op, "ddst", operands[0], DType::f32);
  expect_rank(op, "ddst", operands[0], {4});
  const auto& [rows, columns] = attributes.src_size;
  expect_dims(op, "src_size", {rows, columns});
  Dims src{operands[0].dims[0], operands[0].dims[1], rows, columns};
  expect_type(op, "ddst", operands[0], DType::f32, infer_dst(op, attributes, src));
  return {TensorType{DType::f32, std::move(src), {}}};
}

void ResizeBackward::evaluate(const Attributes& attributes, EvaluationFrame& frame) {
  const Tensor& ddst = frame.operand(0);
  Tensor& dsrc = frame.result();
  for_each_term(attributes, dsrc.dims, ddst.dims,
                [&](int64_t s, int64_t d, double weight) { dsrc[s] += ddst[d] * weight; });
}

} // namespace kiln::ir
