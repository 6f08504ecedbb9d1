// A convolution run backwards as a gather: gradients of a convolution's source, and transposed convolution.
#pragma once

#include "codegen/emit/gather_convolution.h"
#include "codegen/emitter.h"
#include "ir/window.h"

namespace kiln::codegen {

// What a transposed gather is made of: the shapes of the convolution that it runs backwards.
struct TransposedConvolution {
  const ir::ConvolutionWindow& window;
  const ir::Dims& weights; // O, I/group, KH, KW
  const ir::Dims& source;  // N, O, OH, OW
  ir::Size2 result;        // H, W
  ir::Epilogue epilogue;
};

// Adds its launches: `operands` are source, weights, those of the epilogue, result.
void emit_transposed(Emission& emission, std::string_view part, const TransposedConvolution& convolution,
                     const std::vector<BufferRef>& operands);

} // namespace kiln::codegen
