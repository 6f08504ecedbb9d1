// What a kernel does to each result before it stores it: a typed list, never an op family.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::ir {

enum class EpilogueKind : uint8_t {
  // Each takes one more operand of the op, in list order.
  bias,  // + bias[channel]
  scale, // * factor[channel]
  add,   // + a tensor of the result's shape
  // Activations: formula and parameters of the op of that name.
  relu,
  leaky_relu,
  clip,
  sigmoid,
  tanh,
  silu,
  hard_swish,
};

struct EpilogueStep {
  EpilogueKind kind;
  double first = 0;  // leaky_relu: slope; clip: min
  double second = 0; // clip: max

  bool operator==(const EpilogueStep&) const = default;
};

using Epilogue = std::vector<EpilogueStep>;

std::string_view name_of(EpilogueKind kind);
// Of all kinds, in the order of their values.
std::span<const std::string_view> epilogue_names();
// How many numbers a step of this kind is written with, in parentheses.
int parameter_count(EpilogueKind kind);
bool takes_operand(EpilogueKind kind);
// "[bias, leaky_relu(0.01)]"
std::string to_string(const Epilogue& epilogue);
// The kinds of the steps that take an operand: of the operands that the list adds to the op, in order.
std::vector<EpilogueKind> operand_kinds(const Epilogue& epilogue);
int64_t operand_count(const Epilogue& epilogue);

} // namespace kiln::ir
