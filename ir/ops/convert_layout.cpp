// ConvertLayout: the same logical tensor in another layout.
// The reference evaluator knows logical order only, so there it is a copy.
#include "ir/ops/convert_layout.h"

#include "ir/ops/expect.h"

namespace kiln::ir {

std::vector<TensorType> ConvertLayout::infer(const Attributes& attributes, Operands operands) {
  const auto op = info<ConvertLayout>().name;
  expect_count(op, operands, {"src"});
  const TensorType& src = operands[0];
  const bool plain = attributes.to == LayoutKind::plain;
  if (plain && attributes.block != 0) refuse(op, "block", "0 for a plain layout", fmt::to_string(attributes.block));
  if (!plain && (attributes.block < 1 || attributes.block > 1024))
    refuse(op, "block", "1 to 1024", fmt::to_string(attributes.block));
  switch (attributes.to) {
  case LayoutKind::plain:
    break;
  case LayoutKind::nchwc:
  case LayoutKind::oihw_io:
  case LayoutKind::oihw_oi:
    if (src.rank() < 2) refuse(op, "src", "at least 2 dims for " + to_string(attributes.layout()), to_string(src));
    break;
  case LayoutKind::ohwi_o:
    if (src.rank() < 1) refuse(op, "src", "at least 1 dim for " + to_string(attributes.layout()), to_string(src));
    break;
  case LayoutKind::vector_c:
    if (src.rank() != 1) refuse(op, "src", "rank 1 for " + to_string(attributes.layout()), to_string(src));
    break;
  }
  return {TensorType{src.dtype, src.dims, attributes.layout()}};
}

void ConvertLayout::evaluate(const Attributes&, EvaluationFrame& frame) { frame.result().data = frame.operand(0).data; }

} // namespace kiln::ir
