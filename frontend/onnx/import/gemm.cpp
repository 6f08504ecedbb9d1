// Gemm, MatMul: to dense, whose weights have a row per output.
// A matrix that lies the other way is transposed; of weights that is done when the model is compiled.
#include "frontend/onnx/axes.h"
#include "frontend/onnx/node_import.h"
#include "frontend/onnx/tensors.h"
#include "ir/ops/add.h"
#include "ir/ops/bias.h"
#include "ir/ops/dense.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kiln::frontend::onnx {
void import_gemm(NodeImport& node) {
  node.expect_inputs(node.version < 11 ? 3 : 2, 3);
  if (node.rank(0) != 2 || node.rank(1) != 2)
    refuse_invalid(fmt::format("its inputs are [{}] and [{}], expected matrices", fmt::join(node.dims(0), ","),
                               fmt::join(node.dims(1), ",")));
  const bool first_lies = node.integer("transA", 0) != 0;
  const bool second_stands = node.integer("transB", 0) != 0;
  const double alpha = node.real("alpha", 1);
  const double beta = node.real("beta", 1);
  node.ignore("broadcast"); // until version 6, of the third input: it is stretched wherever it has to be
  const int64_t inner = node.dims(0)[first_lies ? 0 : 1];
  if (node.dims(1)[second_stands ? 1 : 0] != inner)
    refuse_invalid(fmt::format("its inputs [{}] and [{}] do not fit (transA {}, transB {})",
                               fmt::join(node.dims(0), ","), fmt::join(node.dims(1), ","), first_lies, second_stands));
  ir::Value& rows = first_lies ? transpose(node, node.input(0), {1, 0}) : node.input(0);
  ir::Value& weights = second_stands ? node.input(1) : transpose(node, node.input(1), {1, 0});
  ir::Value* result = &node.create<ir::Dense>({}, {&rows, &weights});
  result = &node.scale(*result, alpha);
  const ir::Dims dims = result->type.dims;
  if (node.has_input(2)) {
    const ir::Dims& added = node.dims(2);
    if (broadcast(dims, added) != dims)
      refuse_invalid(
          fmt::format("its third input [{}] does not stretch to [{}]", fmt::join(added, ","), fmt::join(dims, ",")));
    const bool is_bias = !added.empty() && added.back() == dims[1] && count_elements(added) == dims[1];
    ir::Value& value = node.scale(node.input(2), beta);
    result = is_bias ? &node.create<ir::Bias>({}, {result, &node.reshape(value, {dims[1]})})
                     : &node.create<ir::Add>({}, {result, &value});
  }
  node.output(0, *result, dims);
}

void import_mat_mul(NodeImport& node) {
  node.expect_inputs(2, 2);
  ir::Dims first = node.dims(0);
  ir::Dims second = node.dims(1);
  if (first.empty() || second.empty()) refuse_invalid("one of its inputs is a scalar");
  // As numpy: a vector is a row on the left and a column on the right, and its dim does not stay.
  const bool is_row = first.size() == 1;
  const bool is_column = second.size() == 1;
  if (is_row) first.insert(first.begin(), 1);
  if (is_column) second.push_back(1);
  if (second.size() > 2 && product(second, 0, second.size() - 2) > 1)
    refuse_unsupported(fmt::format("its second input is [{}]: a matrix for each sample", fmt::join(second, ",")));
  const int64_t inner = first.back();
  const int64_t columns = second.back();
  if (second[second.size() - 2] != inner)
    refuse_invalid(
        fmt::format("its inputs [{}] and [{}] do not fit", fmt::join(node.dims(0), ","), fmt::join(node.dims(1), ",")));
  const int64_t rows = product(first, 0, first.size() - 1);
  ir::Value& weights = transpose(node, node.reshape(node.input(1), {inner, columns}), {1, 0});
  ir::Value& result = node.create<ir::Dense>({}, {&node.reshape(node.input(0), {rows, inner}), &weights});
  ir::Dims dims = first;
  if (second.size() > dims.size()) dims.insert(dims.begin(), second.size() - dims.size(), 1);
  dims.back() = columns;
  if (is_column) dims.pop_back();
  if (is_row) dims.erase(dims.end() - (is_column ? 1 : 2));
  node.output(0, node.reshape(result, ir_dims(dims)), dims);
}

} // namespace kiln::frontend::onnx
