// What a function is run with, and running it.
#include "tests/support/program_run.h"

#include "ir/op.h"
#include "ir/ops/label_weight.h"
#include "runtime/counter_random.h"
#include "tests/support/reference_run.h"

#include <cmath>

namespace kiln::test {

namespace {

ir::Tensor input_value(const ir::Function& function, const ir::Value& input, uint64_t draw) {
  ir::Tensor tensor(input.type.dims);
  const uint64_t key = random::stream_id(input.name) + draw;
  const int64_t classes = classes_of(function, input);
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    // A lone element is positive, so that rectifiers let it through.
    const double u = tensor.elements() == 1 ? std::abs(random_element(key, i)) : random_element(key, i);
    if (input.type.dtype == ir::DType::f32)
      tensor[i] = static_cast<float>(u < 0 ? u * 0.95 - 0.05 : u * 0.95 + 0.05);
    else
      tensor[i] = std::floor((u + 1) / 2 * static_cast<double>(input.type.dtype == ir::DType::u8 ? 256 : classes));
  }
  return tensor;
}

// A tensor of the caller: bytes in the layout that the function's description states (inputs and outputs are plain).
std::vector<char> bytes_of(const ir::Tensor& tensor, ir::DType dtype) {
  return physical_bytes(describe({dtype, tensor.dims, {}}), tensor);
}

} // namespace

int64_t classes_of(const ir::Function& function, const ir::Value& input) {
  for (const ir::Node* user : function.users(input)) {
    if (user->is<ir::LabelWeight>()) return user->operands().size() > 1 ? user->operand(1).type.dims[0] : 3;
    if (&user->operand(0) != &input && user->operand(0).type.rank() >= 2) return user->operand(0).type.dims[1];
  }
  return 0;
}

ir::Environment environment_for(const ir::Function& function, uint64_t draw) {
  ir::Environment environment;
  environment.seed = 11 + draw;
  environment.step = 7;
  for (const auto& input : function.inputs()) environment.inputs[input->name] = input_value(function, *input, draw);
  environment.states = ir::initial_states(function.module(), environment.seed);
  return environment;
}

ProgramRun run_program(const kiln_program& program, const kiln_function& function, const ir::Environment& environment,
                       runtime::Instance::Options options, StepCheck* check) {
  runtime::Instance instance(program, options);
  for (int32_t s = 0; s < program.state_count; ++s) {
    const kiln_tensor& tensor = program.states[s].tensor;
    if (program.states[s].role != KILN_CONSTANT)
      instance.write_state(s, bytes_of(environment.states.at(tensor.name), ir::DType::f32).data());
  }
  std::vector<std::vector<char>> inputs;
  std::vector<const void*> input_pointers;
  for (int32_t i = 0; i < function.input_count; ++i) {
    const kiln_tensor& tensor = function.inputs[i];
    const auto dtype = tensor.dtype == KILN_F32  ? ir::DType::f32
                       : tensor.dtype == KILN_U8 ? ir::DType::u8
                                                 : ir::DType::i32;
    inputs.push_back(bytes_of(environment.inputs.at(tensor.name), dtype));
    input_pointers.push_back(inputs.back().data());
  }
  ProgramRun result;
  std::vector<void*> output_pointers;
  for (int32_t i = 0; i < function.output_count; ++i)
    output_pointers.push_back(result.outputs.emplace_back(static_cast<size_t>(function.outputs[i].bytes)).data());
  if (check != nullptr) check->attach(instance);
  instance.run(function, input_pointers, output_pointers, environment.seed, environment.step);
  for (int32_t s = 0; s < program.state_count; ++s) {
    std::vector<char>& bytes = result.states.emplace_back(static_cast<size_t>(program.states[s].tensor.bytes));
    instance.read_state(s, bytes.data());
  }
  return result;
}

} // namespace kiln::test
