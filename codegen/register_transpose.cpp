// A square of values in registers, turned: quarters of ever smaller squares change places, all pairs of a size at once.
#include "codegen/register_transpose.h"

#include "codegen/kernel_builder.h"
#include "codegen/kernel_builder_impl.h"

namespace kiln::codegen {

std::vector<F32> transposed(std::vector<F32> rows) {
  const auto size = static_cast<int32_t>(rows.size());
  for (const F32& row : rows)
    if (row.lanes != size || (size & (size - 1)) != 0) throw CodegenError("transposed: not a square of registers");
  for (int32_t half = size / 2; half > 0; half /= 2) {
    // Of each pair: lanes whose bit `half` is set in the first meet those whose bit is not set in the second.
    std::vector<int> first, second; // lanes of the second vector count on from `size`
    for (int32_t lane = 0; lane < size; ++lane) {
      const bool high = (lane & half) != 0;
      first.push_back(high ? size + lane - half : lane);
      second.push_back(high ? size + lane : lane + half);
    }
    for (int32_t i = 0; i < size; ++i) {
      if ((i & half) != 0) continue;
      F32& a = rows[static_cast<size_t>(i)];
      F32& b = rows[static_cast<size_t>(i + half)];
      llvm::IRBuilder<>& ir = a.builder->impl().ir;
      llvm::Value* low = ir.CreateShuffleVector(a.value, b.value, first);
      b.value = ir.CreateShuffleVector(a.value, b.value, second);
      a.value = low;
    }
  }
  return rows;
}

} // namespace kiln::codegen
