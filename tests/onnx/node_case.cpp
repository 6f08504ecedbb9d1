// One folder of ONNX's test data, run.
// Results are held to |got - expected| <= 1e-5 |expected| + 1e-6 max |expected|; ONNX itself asks for a relative 1e-3.
#include "tests/onnx/node_case.h"

#include "codegen/host_cpu.h"
#include "codegen/program.h"
#include "frontend/onnx/import_error.h"
#include "frontend/onnx/importer.h"
#include "frontend/onnx/read_model.h"
#include "ir/evaluate.h"
#include "passes/pass_manager.h"
#include "passes/pipeline.h"
#include "passes/plan_memory.h"
#include "tests/support/ir_files.h"
#include "tests/support/program_run.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>
#include <map>
#include <optional>
#include <sstream>

namespace kiln::test {

namespace {

namespace onnx = frontend::onnx;
using onnx::Constant;

// Inputs that decide shapes, or what is computed, by the op that reads them. A test gives them like any other input, so
// they are bound to their values.
bool decides(const std::string& op, int position) {
  static const std::map<std::string, std::vector<int>> kPositions = {
      {"Clip", {1, 2}},      {"Dropout", {1, 2}},     {"Expand", {1}},    {"Pad", {1, 2, 3}},
      {"Pow", {1}},          {"Range", {0, 1, 2}},    {"ReduceSum", {1}}, {"Reshape", {1}},
      {"Resize", {1, 2, 3}}, {"Slice", {1, 2, 3, 4}}, {"Split", {1}},     {"Squeeze", {1}},
      {"Tile", {1, 2}},      {"Unsqueeze", {1}},      {"Upsample", {1}},  {"ConstantOfShape", {0}}};
  const auto found = kPositions.find(op);
  return found != kPositions.end() &&
         std::find(found->second.begin(), found->second.end(), position) != found->second.end();
}

bool decides(const onnx::proto::GraphProto& graph, const std::string& input) {
  for (const auto& node : graph.node())
    for (int i = 0; i < node.input_size(); ++i)
      if (node.input(i) == input && decides(node.op_type(), i)) return true;
  return false;
}

std::vector<Constant> read_tensors(const std::filesystem::path& data_set, const std::string& stem) {
  std::vector<Constant> tensors;
  for (int i = 0;; ++i) {
    const std::filesystem::path path = data_set / fmt::format("{}_{}.pb", stem, i);
    if (!std::filesystem::exists(path)) return tensors;
    frontend::Diagnostics diagnostics;
    const auto tensor = onnx::read_tensor_file(path.string(), diagnostics);
    if (!tensor) throw std::runtime_error(diagnostics.text());
    tensors.push_back(onnx::read_constant(*tensor));
  }
}

std::optional<std::string> compare(const onnx::Port& port, const ir::Tensor& got, const Constant& expected) {
  if (port.dims != expected.dims)
    return fmt::format("output {} has shape [{}], expected [{}]", port.name, fmt::join(port.dims, ","),
                       fmt::join(expected.dims, ","));
  const std::vector<double> wanted = expected.numbers();
  double largest = 0;
  for (double value : wanted)
    if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
  for (int64_t i = 0; i < got.elements(); ++i) {
    const double value = wanted[static_cast<size_t>(i)];
    const bool same = got[i] == value || (std::isnan(got[i]) && std::isnan(value));
    if (!same && !(std::abs(got[i] - value) <= 1e-5 * std::abs(value) + 1e-6 * largest))
      return fmt::format("output {}[{}] is {}, expected {}", port.name, i, got[i], value);
  }
  return std::nullopt;
}

ir::Tensor tensor_of(const Constant& constant, const ir::TensorType& type) {
  ir::Tensor tensor(type.dims);
  tensor.data = constant.numbers();
  return tensor;
}

class Run {
public:
  explicit Run(onnx::ImportedModel& model, const std::map<std::string, Constant>& given) : model_(model) {
    environment_.states = ir::initial_states(*model.module, 0);
    for (const auto& state : model.module->states())
      if (!state->data.empty()) environment_.states.at(state->value.name).data = state->data;
    for (const onnx::Port& port : model.inputs)
      environment_.inputs[port.ir_name] = tensor_of(given.at(port.name), predict().find_input(port.ir_name)->type);
  }

