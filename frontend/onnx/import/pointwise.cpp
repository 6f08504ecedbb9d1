// Abs, Neg, Exp, Log, Sqrt, Reciprocal, Pow, and what is made of such: Softsign, Celu, PRelu.
// Powers are products, roots or exponentials: the exponent must be one known number.
#include "frontend/onnx/axes.h"
#include "frontend/onnx/node_import.h"
#include "ir/ops/abs.h"
#include "ir/ops/add.h"
#include "ir/ops/divide.h"
#include "ir/ops/elu.h"
#include "ir/ops/exp.h"
#include "ir/ops/log.h"
#include "ir/ops/maximum.h"
#include "ir/ops/minimum.h"
#include "ir/ops/multiply.h"
#include "ir/ops/negate.h"
#include "ir/ops/prelu.h"
#include "ir/ops/reciprocal.h"
#include "ir/ops/sqrt.h"

#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kiln::frontend::onnx {
namespace {

template <class Op> void create_unary(NodeImport& node) {
  node.expect_inputs(1, 1);
  node.output(0, node.create<Op>({}, {&node.input()}), node.dims());
}

// By squaring; exponent at least 1.
ir::Value& whole_power(NodeImport& node, ir::Value& base, int64_t exponent) {
  ir::Value* square = &base;
  ir::Value* result = nullptr;
  for (;; exponent /= 2) {
    if (exponent % 2 == 1) result = result == nullptr ? square : &node.create<ir::Multiply>({}, {result, square});
    if (exponent < 2) return *result;
    square = &node.create<ir::Multiply>({}, {square, square});
  }
}

} // namespace

void import_abs(NodeImport& node) { create_unary<ir::Abs>(node); }
void import_neg(NodeImport& node) {
  if (!node.has_input(0) || !node.is_known(0) || !is_integer(node.type())) return create_unary<ir::Negate>(node);
  Constant result = node.constant(0, "input");
  for (int64_t& number : result.integers)
    number = static_cast<int64_t>(0 - static_cast<uint64_t>(number)); // the least int64 stays itself
  node.output(0, std::move(result));
}
void import_exp(NodeImport& node) { create_unary<ir::Exp>(node); }
void import_log(NodeImport& node) { create_unary<ir::Log>(node); }
void import_sqrt(NodeImport& node) { create_unary<ir::Sqrt>(node); }
void import_reciprocal(NodeImport& node) { create_unary<ir::Reciprocal>(node); }

void import_pow(NodeImport& node) {
  node.expect_inputs(2, 2);
  node.ignore("broadcast"); // of the exponent, which is one number
  node.ignore("axis");
  if (!node.is_known(1) || node.constant(1, "exponent").elements() != 1)
    refuse_unsupported("its exponent is not one number that is known when the model is compiled");
  const double exponent = node.number(1, "exponent");
  const ir::Dims dims = broadcast(node.dims(0), node.dims(1));
  ir::Value& base = node.reshape(node.input(), ir_dims(dims));
  constexpr double most = 64; // products
  ir::Value* result = nullptr;
  if (exponent != 0 && exponent == std::trunc(exponent) && std::abs(exponent) <= most) {
    result = &whole_power(node, base, static_cast<int64_t>(std::abs(exponent)));
    if (exponent < 0) result = &node.create<ir::Reciprocal>({}, {result});
  } else if (exponent == 0.5) {
    result = &node.create<ir::Sqrt>({}, {&base});
  } else if (exponent != std::trunc(exponent)) {
    // A negative base gives a NaN here as in pow, for which this exponent is no whole number.
    result = &node.create<ir::Exp>({}, {&node.scale(node.create<ir::Log>({}, {&base}), exponent)});
  } else {
    refuse_unsupported(fmt::format("its exponent is {}", exponent));
  }
  if (result == &node.input()) return node.output_alias(dims);
  node.output(0, *result, dims);
}

void import_softsign(NodeImport& node) {
  node.expect_inputs(1, 1);
  ir::Value& size = node.create<ir::Abs>({}, {&node.input()});
  ir::Value& divisor = node.create<ir::Add>({}, {&size, &node.constant_tensor({1}, {1}, "one")});
  node.output(0, node.create<ir::Divide>({}, {&node.input(), &divisor}), node.dims());
}

// x > 0 ? x : alpha (exp(x / alpha) - 1), which is alpha elu(x / alpha).
void import_celu(NodeImport& node) {
  node.expect_inputs(1, 1);
  const double alpha = node.real("alpha", 1);
  if (!(alpha > 0)) refuse_unsupported(fmt::format("its alpha is {}: it must be above 0", alpha));
  ir::Value& result = node.create<ir::Elu>({.alpha = 1}, {&node.scale(node.input(), 1 / alpha)});
  node.output(0, node.scale(result, alpha), node.dims());
}

void import_prelu(NodeImport& node) {
  node.expect_inputs(2, 2);
  const ir::Dims& dims = node.dims();
  ir::Dims slope = node.dims(1);
  // Until version 6 a slope for each channel was a row of them.
  if (node.version < 7 && slope.size() == 1 && dims.size() > 1) slope.resize(dims.size() - 1, 1);
  if (broadcast(dims, slope) != dims)
    refuse_invalid(fmt::format("its slope [{}] does not stretch to its input [{}]", fmt::join(node.dims(1), ","),
                               fmt::join(dims, ",")));
  const int64_t slopes = count_elements(slope);
  const bool is_shared = slopes == 1;
  const bool is_per_channel =
      dims.size() >= 2 && slope.size() + 1 >= dims.size() && slopes == slope[slope.size() + 1 - dims.size()];
  if (dims.size() >= 2 && (is_shared || (is_per_channel && slopes == dims[1]))) {
    ir::Value& image = node.reshape(node.input(), channel_dims(dims));
    ir::Value& result = node.create<ir::Prelu>({}, {&image, &node.reshape(node.input(1), {slopes})});
    return node.output(0, node.reshape(result, dims), dims);
  }
  ir::Value& zero = node.constant_tensor({1}, {0}, "zero");
  ir::Value& above = node.create<ir::Maximum>({}, {&node.input(), &zero});
  ir::Value& below = node.create<ir::Minimum>({}, {&node.input(), &zero});
  ir::Value& sloped = node.create<ir::Multiply>({}, {&below, &node.reshape(node.input(1), ir_dims(slope))});
  node.output(0, node.create<ir::Add>({}, {&above, &sloped}), dims);
}

} // namespace kiln::frontend::onnx
