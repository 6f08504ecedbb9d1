// The reference evaluator: walks a function in order, calling each op's own evaluation.
#include "ir/evaluate.h"

#include "ir/op.h"
#include "runtime/counter_random.h"
#include "runtime/vector_math.h"

#include <algorithm>
#include <cmath>
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

namespace {

// Element i of a kernel that interpolates (proto::Bilinear).
double bilinear_weight(const Dims& dims, int64_t i, int64_t channels) {
  const int64_t x = i % dims[3], y = i / dims[3] % dims[2], output = i / (dims[3] * dims[2]) % dims[1];
  const int64_t input = i / (dims[3] * dims[2] * dims[1]);
  if (input % channels != output % channels) return 0;
  const auto along = [](int64_t at, int64_t side) {
    const double factor = std::ceil(static_cast<double>(side) / 2);
    const double center = (2 * factor - 1 - std::fmod(factor, 2)) / (2 * factor);
    return 1 - std::abs(static_cast<double>(at) / factor - center);
  };
  return along(y, dims[2]) * along(x, dims[3]);
}

// Projects each row (column, where there are more rows) off those before it, and scales it.
void make_orthogonal(Tensor& tensor, double gain) {
  const int64_t rows = tensor.dims[0], columns = tensor.elements() / rows;
  const bool by_rows = rows <= columns;
  const int64_t count = std::min(rows, columns), length = std::max(rows, columns);
  const auto at = [&](int64_t k, int64_t i) -> double& { return tensor[by_rows ? k * columns + i : i * columns + k]; };
  const auto product = [&](int64_t a, int64_t b) {
    double sum = 0;
    for (int64_t i = 0; i < length; ++i) sum += at(a, i) * at(b, i);
    return sum;
  };
  for (int64_t k = 0; k < count; ++k) {
    for (int64_t turn = 0; turn < 2 * k; ++turn) {
      const double part = product(k, turn % k);
      for (int64_t i = 0; i < length; ++i) at(k, i) -= part * at(turn % k, i);
    }
    const double norm = std::sqrt(product(k, k));
    for (int64_t i = 0; i < length; ++i) at(k, i) /= norm;
  }
  for (double& value : tensor.data) value *= gain;
}

} // namespace

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
        case InitializerKind::orthogonal: // made so below
          tensor[i] = math::draw_normal(key, element);
          break;
        case InitializerKind::bilinear:
          tensor[i] = bilinear_weight(tensor.dims, i, static_cast<int64_t>(state->initializer.b));
          break;
        }
      }
      if (state->initializer.kind == InitializerKind::orthogonal) make_orthogonal(tensor, state->initializer.a);
    }
    states[state->value.name] = std::move(tensor);
  }
  return states;
}

} // namespace kiln::ir
