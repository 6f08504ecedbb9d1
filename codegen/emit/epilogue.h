// Emits an epilogue list (ir/epilogue.h) on the accumulators of a kernel, one vector of channels at a time.
#pragma once

#include "codegen/kernel_builder.h"
#include "ir/epilogue.h"

#include <cstdint>
#include <vector>

namespace kiln::codegen {

// Applies a list to accumulators of `lanes` consecutive channels. Operands of the list are vectors a channel or tensors
// that lie as the result does; their padding lanes hold zero.
class EpilogueEmitter {
public:
  // The list's operands are the kernel's operands from `first_operand` on. Accumulators cover whole blocks of `lanes`;
  // `channels` of them are real.
  EpilogueEmitter(KernelBuilder& kernel, const ir::Epilogue& epilogue, int32_t first_operand, int64_t channels,
                  int32_t lanes);

  // What an accumulator of the block at `channel` starts from: a leading bias, else zero.
  F32 start(Index channel);
  // What remains to be done to a finished accumulator of the block at `channel`, which is to be stored at element `at`
  // of the result.
  F32 finish(F32 sum, Index channel, Index at);

private:
  KernelBuilder& kernel_;
  ir::Epilogue rest_;                   // without the leading bias
  std::vector<ir::EpilogueKind> kinds_; // of the operands that it takes
  int32_t first_operand_;
  int64_t channels_;
  int32_t lanes_;
  bool leading_bias_;
  bool mask_; // the list makes something else of the zeros in padding lanes
};

} // namespace kiln::codegen
