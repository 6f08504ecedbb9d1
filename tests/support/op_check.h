// Checks one function of tests/shapes/*.ir in every way: text, gradient rules, emitted code at one ISA level.
#pragma once

#include "ir/graph.h"
#include "ir/target.h"

#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace kiln::test {

struct OpCase {
  std::string file; // stem: "max_pool"
  std::string function;
};

inline void PrintTo(const OpCase& op_case, std::ostream* out) { *out << op_case.file << " @" << op_case.function; }

// Every function of every file in a folder, sorted by file.
std::vector<OpCase> op_cases(const std::string& folder);

// What is wrong, one entry a finding; empty when all is right.
using Findings = std::vector<std::string>;

class OpCheck {
public:
  OpCheck(const std::string& folder, OpCase op_case);

  // print -> parse -> print gives the same text, before and after differentiation.
  Findings round_trip() const;
  // Gradients by the ops' rules against central differences of the reference, both in double: 1e-5 relative. Elements
  // next to a kink are skipped; gradients that are all zero are a finding. Nothing to do where an op has no gradient.
  Findings gradient() const;
  bool differentiable() const { return differentiable_; }

  // Compiles the function with its gradients for a level, with the kernels that choose_kernels gives, with plain ones
  // and with blocked layouts throughout, and runs it in the debug arena. After each step its results are compared with
  // the reference of that node applied to the values that the step was given, so that the bound is that of one op;
  // padding lanes must be zero. Then again with 2 and 3 threads in ordinary memory: same bits.
  Findings emitted(ir::IsaLevel level) const;

private:
  OpCase case_;
  std::string states_;                 // text of the states it uses
  std::unique_ptr<ir::Module> module_; // the function and its gradients
  ir::Function* function_ = nullptr;
  std::vector<ir::Output> results_; // its own outputs
  bool differentiable_ = false;

  void differentiate();
};

} // namespace kiln::test
