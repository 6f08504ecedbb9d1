// Add, Sub, Mul, Div, Max, Min, Sum, Mean: to the op of the name, over operands that are broadcast.
// Of known integers, as shapes are made of, they are computed here.
#include "frontend/onnx/axes.h"
#include "frontend/onnx/known_values.h"
#include "frontend/onnx/node_import.h"
#include "ir/ops/add.h"
#include "ir/ops/divide.h"
#include "ir/ops/maximum.h"
#include "ir/ops/minimum.h"
#include "ir/ops/multiply.h"
#include "ir/ops/subtract.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kiln::frontend::onnx {
namespace {

using Integers = int64_t (*)(int64_t, int64_t);

bool all_known_integers(const NodeImport& node) {
  for (size_t i = 0; i < node.input_count(); ++i)
    if (!node.is_known(i) || !is_integer(node.type(i))) return false;
  return true;
}

// The second operand's dims: until version 6 it was broadcast only when asked for, and from any axis.
ir::Dims second_dims(NodeImport& node) {
  const ir::Dims& first = node.dims(0);
  ir::Dims second = node.dims(1);
  if (node.version >= 7) return second;
  const bool is_broadcast = node.integer("broadcast", 0) != 0;
  const int64_t axis = node.integer("axis", static_cast<int64_t>(first.size()) - static_cast<int64_t>(second.size()));
  if (!is_broadcast && first != second)
    refuse_invalid(
        fmt::format("its inputs are [{}] and [{}], and broadcast is 0", fmt::join(first, ","), fmt::join(second, ",")));
  if (!is_broadcast || second.empty()) return second;
  const auto start = static_cast<size_t>(axis_of(axis, node.rank(0)));
  if (start + second.size() > first.size())
    refuse_invalid(fmt::format("its second input, [{}], does not fit into [{}] at axis {}", fmt::join(second, ","),
                               fmt::join(first, ","), axis));
  second.resize(first.size() - start, 1);
  return second;
}

template <class Op> void create_binary(NodeImport& node, Integers integers) {
  node.expect_inputs(2, 2);
  if (node.input_count() == 2 && all_known_integers(node))
    return node.output(0, combine(node.constant(0, "input"), node.constant(1, "input"), integers));
  const ir::Dims second = second_dims(node);
  const ir::Dims dims = broadcast(node.dims(0), second);
  ir::Value& result = node.create<Op>({}, {&node.input(0), &node.reshape(node.input(1), ir_dims(second))});
  node.output(0, result, dims);
}

// Of all inputs, one after the other. One alone is its own result.
template <class Op> ir::Value& create_chain(NodeImport& node, ir::Dims& dims) {
  if (node.input_count() == 0) refuse_invalid("it has no input");
  dims = node.dims();
  ir::Value* result = &node.input();
  for (size_t i = 1; i < node.input_count(); ++i) {
    if (node.version < 8 && node.dims(i) != dims)
      refuse_invalid(fmt::format("its inputs are [{}] and [{}], which must be alike", fmt::join(dims, ","),
                                 fmt::join(node.dims(i), ",")));
    dims = broadcast(dims, node.dims(i));
    result = &node.create<Op>({}, {result, &node.input(i)});
  }
  return *result;
}

template <class Op> void create_variadic(NodeImport& node, Integers integers) {
  if (node.input_count() == 2 && all_known_integers(node))
    return node.output(0, combine(node.constant(0, "input"), node.constant(1, "input"), integers));
  ir::Dims dims;
  ir::Value& result = create_chain<Op>(node, dims);
  node.output(0, result, dims);
}

// Wraps around where the result is beyond int64, as ONNX's integers do.
int64_t wrapped(uint64_t value) { return static_cast<int64_t>(value); }

int64_t quotient(int64_t a, int64_t b) {
  if (b == 0) refuse_invalid("it divides by 0");
  return b == -1 ? wrapped(0 - static_cast<uint64_t>(a)) : a / b;
}

} // namespace

void import_add(NodeImport& node) {
  create_binary<ir::Add>(
      node, [](int64_t a, int64_t b) { return wrapped(static_cast<uint64_t>(a) + static_cast<uint64_t>(b)); });
}

void import_sub(NodeImport& node) {
  create_binary<ir::Subtract>(
      node, [](int64_t a, int64_t b) { return wrapped(static_cast<uint64_t>(a) - static_cast<uint64_t>(b)); });
}

void import_mul(NodeImport& node) {
  create_binary<ir::Multiply>(
      node, [](int64_t a, int64_t b) { return wrapped(static_cast<uint64_t>(a) * static_cast<uint64_t>(b)); });
}

void import_div(NodeImport& node) { create_binary<ir::Divide>(node, quotient); }

void import_max(NodeImport& node) {
  create_variadic<ir::Maximum>(node, [](int64_t a, int64_t b) { return std::max(a, b); });
}

void import_min(NodeImport& node) {
  create_variadic<ir::Minimum>(node, [](int64_t a, int64_t b) { return std::min(a, b); });
}

void import_sum(NodeImport& node) {
  ir::Dims dims;
  ir::Value& result = create_chain<ir::Add>(node, dims);
  node.output(0, result, dims);
}

void import_mean(NodeImport& node) {
  ir::Dims dims;
  ir::Value& sum = create_chain<ir::Add>(node, dims);
  node.output(0, node.scale(sum, 1.0 / static_cast<double>(node.input_count())), dims);
}

} // namespace kiln::frontend::onnx
