// Adding to a network under construction.
#include "tests/support/growth.h"

#include "ir/all_ops.h"
#include "runtime/counter_random.h"

#include <cmath>
#include <fmt/format.h>

namespace kiln::test {

int64_t Choices::below(int64_t bound) {
  return static_cast<int64_t>(random::draw(random::stream_key(seed_, uint64_t{0}, uint64_t{0}), drawn_++) %
                              static_cast<uint64_t>(bound));
}

double Choices::real(double least, double most) {
  return least + (most - least) * static_cast<double>(below(1024)) / 1024;
}

Growth::Growth(ir::Function& function, Choices& choices, bool lone)
    : choose(choices), kind(passes::kind_of(function)), lone(lone), function_(function) {}

ir::Value* Growth::alike(const ir::Value& value) {
  return pick([&](const ir::Value& other) { return other.type == value.type; });
}

std::vector<ir::Value*> Growth::unused() const {
  std::vector<ir::Value*> found;
  for (ir::Value* feature : features_)
    if (function_.users(*feature).empty()) found.push_back(feature);
  return found;
}

void Growth::layer(std::string_view kind) { layer_ = fmt::format("{}{}", kind, ++layers_); }

ir::Node& Growth::create(const ir::OpInfo& op, ir::Attributes attributes, std::vector<ir::Value*> operands,
                         std::string_view role) {
  const std::string name = role.empty() ? layer_ : fmt::format("{}.{}", layer_, role);
  ir::Node& made = function_.create(op, std::move(attributes), std::move(operands), name);
  made.layer = layer_;
  return made;
}

ir::Value& Growth::state(std::string_view role, ir::Dims dims, ir::Initializer initializer, ir::StateRole kind) {
  const std::string name = fmt::format("{}.{}", layer_, role);
  ir::State* state = function_.module().find_state(name);
  if (state == nullptr) {
    state = &function_.module().add_state(name, {ir::DType::f32, std::move(dims), {}}, kind, initializer);
    state->stream = {random::stream_id(name)};
  }
  return states_.emplace_back(state)->value;
}

ir::Value& Growth::parameter(std::string_view role, ir::Dims dims, double least, double most) {
  return state(role, std::move(dims), {ir::InitializerKind::uniform, least, most});
}

ir::Value& Growth::weights(ir::Dims dims, int64_t fan_in) {
  const double bound = std::ceil(1024 * std::sqrt(3.0 / static_cast<double>(fan_in))) / 1024;
  return parameter("weight", std::move(dims), -bound, bound);
}

ir::Value& Growth::input(std::string_view name, ir::TensorType type) {
  return function_.add_input(name, std::move(type));
}

ir::StreamId Growth::stream() const { return {random::stream_id(layer_)}; }

ir::Value& Growth::feature(ir::Value& value, double size) {
  ir::Value* made = &value;
  if (size > kLargestSize) {
    layer("bound");
    made = &node<ir::Tanh>({}, {made}).result();
    size = 0;
  }
  features_.push_back(made);
  sizes_[made] = size;
  return *made;
}

} // namespace kiln::test
