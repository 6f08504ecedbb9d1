// ReduceSum, ReduceMean and what is made of them: L1, L2, LogSum, LogSumExp, SumSquare; ReduceMax, ReduceMin by
// pooling; ReduceProd by products of halves. Axes are an attribute until version 12 (ReduceSum) or 17 (all others),
// then an input.
#include "frontend/onnx/axes.h"
#include "frontend/onnx/node_import.h"
#include "frontend/onnx/tensors.h"
#include "ir/ops/abs.h"
#include "ir/ops/add.h"
#include "ir/ops/exp.h"
#include "ir/ops/log.h"
#include "ir/ops/max_pool.h"
#include "ir/ops/multiply.h"
#include "ir/ops/negate.h"
#include "ir/ops/reduce_mean.h"
#include "ir/ops/reduce_sum.h"
#include "ir/ops/sqrt.h"
#include "ir/ops/subtract.h"

#include <algorithm>
#include <numeric>

namespace kiln::frontend::onnx {
namespace {

struct Reduction {
  std::vector<int64_t> axes; // ascending; none: there is nothing to reduce
  ir::Dims kept;             // dims of the result with a 1 at each axis
  ir::Dims dims;             // of the result
};

Reduction take_reduction(NodeImport& node) {
  const int64_t since = node.op_type() == "ReduceSum" ? 13 : 18;
  node.expect_inputs(1, node.version < since ? 1 : 2);
  std::vector<int64_t> axes;
  if (node.version < since)
    axes = node.integers("axes").value_or(axes);
  else if (node.has_input(1))
    axes = node.integers(1, "axes");
  const bool keeps_dims = node.integer("keepdims", 1) != 0;
  const bool none_is_none = node.version >= since && node.integer("noop_with_empty_axes", 0) != 0;

  Reduction reduction;
  if (axes.empty() && !none_is_none) {
    reduction.axes.resize(node.dims().size());
    std::iota(reduction.axes.begin(), reduction.axes.end(), 0);
  } else {
    reduction.axes = axes_of(axes, node.rank());
  }
  reduction.kept = node.dims();
  for (int64_t axis : reduction.axes) reduction.kept[static_cast<size_t>(axis)] = 1;
  reduction.dims = reduction.kept;
  if (!keeps_dims)
    for (auto axis = reduction.axes.rbegin(); axis != reduction.axes.rend(); ++axis)
      reduction.dims.erase(reduction.dims.begin() + *axis);
  return reduction;
}

// With every reduced dim kept as 1.
template <class Op> ir::Value& reduce(NodeImport& node, ir::Value& src, const Reduction& reduction) {
  if (reduction.axes.empty()) return src;
  return node.create<Op>({.axes = reduction.axes, .keep_dims = true}, {&src});
}

void finish(NodeImport& node, ir::Value& kept, const Reduction& reduction) {
  node.output(0, node.reshape(kept, ir_dims(reduction.dims)), reduction.dims);
}

// The source as [outer, reduced, inner], with all reduced axes next to each other.
ir::Value& gathered(NodeImport& node, ir::Value& src, const Reduction& reduction) {
  const ir::Dims& dims = src.type.dims;
  const auto& axes = reduction.axes;
  const auto first = static_cast<size_t>(axes.front());
  const auto behind = static_cast<size_t>(axes.back()) + 1;
  const int64_t reduced = std::accumulate(axes.begin(), axes.end(), int64_t{1},
                                          [&](int64_t n, int64_t axis) { return n * dims[static_cast<size_t>(axis)]; });
  if (behind - first == axes.size())
    return node.reshape(src, {product(dims, 0, first), reduced, product(dims, behind, dims.size())});
  ir::Dims order;
  for (int64_t i = 0; i < src.type.rank(); ++i)
    if (!std::binary_search(axes.begin(), axes.end(), i)) order.push_back(i);
  order.insert(order.end(), axes.begin(), axes.end());
  return node.reshape(transpose(node, src, order), {src.type.elements() / reduced, reduced, 1});
}

ir::Value& largest(NodeImport& node, ir::Value& src, const Reduction& reduction) {
  if (reduction.axes.empty()) return src;
  ir::Value& rows = gathered(node, src, reduction);
  const ir::Dims& dims = rows.type.dims;
  ir::MaxPool::Attributes attributes;
  attributes.kernel = {dims[1], 1};
  attributes.stride = {1, 1};
  ir::Value& pooled = node.create<ir::MaxPool>(attributes, {&node.reshape(rows, {1, dims[0], dims[1], dims[2]})});
  return node.reshape(pooled, reduction.kept);
}

ir::Value& squared(NodeImport& node, ir::Value& src) { return node.create<ir::Multiply>({}, {&src, &src}); }

// `import` gives the reduced tensor; of a scalar there is nothing to reduce, but the op is still done.
template <class Make> void import_reduction(NodeImport& node, Make make) {
  const Reduction reduction = take_reduction(node);
  finish(node, make(node.input(), reduction), reduction);
}

} // namespace

void import_reduce_sum(NodeImport& node) {
  import_reduction(node, [&](ir::Value& src, const Reduction& reduction) -> ir::Value& {
    return reduce<ir::ReduceSum>(node, src, reduction);
  });
}

void import_reduce_mean(NodeImport& node) {
  import_reduction(node, [&](ir::Value& src, const Reduction& reduction) -> ir::Value& {
    return reduce<ir::ReduceMean>(node, src, reduction);
  });
}

void import_reduce_l1(NodeImport& node) {
  import_reduction(node, [&](ir::Value& src, const Reduction& reduction) -> ir::Value& {
    return reduce<ir::ReduceSum>(node, node.create<ir::Abs>({}, {&src}), reduction);
  });
}

void import_reduce_l2(NodeImport& node) {
  import_reduction(node, [&](ir::Value& src, const Reduction& reduction) -> ir::Value& {
    return node.create<ir::Sqrt>({}, {&reduce<ir::ReduceSum>(node, squared(node, src), reduction)});
  });
}

void import_reduce_sum_square(NodeImport& node) {
  import_reduction(node, [&](ir::Value& src, const Reduction& reduction) -> ir::Value& {
    return reduce<ir::ReduceSum>(node, squared(node, src), reduction);
  });
}

void import_reduce_log_sum(NodeImport& node) {
  import_reduction(node, [&](ir::Value& src, const Reduction& reduction) -> ir::Value& {
    return node.create<ir::Log>({}, {&reduce<ir::ReduceSum>(node, src, reduction)});
  });
}

// With the largest element taken out, so that nothing overflows.
void import_reduce_log_sum_exp(NodeImport& node) {
  import_reduction(node, [&](ir::Value& src, const Reduction& reduction) -> ir::Value& {
    ir::Value& most = largest(node, src, reduction);
    ir::Value& powers = node.create<ir::Exp>({}, {&node.create<ir::Subtract>({}, {&src, &most})});
    ir::Value& sum = reduce<ir::ReduceSum>(node, powers, reduction);
    return node.create<ir::Add>({}, {&node.create<ir::Log>({}, {&sum}), &most});
  });
}

void import_reduce_max(NodeImport& node) {
  import_reduction(
      node, [&](ir::Value& src, const Reduction& reduction) -> ir::Value& { return largest(node, src, reduction); });
}

void import_reduce_min(NodeImport& node) {
  import_reduction(node, [&](ir::Value& src, const Reduction& reduction) -> ir::Value& {
    return node.create<ir::Negate>({}, {&largest(node, node.create<ir::Negate>({}, {&src}), reduction)});
  });
}

void import_reduce_prod(NodeImport& node) {
  import_reduction(node, [&](ir::Value& src, const Reduction& reduction) -> ir::Value& {
    if (reduction.axes.empty()) return src;
    ir::Value* rest = &gathered(node, src, reduction);
    for (int64_t count = rest->type.dims[1]; count > 1; count = rest->type.dims[1]) {
      const int64_t half = count / 2;
      ir::Value& product =
          node.create<ir::Multiply>({}, {&slice(node, *rest, 1, 0, half), &slice(node, *rest, 1, half, half)});
      rest = count % 2 == 0 ? &product : &concat(node, {&product, &slice(node, *rest, 1, count - 1, 1)}, 1);
    }
    return node.reshape(*rest, reduction.kept);
  });
}

} // namespace kiln::frontend::onnx
