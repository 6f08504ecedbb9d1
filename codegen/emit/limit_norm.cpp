// Rows of a parameter scaled to a norm. A plain row lies by itself: a task owns one. Where output channels are the
// lanes of a blocked layout, a block of them is a run of vectors, each lane a row: a task owns a block. Padding lanes
// stay zero.
#include "ir/ops/limit_norm.h"

#include "codegen/emit/vectors.h"
#include "ir/ops/elementwise.h"

namespace kiln::codegen {

namespace {

F32 factor_of(F32 squares, double norm) {
  using math::sqrt;
  return select(squares > like(squares, norm * norm), like(squares, norm) / sqrt(squares), like(squares, 1));
}

F32 broadcast_sum(KernelBuilder& k, F32 sum) { return broadcast(sum_lanes(sum), k.width()); }

} // namespace

template <> void emit<ir::LimitNorm>(Emission& emission) {
  const double norm = emission.node().attributes<ir::LimitNorm>().norm;
  const ir::TensorType& type = emission.operand_type(0);
  const bool is_plain = type.layout.kind == ir::LayoutKind::plain;
  const bool has_outputs_in_lanes =
      (type.layout.kind == ir::LayoutKind::oihw_io || type.layout.kind == ir::LayoutKind::ohwi_o) &&
      type.layout.block == emission.target().vector_width;
  if (!is_plain && !has_outputs_in_lanes)
    throw CodegenError("limit_norm: no kernel for weights that lie as " + to_string(type));
  const int64_t tasks = is_plain ? type.dims[0] : divide_up(type.dims[0], type.layout.block);
  const int64_t run = type.physical_elements() / tasks;
  emission.launch("limit", {emission.operand(0)}, {}, tasks, [=](KernelBuilder& k) {
    k.begin_tasks([&](Index task) {
      const Variable<F32> squares(k.zero());
      for_vectors(k, task * run, run, [&](const Span& at) {
        const F32 x = load(k, k.operand(0), at);
        squares.set(squares.get() + x * x);
      });
      const F32 factor = factor_of(is_plain ? broadcast_sum(k, squares.get()) : squares.get(), norm);
      for_vectors(k, task * run, run,
                  [&](const Span& at) { store(k, k.operand(0), at, load(k, k.operand(0), at) * factor); });
    });
  });
}

} // namespace kiln::codegen
