// Pointwise formulas over operands that stretch to the result. Its elements are walked as they lie; an operand has the
// stride 0 where it is stretched. In a blocked result an operand of one channel, or of fewer dims, is plain: its
// channels (if it has any) are loaded by lane, a single value goes to all of them, and the padding lanes are masked
// after.
#include "codegen/emit/stretch.h"

#include "codegen/emit/axes.h"
#include "ir/ops/expand.h"
#include "ir/ops/reduce_mean.h"

namespace kiln::codegen {

namespace {

// The stride of an operand along an axis of the result.
int64_t stride_along(const PhysicalAxis& axis, const ir::TensorType& operand, const ir::TensorType& result) {
  const size_t missing = result.dims.size() - operand.dims.size();
  if (axis.dim < missing) return 0;
  const size_t dim = axis.dim - missing;
  const bool alike = operand.layout == result.layout;
  if (operand.dims[dim] == 1 && !(alike && axis.lane)) return 0;
  int64_t lanes = 1; // of a block that the operand does not have
  if (!alike && !axis.lane && axis.dim == 1) lanes = result.layout.block;
  for (const PhysicalAxis& own : physical_axes(operand))
    if (own.dim == dim && own.lane == (alike && axis.lane)) return own.stride * lanes;
  throw CodegenError("no axis for " + to_string(operand) + " in " + to_string(result));
}

} // namespace

void launch_stretched(Emission& emission, bool keeps_zero, std::function<F32(const std::vector<F32>&)> formula) {
  const ir::TensorType& result = emission.result_type();
  const size_t arity = emission.node().operands().size();
  const bool blocked = result.layout.kind == ir::LayoutKind::nchwc;
  const bool partial = result.physical_elements() != result.elements();
  bool masks = partial && !keeps_zero;
  bool any_in_place = false;
  std::vector<BufferRef> buffers;
  std::vector<bool> in_place, by_channel; // by_channel: its lanes are channels of a plain tensor
  for (size_t i = 0; i < arity; ++i) {
    const ir::TensorType& operand = emission.operand_type(i);
    buffers.push_back(emission.operand(i));
    in_place.push_back(emission.in_place(i));
    any_in_place = any_in_place || in_place.back();
    const bool plain_in_blocked = blocked && operand.layout != result.layout;
    masks = masks || (partial && plain_in_blocked);
    by_channel.push_back(plain_in_blocked && partial);
  }
  buffers.push_back(emission.result());

  std::vector<Axis> axes;
  size_t block_level = 0;
  for (const PhysicalAxis& axis : physical_axes(result)) {
    std::vector<int64_t> strides;
    for (size_t i = 0; i < arity; ++i) strides.push_back(stride_along(axis, emission.operand_type(i), result));
    strides.push_back(axis.stride);
    axes.push_back({axis.extent, std::move(strides), masks && axis.dim == 1 && !axis.lane});
  }
  const Walk walk(std::move(axes));
  while (masks && !walk.axes()[block_level].apart) ++block_level;

  const int64_t channels = blocked ? result.dims[1] : 0;
  const int64_t lanes = result.layout.block;
  emission.launch("stretched", buffers, {}, walk.tasks(), [=](KernelBuilder& k) {
    std::vector<Pointer> tensors;
    for (size_t i = 0; i <= arity; ++i) {
      const bool over = i < arity ? in_place[i] : any_in_place;
      tensors.push_back(
          k.operand(static_cast<int32_t>(i), ElementType::f32, over ? Aliasing::in_place : Aliasing::none));
    }
    walk.for_each(k, [&](const Walk::Row& row, const Span& at) {
      std::optional<Mask> inside;
      if (masks)
        inside = k.first_lanes(min(row.positions[block_level] * -lanes + channels, lanes), static_cast<int32_t>(lanes));
      std::vector<F32> x;
      for (size_t i = 0; i < arity; ++i) {
        if (walk.row_stride(i) == 0)
          x.push_back(k.load_broadcast(tensors[i], row.offsets[i]));
        else
          x.push_back(load(k, tensors[i], Span{row.offsets[i] + at.offset, by_channel[i] ? inside : at.mask}));
      }
      F32 y = formula(x);
      if (inside) y = select(*inside, y, like(y, 0));
      store(k, tensors.back(), Span{row.offsets.back() + at.offset, at.mask}, y);
    });
  });
}

template <> void emit<ir::Expand>(Emission& emission) {
  launch_stretched(emission, true, [](const std::vector<F32>& x) { return x[0]; });
}

template <> void emit<ir::ReduceMeanBackward>(Emission& emission) {
  const auto count = static_cast<float>(emission.result_type().elements() / emission.operand_type(0).elements());
  launch_stretched(emission, true, [=](const std::vector<F32>& x) { return x[0] / count; });
}

} // namespace kiln::codegen
