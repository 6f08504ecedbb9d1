// Whole runs against the reference, with the reference's own rounding as the measure.
#include "tests/support/compare_run.h"

#include "ir/op.h"
#include "tests/support/reference_run.h"
#include "tests/support/tolerance.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <map>
#include <stdexcept>

namespace kiln::test {

namespace {

using ir::Tensor;

constexpr double kOutputTolerance = 1e-4; // of the norm
constexpr double kRoundingAllowance = 30; // times what rounding to f32 costs the reference
constexpr double kCancelled = 1e-6;       // of the largest norm: where terms cancel, what is left is rounding

struct Result {
  std::map<std::string, Tensor> outputs;
  std::map<std::string, Tensor> states; // after the run
};

// The reference, with each value rounded to f32 as soon as it is made: how much of a difference is rounding's.
Result rounded_reference(const ir::Function& function, const ir::Environment& environment) {
  std::map<const ir::Value*, Tensor> values;
  for (const auto& input : function.inputs()) values[input.get()] = environment.inputs.at(input->name);
  for (const auto& state : function.module().states()) values[&state->value] = environment.states.at(state->value.name);
  for (const auto& node : function.nodes()) {
    std::vector<Tensor> operands;
    for (const ir::Value* operand : node->operands()) operands.push_back(values.at(operand));
    std::vector<Tensor> made =
        evaluate_node(*node, node->raw_attributes(), std::move(operands), environment.seed, environment.step);
    const bool effect = node->op().traits.effect;
    for (size_t i = 0; i < made.size(); ++i) {
      for (double& element : made[i].data) element = static_cast<double>(static_cast<float>(element));
      values[effect ? &node->operand(i) : &node->result(i)] = std::move(made[i]);
    }
  }
  Result result;
  for (const ir::Output& output : function.outputs) result.outputs[output.name] = values.at(output.value);
  for (const auto& state : function.module().states()) result.states[state->value.name] = values.at(&state->value);
  return result;
}

double distance(const Tensor& a, const Tensor& b) {
  double sum = 0;
  for (int64_t i = 0; i < a.elements(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(sum);
}

double norm(const Tensor& a) {
  double sum = 0;
  for (double x : a.data) sum += x * x;
  return std::sqrt(sum);
}

template <class Element> Tensor tensor_of(const ir::Dims& dims, const std::vector<char>& bytes) {
  Tensor tensor(dims);
  for (size_t i = 0; i < tensor.data.size(); ++i) {
    Element value;
    std::memcpy(&value, bytes.data() + i * sizeof(Element), sizeof(Element));
    tensor.data[i] = static_cast<double>(value);
  }
  return tensor;
}

Tensor floats_of(const ir::Dims& dims, const std::vector<char>& bytes) { return tensor_of<float>(dims, bytes); }

} // namespace

std::vector<std::string> compare_run(const ir::Function& meant, const ir::Environment& start,
                                     const kiln_program& program, const kiln_function& compiled,
                                     const ProgramRun& run) {
  const ReferenceRun expected(meant, start);
  const Result noisy = rounded_reference(meant, start);
  std::vector<std::string> misses;
  double largest = 0;
  for (const auto& [name, tensor] : expected.outputs) largest = std::max(largest, norm(tensor));
  for (const auto& [name, tensor] : expected.states) largest = std::max(largest, norm(tensor));
  const auto compare = [&](const std::string& name, const Tensor& want, const Tensor& noise, const Tensor& got) {
    const double error = distance(want, got);
    const double allowed =
        kOutputTolerance * norm(want) + kRoundingAllowance * distance(want, noise) + kCancelled * largest;
    if (!(error <= allowed))
      misses.push_back(
          fmt::format("{} is {:.2g} away, {:.2g} allowed, its norm is {:.2g}", name, error, allowed, norm(want)));
  };
  for (int32_t o = 0; o < compiled.output_count; ++o) {
    const std::string name = compiled.outputs[o].name;
    const Tensor& want = expected.outputs.at(name);
    const std::vector<char>& bytes = run.outputs[static_cast<size_t>(o)];
    const bool is_whole = compiled.outputs[o].dtype == KILN_I32;
    compare(name, want, noisy.outputs.at(name),
            is_whole ? tensor_of<int32_t>(want.dims, bytes) : floats_of(want.dims, bytes));
  }
  for (int32_t s = 0; s < program.state_count; ++s) {
    const std::string name = program.states[s].tensor.name;
    if (const auto found = expected.states.find(name); found != expected.states.end())
      compare(name, found->second, noisy.states.at(name),
              floats_of(found->second.dims, run.states[static_cast<size_t>(s)]));
  }
  return misses;
}

double output_value(const kiln_function& compiled, const ProgramRun& run, std::string_view name) {
  for (int32_t o = 0; o < compiled.output_count; ++o)
    if (name == compiled.outputs[o].name) return floats_of({1}, run.outputs[static_cast<size_t>(o)])[0];
  throw std::runtime_error(fmt::format("no output {}", name));
}

void keep_states(const kiln_program& program, const ProgramRun& run, ir::Environment& environment) {
  for (int32_t s = 0; s < program.state_count; ++s) {
    Tensor& tensor = environment.states.at(program.states[s].tensor.name);
    tensor = floats_of(tensor.dims, run.states[static_cast<size_t>(s)]);
  }
}

} // namespace kiln::test
