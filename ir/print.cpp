// IR to text.
#include "ir/op.h"
#include "ir/text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kiln::ir {

namespace {

// Longer data is left out of the text: it is for reading, weights travel in checkpoints.
constexpr size_t kMaxPrintedData = 64;

class FieldPrinter final : public FieldVisitor {
public:
  void operator()(std::string_view name, bool& value) override { add(name, value ? "true" : "false"); }
  void operator()(std::string_view name, int64_t& value) override { add(name, fmt::to_string(value)); }
  void operator()(std::string_view name, double& value) override { add(name, fmt::format("{}", value)); }
  void operator()(std::string_view name, StreamId& value) override { add(name, fmt::format("{:#018x}", value.value)); }
  void operator()(std::string_view name, std::span<int64_t> values) override {
    add(name, fmt::format("[{}]", fmt::join(values, ",")));
  }
  void operator()(std::string_view name, Dims& values) override {
    add(name, fmt::format("[{}]", fmt::join(values, ",")));
  }
  void operator()(std::string_view name, std::vector<double>& values) override {
    add(name, fmt::format("[{}]", fmt::join(values, ",")));
  }
  void operator()(std::string_view name, Epilogue& value) override { add(name, to_string(value)); }
  void enumeration(std::string_view name, std::span<const std::string_view> names, int& value) override {
    add(name, std::string(names[static_cast<size_t>(value)]));
  }

  std::string text() const { return text_.empty() ? "" : "{" + text_ + "}"; }

private:
  void add(std::string_view name, const std::string& value) {
    if (!text_.empty()) text_ += ", ";
    text_ += fmt::format("{}={}", name, value);
  }

  std::string text_;
};

std::string reference(const Value& value) { return (value.kind == Value::Kind::state ? "@" : "%") + value.name; }

std::string_view name_of(StateRole role) {
  switch (role) {
  case StateRole::parameter:
    return "parameter";
  case StateRole::statistic:
    return "statistic";
  case StateRole::optimizer:
    return "optimizer";
  case StateRole::constant:
    return "constant";
  }
  return "?";
}

std::string text_of(const Initializer& initializer) {
  switch (initializer.kind) {
  case InitializerKind::constant:
    return fmt::format("constant({})", initializer.a);
  case InitializerKind::uniform:
    return fmt::format("uniform({},{})", initializer.a, initializer.b);
  case InitializerKind::normal:
    return fmt::format("normal({},{})", initializer.a, initializer.b);
  case InitializerKind::orthogonal:
    return fmt::format("orthogonal({})", initializer.a);
  case InitializerKind::bilinear:
    return fmt::format("bilinear({},{})", initializer.a, initializer.b);
  }
  return "?";
}

std::string text_of(const State& state) {
  std::string text =
      fmt::format("state @{} : {} {{role={}", state.value.name, to_string(state.value.type), name_of(state.role));
  if (state.role != StateRole::constant) text += ", init=" + text_of(state.initializer);
  if (state.stream.value != 0) text += fmt::format(", stream={:#018x}", state.stream.value);
  if (state.lr_multiplier != 1) text += fmt::format(", lr={}", state.lr_multiplier);
  if (state.decay_multiplier != 1) text += fmt::format(", decay={}", state.decay_multiplier);
  if (state.frozen) text += ", frozen=true";
  if (state.reinitialized) text += ", reinitialized=true";
  if (!state.data.empty())
    text += state.data.size() <= kMaxPrintedData ? fmt::format(", data=[{}]", fmt::join(state.data, ","))
                                                 : ", data=omitted";
  return text + "}";
}

} // namespace

std::string to_string(const Attributes& attributes) {
  FieldPrinter printer;
  attributes.visit(printer);
  return printer.text();
}

std::string print(const Node& node) {
  std::string text;
  for (size_t i = 0; i < node.result_count(); ++i)
    text += fmt::format("{}%{}", i == 0 ? "" : ", ", node.result(i).name);
  if (node.result_count() != 0) text += " = ";
  text += fmt::format("{}(", node.op().name);
  for (size_t i = 0; i < node.operands().size(); ++i) text += (i == 0 ? "" : ", ") + reference(node.operand(i));
  text += ")";
  if (const std::string attributes = to_string(node.raw_attributes()); !attributes.empty()) text += " " + attributes;
  if (node.kernel != Kernel::unset) text += fmt::format(" kernel={}", name_of(node.kernel));
  if (!node.layer.empty()) text += fmt::format(" layer=\"{}\"", node.layer);
  for (size_t i = 0; i < node.result_count(); ++i) text += (i == 0 ? " : " : ", ") + to_string(node.result(i).type);
  return text;
}

std::string print(const Function& function) {
  std::string text = fmt::format("func @{}(", function.name());
  for (size_t i = 0; i < function.inputs().size(); ++i) {
    const Value& input = *function.inputs()[i];
    text += fmt::format("{}%{}: {}", i == 0 ? "" : ", ", input.name, to_string(input.type));
  }
  text += ") {\n";
  for (const auto& node : function.nodes()) text += "  " + print(*node) + "\n";
  text += "  return";
  for (size_t i = 0; i < function.outputs.size(); ++i)
    text += fmt::format("{} {}={}", i == 0 ? "" : ",", function.outputs[i].name, reference(*function.outputs[i].value));
  return text + "\n}\n";
}

std::string print(const Module& module) {
  std::string text = fmt::format("module \"{}\" {{\n", module.name());
  if (Optimizer optimizer = module.optimizer; optimizer.kind != OptimizerKind::none) {
    FieldPrinter printer;
    optimizer.fields(printer, false);
    text += fmt::format("  optimizer {} {}\n", name_of(optimizer.kind), printer.text());
  }
  for (const auto& state : module.states()) text += "  " + text_of(*state) + "\n";
  for (const auto& function : module.functions()) {
    const std::string body = print(*function);
    for (size_t start = 0; start < body.size();) {
      const size_t end = body.find('\n', start);
      text += "  " + body.substr(start, end - start) + "\n";
      start = end + 1;
    }
  }
  return text + "}\n";
}

} // namespace kiln::ir
