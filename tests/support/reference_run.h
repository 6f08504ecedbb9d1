// Runs functions on the reference evaluation with random inputs and states, and compares what came out.
#pragma once

#include "ir/evaluate.h"
#include "ir/graph.h"
#include "runtime/counter_random.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <string_view>

namespace kiln::test {

inline double random_element(uint64_t key, int64_t element) {
  return 2 * double{random::uniform(random::draw(key, static_cast<uint64_t>(element)))} - 1;
}

// Of a value's type and name alone, so that two modules that share a name share its values: f32 in [-1, 1), bytes,
// labels 0 and 1.
inline ir::Tensor random_value(const ir::Value& value) {
  ir::Tensor tensor(value.type.dims);
  const uint64_t key = random::stream_id(value.name);
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    const double u = random_element(key, i);
    if (value.type.dtype == ir::DType::f32)
      tensor[i] = u;
    else
      tensor[i] = std::floor((u + 1) / 2 * (value.type.dtype == ir::DType::u8 ? 256 : 2));
  }
  return tensor;
}

// States that are known keep their data.
inline ir::Environment random_environment(const ir::Function& function) {
  ir::Environment environment;
  environment.seed = 5;
  environment.step = 3;
  for (const auto& input : function.inputs()) environment.inputs[input->name] = random_value(*input);
  for (const auto& state : function.module().states()) {
    ir::Tensor& tensor = environment.states[state->value.name] = random_value(state->value);
    if (!state->data.empty()) tensor.data = state->data;
  }
  return environment;
}

struct ReferenceRun {
  std::map<std::string, ir::Tensor> outputs;
  std::map<std::string, ir::Tensor> states; // after the run

  explicit ReferenceRun(const ir::Function& function) : ReferenceRun(function, random_environment(function)) {}
  ReferenceRun(const ir::Function& function, ir::Environment environment)
      : outputs(ir::evaluate(function, environment)), states(std::move(environment.states)) {}
};

// The largest difference, relative to the largest element; infinite where shapes differ.
inline double difference(const ir::Tensor& a, const ir::Tensor& b) {
  if (a.dims != b.dims) return INFINITY;
  double largest = 0, worst = 0;
  for (int64_t i = 0; i < a.elements(); ++i) {
    largest = std::max(largest, std::abs(a[i]));
    worst = std::max(worst, std::isnan(a[i] - b[i]) ? INFINITY : std::abs(a[i] - b[i]));
  }
  return worst == 0 ? 0 : worst / largest;
}

} // namespace kiln::test
