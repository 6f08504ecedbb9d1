// Checks one op's gradient rule against central differences of its reference evaluation, both in double.
// The rule is run as `differentiate` runs it, with every f32 operand wanted and a random gradient on every result.
#pragma once

#include "ir/evaluate.h"
#include "ir/op.h"
#include "runtime/counter_random.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <string>
#include <vector>

namespace kiln::test {

// Values in [-1, 1), none nearer to 0 than 0.05, where rectifiers bend.
inline ir::Tensor random_tensor(const ir::Dims& dims, uint64_t key) {
  ir::Tensor tensor(dims);
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    const double u = 2 * double{random::uniform(random::draw(key, static_cast<uint64_t>(i)))} - 1;
    tensor[i] = u < 0 ? u * 0.95 - 0.05 : u * 0.95 + 0.05;
  }
  return tensor;
}

struct GradientCheck {
  double worst_error = 0;      // relative, see below
  double largest_gradient = 0; // 0 means that nothing was tested
  std::vector<bool> given;     // per operand: the rule gave a gradient
  std::string where;           // of the worst error
};

namespace detail {

// The op in a function of its own: an input per operand and per result gradient.
class OneOp final : public ir::GradientBuilder {
public:
  OneOp(const ir::OpInfo& op, const ir::Attributes& attributes, const std::vector<ir::TensorType>& operands)
      : function_(module_.add_function("one_op")), gradients_(operands.size()) {
    std::vector<ir::Value*> values;
    for (size_t i = 0; i < operands.size(); ++i)
      values.push_back(&function_.add_input(fmt::format("operand{}", i), operands[i]));
    node_ = &function_.create(op, attributes, values, "result");
    for (size_t i = 0; i < node_->result_count(); ++i)
      function_.outputs.push_back({fmt::format("result{}", i), &node_->result(i)});
  }

  void differentiate() {
    for (size_t i = 0; i < node_->result_count(); ++i)
      seeds_.push_back(&function_.add_input(fmt::format("seed{}", i), node_->result(i).type));
    node_->op().gradient(*this, *node_);
    for (size_t i = 0; i < gradients_.size(); ++i)
      if (gradients_[i] != nullptr) function_.outputs.push_back({fmt::format("gradient{}", i), gradients_[i]});
  }

  ir::Value* result_gradient(size_t i) override { return seeds_.at(i); }
  bool wants(size_t operand) const override { return node_->operand(operand).type.dtype == ir::DType::f32; }
  void set_operand_gradient(size_t operand, ir::Value& gradient) override {
    if (gradients_.at(operand) != nullptr) throw ir::TypeError(fmt::format("operand {} has two gradients", operand));
    if (!gradient.type.same_logical(node_->operand(operand).type))
      throw ir::TypeError(fmt::format("operand {} is {}, its gradient {}", operand,
                                      to_string(node_->operand(operand).type), to_string(gradient.type)));
    gradients_[operand] = &gradient;
  }
  ir::Value& create(const ir::OpInfo& op, ir::Attributes attributes, std::vector<ir::Value*> operands,
                    std::string_view role) override {
    return function_.create(op, std::move(attributes), std::move(operands), role).result();
  }

  const ir::Function& function() const { return function_; }
  const ir::Node& node() const { return *node_; }
  bool has_gradient(size_t operand) const { return gradients_[operand] != nullptr; }

private:
  ir::Module module_;
  ir::Function& function_;
  ir::Node* node_ = nullptr;
  std::vector<ir::Value*> seeds_;
  std::vector<ir::Value*> gradients_;
};

} // namespace detail

// The error of an element is |analytic - numeric| / max(|analytic|, |numeric|, a thousandth of the largest numeric
// gradient of that operand, 1e-6). Values must keep `step` away from kinks.
inline GradientCheck check_gradient(const ir::OpInfo& op, const ir::Attributes& attributes,
                                    const std::vector<ir::TensorType>& types, const std::vector<ir::Tensor>& values,
                                    double step = 1e-5) {
  detail::OneOp forward(op, attributes, types);
  detail::OneOp backward(op, attributes, types);
  backward.differentiate();

  ir::Environment environment;
  environment.seed = 11;
  environment.step = 7;
  for (size_t i = 0; i < values.size(); ++i) environment.inputs[fmt::format("operand{}", i)] = values[i];
  std::vector<ir::Tensor> seeds;
  for (size_t i = 0; i < forward.node().result_count(); ++i) {
    seeds.push_back(random_tensor(forward.node().result(i).type.dims, 1000 + i));
    environment.inputs[fmt::format("seed{}", i)] = seeds.back();
  }
  auto analytic = ir::evaluate(backward.function(), environment);
  const auto objective = [&] {
    auto results = ir::evaluate(forward.function(), environment);
    double sum = 0;
    for (size_t i = 0; i < seeds.size(); ++i) {
      const ir::Tensor& result = results.at(fmt::format("result{}", i));
      for (int64_t e = 0; e < result.elements(); ++e) sum += result[e] * seeds[i][e];
    }
    return sum;
  };

  GradientCheck check;
  for (size_t i = 0; i < values.size(); ++i) {
    check.given.push_back(backward.has_gradient(i));
    if (!backward.has_gradient(i)) continue;
    const ir::Tensor& given = analytic.at(fmt::format("gradient{}", i));
    ir::Tensor& operand = environment.inputs.at(fmt::format("operand{}", i));
    std::vector<double> numeric;
    double scale = 0;
    for (int64_t e = 0; e < operand.elements(); ++e) {
      const double value = operand[e];
      operand[e] = value + step;
      const double above = objective();
      operand[e] = value - step;
      numeric.push_back((above - objective()) / (2 * step));
      operand[e] = value;
      scale = std::max(scale, std::abs(numeric.back()));
    }
    check.largest_gradient = std::max(check.largest_gradient, scale);
    for (int64_t e = 0; e < operand.elements(); ++e) {
      const double expected = numeric[static_cast<size_t>(e)];
      const double size = std::max({std::abs(given[e]), std::abs(expected), scale / 1000, 1e-6});
      const double error = std::abs(given[e] - expected) / size;
      if (error > check.worst_error || std::isnan(error)) {
        check.worst_error = std::isnan(error) ? INFINITY : error;
        check.where = fmt::format("operand {} element {}: rule {}, difference {}", i, e, given[e], expected);
      }
    }
  }
  return check;
}

} // namespace kiln::test
