// A network under construction: the values it has so far, the nodes and states that are added to it, and the choices
// that a seed decides. What can be added stands in random_network.cpp's table, an op a line.
#pragma once

#include "ir/op.h"
#include "passes/passes.h"

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <vector>

namespace kiln::test {

// Draws of a seed, in order.
class Choices {
public:
  explicit Choices(uint64_t seed) : seed_(seed) {}

  int64_t below(int64_t bound); // 0 .. bound - 1
  int64_t between(int64_t least, int64_t most) { return least + below(most - least + 1); }
  bool chance(double probability) { return real(0, 1) < probability; }
  double real(double least, double most); // a multiple of 1/1024 of the range, so that its text is short
  template <class T> T one_of(std::initializer_list<T> values) {
    return values.begin()[below(static_cast<int64_t>(values.size()))];
  }

private:
  uint64_t seed_;
  uint64_t drawn_ = 0;
};

// The batch is the only thing that functions of one network differ in: no choice may depend on it, but on `lone`.
class Growth {
public:
  // A value's size is the binary logarithm of about how large its elements are.
  static constexpr double kLargestSize = 5;

  Growth(ir::Function& function, Choices& choices, bool lone);

  Choices& choose;
  const passes::FunctionKind kind;
  const bool lone; // the training batch is one sample

  // Features to work on; later ones are likelier. Null where there is none.
  ir::Value& any() {
    return *pick([](const ir::Value&) { return true; });
  }
  ir::Value* image() { return of_rank(4); }
  ir::Value* rows() { return of_rank(2); }
  ir::Value* alike(const ir::Value& value); // of the same type; perhaps the value itself
  template <class Holds> ir::Value* pick(Holds holds) {
    std::vector<ir::Value*> found;
    for (ir::Value* feature : features_)
      if (holds(*feature)) found.push_back(feature);
    if (found.empty()) return nullptr;
    const auto count = static_cast<int64_t>(found.size());
    const int64_t at = choose.chance(0.6) ? count - 1 : choose.below(count);
    return found[static_cast<size_t>(at)];
  }
  const std::vector<ir::Value*>& features() const { return features_; }
  std::vector<ir::Value*> unused() const; // features that no node uses
  double size(const ir::Value& value) const { return sizes_.at(&value); }
  bool knows(const ir::Value& value) const { return sizes_.contains(&value); } // a feature

  // Starts a layer: nodes and states are named after it until the next one.
  void layer(std::string_view kind);
  template <class Op>
  ir::Node& node(typename Op::Attributes attributes, std::vector<ir::Value*> operands, std::string_view role = "") {
    return create(ir::info<Op>(), ir::Attributes::of(std::move(attributes)), std::move(operands), role);
  }
  ir::Node& create(const ir::OpInfo& op, ir::Attributes attributes, std::vector<ir::Value*> operands,
                   std::string_view role);
  // "<layer>.<role>". Functions of one module share it.
  ir::Value& state(std::string_view role, ir::Dims dims, ir::Initializer initializer,
                   ir::StateRole kind = ir::StateRole::parameter);
  ir::Value& parameter(std::string_view role, ir::Dims dims, double least, double most);
  // Uniform, so that sums of `fan_in` products are about as large as what is summed.
  ir::Value& weights(ir::Dims dims, int64_t fan_in);
  ir::Value& input(std::string_view name, ir::TensorType type);
  ir::StreamId stream() const; // of the layer
  void output(std::string_view name, ir::Value& value) { function_.outputs.push_back({std::string(name), &value}); }

  // Makes a value a feature. One that is too large is brought back into bounds by a tanh first.
  ir::Value& feature(ir::Value& value, double size);

  // States that this function has so far.
  const std::vector<ir::State*>& states() const { return states_; }

private:
  ir::Value* of_rank(int64_t rank) {
    return pick([&](const ir::Value& value) { return value.type.rank() == rank; });
  }

  ir::Function& function_;
  std::vector<ir::State*> states_;
  std::vector<ir::Value*> features_;
  std::map<const ir::Value*, double> sizes_;
  std::string layer_;
  int layers_ = 0;
};

// Values a channel of a sample.
inline int64_t pixels(const ir::Value& value) {
  return value.type.rank() == 4 ? value.type.dims[2] * value.type.dims[3] : 1;
}
inline int64_t channels(const ir::Value& value) { return value.type.dims[1]; }

} // namespace kiln::test
