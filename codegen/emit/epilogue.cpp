// Epilogues on accumulators.
#include "codegen/emit/epilogue.h"

#include "ir/ops/epilogue_formula.h"

namespace kiln::codegen {

EpilogueEmitter::EpilogueEmitter(KernelBuilder& kernel, const ir::Epilogue& epilogue, int32_t first_operand,
                                 int64_t channels, int32_t lanes)
    : kernel_(kernel), rest_(epilogue), first_operand_(first_operand), channels_(channels), lanes_(lanes),
      leading_bias_(!epilogue.empty() && epilogue.front().kind == ir::EpilogueKind::bias) {
  if (leading_bias_) rest_.erase(rest_.begin());
  kinds_ = ir::operand_kinds(rest_);
  const double of_zero = ir::apply_epilogue(epilogue, 0.0, [](int64_t) { return 0.0; });
  mask_ = channels % lanes != 0 && of_zero != 0;
}

F32 EpilogueEmitter::start(Index channel) {
  if (!leading_bias_) return kernel_.zero(lanes_);
  return kernel_.load(kernel_.operand(first_operand_), channel, lanes_, lanes_ * int64_t{sizeof(float)});
}

F32 EpilogueEmitter::finish(F32 sum, Index channel, Index at) {
  const int32_t first = first_operand_ + (leading_bias_ ? 1 : 0);
  F32 result = ir::apply_epilogue(rest_, sum, [&](int64_t i) {
    const Index from = kinds_[static_cast<size_t>(i)] == ir::EpilogueKind::add ? at : channel;
    return kernel_.load(kernel_.operand(first + static_cast<int32_t>(i)), from, lanes_,
                        lanes_ * int64_t{sizeof(float)});
  });
  if (!mask_) return result;
  return select(kernel_.first_lanes(channels_ - channel, lanes_), result, kernel_.zero(lanes_));
}

} // namespace kiln::codegen
