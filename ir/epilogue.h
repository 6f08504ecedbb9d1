// What a convolution or dense kernel does to each result before it stores it: a typed list, never an op family.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::ir {

enum class EpilogueKind : uint8_t {
  bias, // + bias[channel]; takes one more operand of the op, in list order
  relu, // the activations: formula and parameters of the op of that name
  leaky_relu,
  sigmoid,
  tanh,
};

struct EpilogueStep {
  EpilogueKind kind;
  double slope = 0; // leaky_relu

  bool operator==(const EpilogueStep&) const = default;
};

using Epilogue = std::vector<EpilogueStep>;

std::string_view name_of(EpilogueKind kind);
// "[bias, leaky_relu(0.01)]"
std::string to_string(const Epilogue& epilogue);
// How many operands the list adds to the op.
int64_t operand_count(const Epilogue& epilogue);

} // namespace kiln::ir
