// The reference evaluator: runs a function on logical tensors in double. Oracle for codegen, engine of constant
// folding. Layouts are ignored: every tensor is row-major in logical order.
#pragma once

#include "ir/type.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace kiln::ir {

class Function;
class Module;

struct Tensor {
  Dims dims;
  std::vector<double> data; // logical row-major

  Tensor() = default;
  explicit Tensor(Dims d);
  int64_t elements() const { return static_cast<int64_t>(data.size()); }
  double& operator[](int64_t i) { return data[static_cast<size_t>(i)]; }
  double operator[](int64_t i) const { return data[static_cast<size_t>(i)]; }
};

// What an op's evaluate sees. `results` are zero-filled, of the inferred shapes.
struct EvaluationFrame {
  std::vector<const Tensor*> operands;
  std::vector<Tensor*> results;
  std::vector<Tensor*> writable; // of an effect op: its state operands by position, null elsewhere
  uint64_t seed = 0;             // random ops: the key of their stream is made from these, as in emitted code
  uint64_t step = 0;

  const Tensor& operand(size_t i) const { return *operands[i]; }
  Tensor& result(size_t i = 0) const { return *results[i]; }
};

struct Environment {
  std::map<std::string, Tensor> inputs; // by input name
  std::map<std::string, Tensor> states; // by state name; updated by effect ops
  uint64_t seed = 0;
  uint64_t step = 0;
};

// Outputs by name. `trace`, if given, receives every value by name.
std::map<std::string, Tensor> evaluate(const Function& function, Environment& environment,
                                       std::map<std::string, Tensor>* trace = nullptr);

// States at their initial values for a seed (constants: their data), as the runtime would draw them.
std::map<std::string, Tensor> initial_states(const Module& module, uint64_t seed);

} // namespace kiln::ir
