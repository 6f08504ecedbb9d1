// Epilogue lists: their text and the operands they take.
#include "ir/epilogue.h"

#include <algorithm>
#include <fmt/format.h>

namespace kiln::ir {

std::string_view name_of(EpilogueKind kind) {
  switch (kind) {
  case EpilogueKind::bias:
    return "bias";
  case EpilogueKind::relu:
    return "relu";
  case EpilogueKind::leaky_relu:
    return "leaky_relu";
  case EpilogueKind::sigmoid:
    return "sigmoid";
  case EpilogueKind::tanh:
    return "tanh";
  }
  return "?";
}

std::string to_string(const Epilogue& epilogue) {
  std::string text = "[";
  for (const EpilogueStep& step : epilogue) {
    if (text.size() > 1) text += ", ";
    text += name_of(step.kind);
    if (step.kind == EpilogueKind::leaky_relu) text += fmt::format("({})", step.slope);
  }
  return text + "]";
}

int64_t operand_count(const Epilogue& epilogue) {
  return std::count_if(epilogue.begin(), epilogue.end(),
                       [](const EpilogueStep& step) { return step.kind == EpilogueKind::bias; });
}

} // namespace kiln::ir
