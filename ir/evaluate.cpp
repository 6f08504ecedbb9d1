// The reference evaluator: walks a function in order, calling each op's own evaluation.
#include "ir/evaluate.h"

#include "ir/op.h"
#include "runtime/counter_random.h"
#include "runtime/vector_math.h"

#include <fmt/format.h>

namespace kiln::ir {

Tensor::Tensor(Dims d) : dims(std::move(d)) {
  int64_t count = 1;
  for (int64_t dim : dims) count *= dim;
  data.assign(static_cast<size_t>(count), 0.0);
}

namespace {

// What one function call sees of its values, by address.
class Frame {
public:
  Frame(const Function& function, Environment& environment) : environment_(environment) {
    for (const auto& input : function.inputs()) {
      const auto found = environment.inputs.find(input->name);
      if (found == environment.inputs.end()) throw TypeError(fmt::format("input %{} has no value", input->name));
      if (found->second.dims != input->type.dims)
        throw TypeError(fmt::format("input %{} is {}, its value has {} elements", input->name, to_string(input->type),
                                    found->second.elements()));
      values_[input.get()] = &found->second;
    }
  }

  Tensor& state(const Value& value) {
    const auto found = environment_.states.find(value.name);
    if (found == environment_.states.end()) throw TypeError(fmt::format("state @{} has no value", value.name));
    return found->second;
  }

  const Tensor* at(const Value& value) { return value.kind == Value::Kind::state ? &state(value) : values_.at(&value); }

  Tensor* define(const Value& value) {
    Tensor& tensor = owned_[&value];
    tensor = Tensor(value.type.dims);
    values_[&value] = &tensor;
    return &tensor;
  }

private:
  Environment& environment_;
  std::map<const Value*, Tensor> owned_;
  std::map<const Value*, const Tensor*> values_;
};

} // namespace

std::map<std::string, Tensor> evaluate(const Function& function, Environment& environment,
                                       std::map<std::string, Tensor>* trace) {
  Frame frame(function, environment);
  for (const auto& node : function.nodes()) {
    EvaluationFrame call;
    call.seed = environment.seed;
    call.step = environment.step;
    for (const Value* operand : node->operands()) {
      call.operands.push_back(frame.at(*operand));
      call.writable.push_back(node->op().traits.effect && operand->kind == Value::Kind::state ? &frame.state(*operand)
                                                                                              : nullptr);
    }
    for (size_t i = 0; i < node->result_count(); ++i) call.results.push_back(frame.define(node->result(i)));
    node->op().evaluate(node->raw_attributes(), call);
    if (trace != nullptr)
      for (size_t i = 0; i < node->result_count(); ++i) (*trace)[node->result(i).name] = *frame.at(node->result(i));
  }
  std::map<std::string, Tensor> outputs;
  for (const Output& output : function.outputs) outputs[output.name] = *frame.at(*output.value);
  return outputs;
}

std::map<std::string, Tensor> initial_states(const Module& module, uint64_t seed) {
  std::map<std::string, Tensor> states;
  for (const auto& state : module.states()) {
    Tensor tensor(state->value.type.dims);
    if (!state->data.empty()) {
      tensor.data = state->data;
    } else {
      const uint64_t key = random::stream_key(seed, uint64_t{0}, state->stream.value);
      // In f32, as the runtime draws them.
      const auto first = static_cast<float>(state->initializer.a);
      const auto second = static_cast<float>(state->initializer.b);
      for (int64_t i = 0; i < tensor.elements(); ++i) {
        const auto element = static_cast<uint64_t>(i);
        switch (state->initializer.kind) {
        case InitializerKind::constant:
          tensor[i] = first;
          break;
        case InitializerKind::uniform:
          tensor[i] = first + (second - first) * random::uniform(random::draw(key, element));
          break;
        case InitializerKind::normal:
          tensor[i] = first + second * math::draw_normal(key, element);
          break;
        }
      }
    }
    states[state->value.name] = std::move(tensor);
  }
  return states;
}

} // namespace kiln::ir