  std::map<std::string, ir::Tensor> reference() {
    ir::Environment environment = environment_;
    return ir::evaluate(predict(), environment);
  }

  // Changes the module, as compiling does.
  std::map<std::string, ir::Tensor> compiled() {
    passes::RunOptions options;
    options.pass.target = ir::target_for(codegen::host_isa_level());
    passes::run_passes(*model_.module, passes::inference_pipeline(), options);
    const ir::Plan plan = passes::plan_memory(*model_.module, options.pass.target);
    const codegen::Program program(plan, {});
    const kiln_program& description = program.description();
    const kiln_function& function = description.functions[0];
    const ProgramRun run = run_program(description, function, environment_, {1, true});
    std::map<std::string, ir::Tensor> results;
    for (int32_t i = 0; i < function.output_count; ++i)
      results[function.outputs[i].name] =
          logical_values(function.outputs[i], run.outputs[static_cast<size_t>(i)].data());
    return results;
  }

private:
  const ir::Function& predict() const { return *model_.module->find_function("predict"); }

  onnx::ImportedModel& model_;
  ir::Environment environment_;
};

std::optional<std::string> check_outputs(const onnx::ImportedModel& model, const std::vector<Constant>& expected,
                                         const std::map<std::string, ir::Tensor>& got) {
  for (size_t i = 0; i < model.outputs.size(); ++i)
    if (const auto problem = compare(model.outputs[i], got.at(model.outputs[i].ir_name), expected.at(i)))
      return problem;
  return std::nullopt;
}

NodeOutcome run_data_set(const onnx::proto::ModelProto& model, const std::filesystem::path& data_set) {
  const std::vector<Constant> inputs = read_tensors(data_set, "input");
  const std::vector<Constant> expected = read_tensors(data_set, "output");
  if (expected.empty()) return {false, "no expected outputs"};
  onnx::ImportOptions options;
  std::map<std::string, Constant> given;
  for (int i = 0; i < model.graph().input_size() && i < static_cast<int>(inputs.size()); ++i) {
    const std::string& name = model.graph().input(i).name();
    given[name] = inputs[static_cast<size_t>(i)];
    if (decides(model.graph(), name)) options.bindings[name] = given[name];
  }
  frontend::Diagnostics diagnostics;
  onnx::ImportedModel imported = onnx::import_model(model, "model.onnx", options, diagnostics);
  if (!imported.module) return {false, diagnostics.text()};
  if (imported.outputs.size() != expected.size()) return {true, "another number of outputs than expected"};
  Run run(imported, given);
  if (const auto problem = check_outputs(imported, expected, run.reference())) return {true, "reference: " + *problem};
  if (const auto problem = check_outputs(imported, expected, run.compiled())) return {true, "compiled: " + *problem};
  return {true, ""};
}

} // namespace

NodeOutcome run_node_case(const std::filesystem::path& folder) {
  frontend::Diagnostics diagnostics;
  const auto model = onnx::read_model((folder / "model.onnx").string(), diagnostics);
  if (!model) return {false, diagnostics.text()};
  NodeOutcome outcome{false, "no data set"};
  for (int i = 0; std::filesystem::exists(folder / fmt::format("test_data_set_{}", i)); ++i) {
    try {
      outcome = run_data_set(*model, folder / fmt::format("test_data_set_{}", i));
    } catch (const onnx::ImportError& refusal) {
      return {false, refusal.what()}; // of the data: strings, sequences
    }
    if (!outcome.problem.empty()) break;
  }
  return outcome;
}

bool NotRun::covers(const std::string& name) const { return fnmatch(pattern.c_str(), name.c_str(), 0) == 0; }

std::vector<NotRun> read_not_run(const std::filesystem::path& file) {
  std::vector<NotRun> entries;
  std::istringstream lines(read_text(file));
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    const size_t colon = line.find(": ");
    if (colon == std::string::npos) throw std::runtime_error(fmt::format("{}: no reason: {}", file.string(), line));
    entries.push_back({line.substr(0, colon), line.substr(colon + 2)});
  }
  return entries;
}

} // namespace kiln::test
