// Epilogue lists: their text and the operands they take.
#include "ir/epilogue.h"

#include <array>
#include <fmt/format.h>

namespace kiln::ir {

namespace {

constexpr std::array<std::string_view, 10> kNames = {"bias", "scale",   "add",  "relu", "leaky_relu",
                                                     "clip", "sigmoid", "tanh", "silu", "hard_swish"};

} // namespace

std::string_view name_of(EpilogueKind kind) { return kNames.at(static_cast<size_t>(kind)); }
std::span<const std::string_view> epilogue_names() { return kNames; }

int parameter_count(EpilogueKind kind) {
  return kind == EpilogueKind::clip ? 2 : kind == EpilogueKind::leaky_relu ? 1 : 0;
}

bool takes_operand(EpilogueKind kind) {
  return kind == EpilogueKind::bias || kind == EpilogueKind::scale || kind == EpilogueKind::add;
}

std::string to_string(const Epilogue& epilogue) {
  std::string text = "[";
  for (const EpilogueStep& step : epilogue) {
    if (text.size() > 1) text += ", ";
    text += name_of(step.kind);
    if (parameter_count(step.kind) == 1) text += fmt::format("({})", step.first);
    if (parameter_count(step.kind) == 2) text += fmt::format("({}, {})", step.first, step.second);
  }
  return text + "]";
}

std::vector<EpilogueKind> operand_kinds(const Epilogue& epilogue) {
  std::vector<EpilogueKind> kinds;
  for (const EpilogueStep& step : epilogue)
    if (takes_operand(step.kind)) kinds.push_back(step.kind);
  return kinds;
}

int64_t operand_count(const Epilogue& epilogue) { return static_cast<int64_t>(operand_kinds(epilogue).size()); }

} // namespace kiln::ir
