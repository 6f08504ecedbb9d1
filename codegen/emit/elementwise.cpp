// Pointwise ops: one pass over the physical elements, whatever the layout, where all tensors have the same one and the
// same dims (any others: stretch.h).
// Padding lanes are computed like any other and come out zero, but where the formula of zeros is not zero (sigmoid):
// there the last channel block is masked.
#include "codegen/emit/elementwise.h"

#include "codegen/emit/stretch.h"
#include "codegen/emit/vectors.h"
#include "ir/all_ops.h"
#include "ir/op_code.h"

#include <utility>
#include <vector>

namespace kiln::codegen {

namespace {

struct Formula {
  size_t arity = 0;
  double at_zero = 0;
  std::function<F32(const std::vector<F32>&)> apply;
};

template <class Op> Formula formula_of(const ir::Node& node) {
  using A = typename Op::Attributes;
  const A attributes = node.attributes<Op>();
  return [&]<size_t... I>(std::index_sequence<I...>) {
    return Formula{Op::arity, Op::template formula<double>(attributes, (static_cast<void>(I), 0.0)...),
                   [attributes](const std::vector<F32>& x) { return Op::template formula<F32>(attributes, x[I]...); }};
  }
  (std::make_index_sequence<Op::arity>{});
}

Formula formula_of(const ir::Node& node) {
  const auto of_op = [&]<class Op>() -> Formula {
    if constexpr (Pointwise<Op>) return formula_of<Op>(node);
    throw CodegenError("not a pointwise op: " + std::string(node.op().name));
  };
  switch (node.op().code) {
#define OP(Struct, name)                                                                                               \
  case ir::OpCode::name:                                                                                               \
    return of_op.operator()<ir::Struct>();
#include "ir/ops.def"
#undef OP
  }
  throw CodegenError("unknown op");
}

// Where the operands and the result of one kernel lie.
class PointwiseBody {
public:
  PointwiseBody(KernelBuilder& k, const Formula& formula, const std::vector<bool>& in_place)
      : k_(k), formula_(formula) {
    bool any = false;
    for (size_t i = 0; i < formula.arity; ++i) {
      any = any || in_place[i];
      operands_.push_back(
          k.operand(static_cast<int32_t>(i), ElementType::f32, in_place[i] ? Aliasing::in_place : Aliasing::none));
    }
    result_ =
        k.operand(static_cast<int32_t>(formula.arity), ElementType::f32, any ? Aliasing::in_place : Aliasing::none);
  }

  void operator()(const Span& at, std::optional<Mask> keep = {}) const {
    std::vector<F32> x;
    for (const Pointer& operand : operands_) x.push_back(load(k_, operand, at));
    F32 y = formula_.apply(x);
    if (keep) y = select(*keep, y, like(y, 0));
    store(k_, result_, at, y);
  }

private:
  KernelBuilder& k_;
  const Formula& formula_;
  std::vector<Pointer> operands_;
  Pointer result_;
};

} // namespace

void emit_pointwise(Emission& emission) {
  const Formula formula = formula_of(emission.node());
  const ir::TensorType& type = emission.result_type();
  for (size_t i = 0; i < formula.arity; ++i)
    if (emission.operand_type(i) != type) return launch_stretched(emission, formula.at_zero == 0, formula.apply);
  std::vector<BufferRef> buffers;
  std::vector<bool> in_place;
  for (size_t i = 0; i < formula.arity; ++i) {
    buffers.push_back(emission.operand(i));
    in_place.push_back(emission.in_place(i));
  }
  buffers.push_back(emission.result());

  const bool masks = !(formula.at_zero == 0) && type.physical_elements() != type.elements();
  if (!masks) {
    const int64_t total = type.physical_elements();
    emission.launch("pointwise", buffers, {}, chunk_count(total), [=](KernelBuilder& k) {
      const PointwiseBody body(k, formula, in_place);
      k.begin_tasks([&](Index task) {
        for_chunk(
            k, task, total, [&](const Span& at) { body(at); }, Unroll::by(2));
      });
    });
    return;
  }
  if (type.layout.kind != ir::LayoutKind::nchwc)
    throw CodegenError("pointwise: cannot mask the padding lanes of " + to_string(type));
  const Planes planes(type);
  emission.launch("pointwise", buffers, {}, planes.count(), [=](KernelBuilder& k) {
    const PointwiseBody body(k, formula, in_place);
    k.begin_tasks([&](Index plane) {
      const Index base = plane * planes.elements();
      const auto over_pixels = [&](std::optional<Mask> keep) {
        k.for_range(0, planes.elements(), planes.lanes, [&](Index i) { body(Span{base + i, {}}, keep); });
      };
      k.if_else(
          plane % planes.blocks == planes.blocks - 1, [&] { over_pixels(k.first_lanes(planes.last_lanes())); },
          [&] { over_pixels({}); });
    });
  });
}

} // namespace kiln::codegen
