// Text to IR: a recursive-descent parser over the form that print.cpp writes.
#include "ir/op.h"
#include "ir/text.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kiln::ir {

ParseError::ParseError(int at_line, int at_column, const std::string& message)
    : std::runtime_error(fmt::format("{}:{}: {}", at_line, at_column, message)), line(at_line), column(at_column) {}

namespace {

class Cursor {
public:
  explicit Cursor(std::string_view text) : text_(text) {}

  [[noreturn]] void fail(const std::string& message) const { fail_at(position_, message); }
  [[noreturn]] void fail_at(size_t position, const std::string& message) const {
    int line = 1, column = 1;
    for (size_t i = 0; i < position && i < text_.size(); ++i) {
      column = text_[i] == '\n' ? 1 : column + 1;
      line += text_[i] == '\n';
    }
    throw ParseError(line, column, message);
  }

  size_t position() {
    skip_blanks();
    return position_;
  }
  bool at_end() { return position() >= text_.size(); }
  bool sees(std::string_view token) {
    skip_blanks();
    return text_.substr(position_).starts_with(token);
  }
  bool accept(std::string_view token) {
    if (!sees(token)) return false;
    position_ += token.size();
    return true;
  }
  // A token with no blank before it: a type's layout, as against the fields that may follow a type.
  bool accept_adjacent(std::string_view token) {
    if (!text_.substr(position_).starts_with(token)) return false;
    position_ += token.size();
    return true;
  }
  void expect(std::string_view token) {
    if (!accept(token)) fail(fmt::format("expected '{}'{}", token, found()));
  }
  // A word: letters, digits and the characters in `extra`.
  std::string word(std::string_view what, std::string_view extra = "_.-/") {
    skip_blanks();
    const size_t start = position_;
    while (position_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[position_])) != 0 ||
                                        extra.find(text_[position_]) != std::string_view::npos))
      ++position_;
    if (position_ == start) fail(fmt::format("expected {}{}", what, found()));
    return std::string(text_.substr(start, position_ - start));
  }
  bool accept_word(std::string_view expected) {
    const size_t start = position();
    if (sees(expected) && word("a word") == expected) return true;
    position_ = start;
    return false;
  }
  std::string quoted() {
    expect("\"");
    const size_t end = text_.find('"', position_);
    if (end == std::string_view::npos) fail("the string is not closed");
    std::string value(text_.substr(position_, end - position_));
    position_ = end + 1;
    return value;
  }
  template <class T> T number(std::string_view what) {
    skip_blanks();
    T value{};
    const char* begin = text_.data() + position_;
    const char* end = text_.data() + text_.size();
    std::from_chars_result result{};
    if constexpr (std::is_floating_point_v<T>) {
      result = std::from_chars(begin, end, value);
    } else {
      const bool hex = std::is_unsigned_v<T> && sees("0x");
      result = std::from_chars(begin + (hex ? 2 : 0), end, value, hex ? 16 : 10);
    }
    if (result.ec != std::errc{}) fail(fmt::format("expected {}{}", what, found()));
    position_ += static_cast<size_t>(result.ptr - begin);
    return value;
  }
  template <class T> std::vector<T> list(std::string_view what) {
    std::vector<T> values;
    expect("[");
    if (accept("]")) return values;
    do values.push_back(number<T>(what));
    while (accept(","));
    expect("]");
    return values;
  }

private:
  void skip_blanks() {
    while (position_ < text_.size()) {
      if (std::isspace(static_cast<unsigned char>(text_[position_])) != 0)
        ++position_;
      else if (text_[position_] == '#')
        position_ = std::min(text_.find('\n', position_), text_.size());
      else
        break;
    }
  }
  std::string found() const {
    if (position_ >= text_.size()) return ", found the end of the text";
    return fmt::format(", found '{}'", text_[position_]);
  }

  std::string_view text_;
  size_t position_ = 0;
};

Epilogue parse_epilogue(Cursor& in) {
  Epilogue epilogue;
  in.expect("[");
  if (in.accept("]")) return epilogue;
  do {
    const size_t start = in.position();
    const std::string name = in.word("an epilogue step", "_");
    const auto names = epilogue_names();
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) in.fail_at(start, fmt::format("unknown epilogue step '{}'", name));
    EpilogueStep step{static_cast<EpilogueKind>(found - names.begin())};
    if (const int parameters = parameter_count(step.kind); parameters > 0 && in.accept("(")) {
      step.first = in.number<double>("a parameter");
      if (parameters == 2) {
        in.expect(",");
        step.second = in.number<double>("a parameter");
      }
      in.expect(")");
    }
    epilogue.push_back(step);
  } while (in.accept(","));
  in.expect("]");
  return epilogue;
}

// Reads the value of one named field, if the op has a field of that name.
class FieldParser final : public FieldVisitor {
public:
  FieldParser(Cursor& in, std::string_view name) : in_(in), name_(name) {}

  void operator()(std::string_view name, bool& value) override {
    if (!matches(name)) return;
    if (in_.accept_word("true"))
      value = true;
    else if (in_.accept_word("false"))
      value = false;
    else
      in_.fail("expected true or false");
  }
  void operator()(std::string_view name, int64_t& value) override {
    if (matches(name)) value = in_.number<int64_t>("an integer");
  }
  void operator()(std::string_view name, double& value) override {
    if (matches(name)) value = in_.number<double>("a number");
  }
  void operator()(std::string_view name, StreamId& value) override {
    if (matches(name)) value.value = in_.number<uint64_t>("a stream id");
  }
  void operator()(std::string_view name, std::span<int64_t> values) override {
    if (!matches(name)) return;
    const auto parsed = in_.list<int64_t>("an integer");
    if (parsed.size() != values.size())
      in_.fail(fmt::format("{} has {} values, got {}", name, values.size(), parsed.size()));
    std::copy(parsed.begin(), parsed.end(), values.begin());
  }
  void operator()(std::string_view name, Dims& values) override {
    if (matches(name)) values = in_.list<int64_t>("an integer");
  }
  void operator()(std::string_view name, std::vector<double>& values) override {
    if (matches(name)) values = in_.list<double>("a number");
  }
  void operator()(std::string_view name, Epilogue& value) override {
    if (matches(name)) value = parse_epilogue(in_);
  }
  void enumeration(std::string_view name, std::span<const std::string_view> names, int& value) override {
    if (!matches(name)) return;
    const std::string word = in_.word("a word");
    for (size_t i = 0; i < names.size(); ++i)
      if (names[i] == word) {
        value = static_cast<int>(i);
        return;
      }
    in_.fail(fmt::format("'{}' is none of {}", word, fmt::join(names, ", ")));
  }

  bool found() const { return found_; }

private:
  bool matches(std::string_view name) {
    found_ = found_ || name == name_;
    return name == name_;
  }

  Cursor& in_;
  std::string_view name_;
  bool found_ = false;
};

class Parser {
public:
  explicit Parser(std::string_view text) : in_(text) {}

  std::unique_ptr<Module> run() {
    const bool wrapped = in_.accept_word("module");
    module_ = std::make_unique<Module>(wrapped ? in_.quoted() : "network");
    if (wrapped) in_.expect("{");
    while (true) {
      if (in_.accept_word("optimizer"))
        parse_optimizer();
      else if (in_.accept_word("state"))
        parse_state();
      else if (in_.accept_word("func"))
        parse_function();
      else
        break;
    }
    if (wrapped) in_.expect("}");
    if (!in_.at_end()) in_.fail("expected a state or a func");
    return std::move(module_);
  }

private:
  TensorType parse_type() {
    TensorType type;
    const size_t start = in_.position();
    const std::string dtype = in_.word("an element type", "");
    if (dtype == "f32")
      type.dtype = DType::f32;
    else if (dtype == "u8")
      type.dtype = DType::u8;
    else if (dtype == "i32")
      type.dtype = DType::i32;
    else
      in_.fail_at(start, fmt::format("unknown element type '{}'; there are f32, u8, i32", dtype));
    type.dims = in_.list<int64_t>("a dimension");
    constexpr int64_t limit = int64_t{1} << 40;
    int64_t elements = 1;
    for (int64_t dim : type.dims) {
      if (dim <= 0) in_.fail_at(start, fmt::format("a dimension is {}; it must be positive", dim));
      if (dim > limit / elements) in_.fail_at(start, "the tensor has 2^40 elements or more");
      elements *= dim;
    }
    if (in_.accept_adjacent("{")) {
      const size_t at = in_.position();
      const auto layout = parse_layout(in_.word("a layout"));
      if (!layout) in_.fail_at(at, "unknown layout");
      type.layout = *layout;
      in_.expect("}");
    }
    return type;
  }

  void parse_optimizer() {
    Optimizer& optimizer = module_->optimizer;
    const size_t place = in_.position();
    const std::string name = in_.word("an optimiser");
    const auto kind = parse_optimizer_kind(name);
    if (!kind || *kind == OptimizerKind::none) in_.fail_at(place, fmt::format("'{}' is no optimiser", name));
    optimizer.kind = *kind;
    in_.expect("{");
    if (in_.accept("}")) return;
    do {
      const size_t start = in_.position();
      const std::string field = in_.word("a field", "_");
      in_.expect("=");
      FieldParser parser(in_, field);
      optimizer.fields(parser, true);
      if (!parser.found()) in_.fail_at(start, fmt::format("{} has no field '{}'", name, field));
    } while (in_.accept(","));
    in_.expect("}");
  }

  void parse_initializer(Initializer& initializer) {
    const size_t start = in_.position();
    const std::string kind = in_.word("an initialiser");
    if (kind == "constant")
      initializer.kind = InitializerKind::constant;
    else if (kind == "uniform")
      initializer.kind = InitializerKind::uniform;
    else if (kind == "normal")
      initializer.kind = InitializerKind::normal;
    else if (kind == "orthogonal")
      initializer.kind = InitializerKind::orthogonal;
    else if (kind == "bilinear")
      initializer.kind = InitializerKind::bilinear;
    else
      in_.fail_at(start, fmt::format("unknown initialiser '{}'", kind));
    in_.expect("(");
    initializer.a = in_.number<double>("a number");
    if (initializer.kind != InitializerKind::constant && initializer.kind != InitializerKind::orthogonal) {
      in_.expect(",");
      initializer.b = in_.number<double>("a number");
    }
    in_.expect(")");
  }

  void parse_role(State& state) {
    const size_t start = in_.position();
    const std::string role = in_.word("a role");
    if (role == "parameter")
      state.role = StateRole::parameter;
    else if (role == "statistic")
      state.role = StateRole::statistic;
    else if (role == "optimizer")
      state.role = StateRole::optimizer;
    else if (role == "constant")
      state.role = StateRole::constant;
    else
      in_.fail_at(start, fmt::format("unknown role '{}'", role));
  }

  bool parse_truth() {
    const size_t start = in_.position();
    const std::string word = in_.word("true or false");
    if (word != "true" && word != "false") in_.fail_at(start, "expected true or false");
    return word == "true";
  }

  void parse_state() {
    in_.expect("@");
    const size_t start = in_.position();
    const std::string name = in_.word("a name");
    if (module_->find_state(name) != nullptr) in_.fail_at(start, fmt::format("@{} is declared twice", name));
    in_.expect(":");
    State& state = module_->add_state(name, parse_type(), StateRole::parameter);
    if (!in_.accept("{") || in_.accept("}")) return;
    do {
      const size_t at = in_.position();
      const std::string field = in_.word("a field");
      in_.expect("=");
      if (field == "role")
        parse_role(state);
      else if (field == "init")
        parse_initializer(state.initializer);
      else if (field == "stream")
        state.stream.value = in_.number<uint64_t>("a stream id");
      else if (field == "lr")
        state.lr_multiplier = in_.number<double>("a number");
      else if (field == "decay")
        state.decay_multiplier = in_.number<double>("a number");
      else if (field == "frozen")
        state.frozen = parse_truth();
      else if (field == "reinitialized")
        state.reinitialized = parse_truth();
      else if (field == "data") {
        if (in_.accept_word("omitted")) continue;
        state.data = in_.list<double>("a number");
        if (static_cast<int64_t>(state.data.size()) != state.value.type.elements())
          in_.fail_at(at, fmt::format("@{} has {} elements, got {} values", name, state.value.type.elements(),
                                      state.data.size()));
      } else
        in_.fail_at(at, fmt::format("a state has no field '{}'", field));
    } while (in_.accept(","));
    in_.expect("}");
  }

  Value& parse_reference(const Function& function) {
    const size_t start = in_.position();
    if (in_.accept("@")) {
      const std::string name = in_.word("a name");
      State* state = module_->find_state(name);
      if (state == nullptr) in_.fail_at(start, fmt::format("no state @{}", name));
      return state->value;
    }
    in_.expect("%");
    const std::string name = in_.word("a name");
    Value* value = function.find_value(name);
    if (value == nullptr) in_.fail_at(start, fmt::format("%{} is not defined before its use", name));
    return *value;
  }

  std::string parse_new_name(const Function& function, const std::vector<std::string>& taken) {
    in_.expect("%");
    const size_t start = in_.position();
    std::string name = in_.word("a name");
    if (function.find_value(name) != nullptr || std::find(taken.begin(), taken.end(), name) != taken.end())
      in_.fail_at(start, fmt::format("%{} is defined twice", name));
    return name;
  }

  void parse_attributes(const OpInfo& op, Attributes& attributes) {
    if (!in_.accept("{") || in_.accept("}")) return;
    do {
      const size_t start = in_.position();
      const std::string field = in_.word("a field");
      in_.expect("=");
      FieldParser parser(in_, field);
      attributes.visit(parser);
      if (!parser.found()) in_.fail_at(start, fmt::format("{} has no attribute '{}'", op.name, field));
    } while (in_.accept(","));
    in_.expect("}");
  }

  void parse_node(Function& function) {
    std::vector<std::string> names;
    if (in_.sees("%")) {
      do names.push_back(parse_new_name(function, names));
      while (in_.accept(","));
      in_.expect("=");
    }
    const size_t start = in_.position();
    const std::string op_name = in_.word("an op");
    const OpInfo* op = find_op(op_name);
    if (op == nullptr) in_.fail_at(start, fmt::format("no op '{}'", op_name));
    std::vector<Value*> operands;
    in_.expect("(");
    if (!in_.accept(")")) {
      do operands.push_back(&parse_reference(function));
      while (in_.accept(","));
      in_.expect(")");
    }
    Attributes attributes = op->make_attributes();
    parse_attributes(*op, attributes);
    Kernel kernel = Kernel::unset;
    std::string layer;
    if (in_.accept_word("kernel")) {
      in_.expect("=");
      const size_t at = in_.position();
      const auto parsed = parse_kernel(in_.word("a kernel"));
      if (!parsed) in_.fail_at(at, "unknown kernel");
      kernel = *parsed;
    }
    if (in_.accept_word("layer")) {
      in_.expect("=");
      layer = in_.quoted();
    }
    std::vector<TensorType> types;
    if (in_.accept(":")) {
      do types.push_back(parse_type());
      while (in_.accept(","));
    }
    try {
      if (types.empty()) {
        std::vector<TensorType> operand_types;
        for (const Value* operand : operands) operand_types.push_back(operand->type);
        types = op->infer(attributes, operand_types);
      }
      if (types.size() != names.size())
        in_.fail_at(start, fmt::format("{} has {} results, {} are named", op_name, types.size(), names.size()));
      Node& node =
          function.create_typed(*op, std::move(attributes), std::move(operands), std::move(names), std::move(types));
      node.kernel = kernel;
      node.layer = std::move(layer);
    } catch (const TypeError& error) {
      in_.fail_at(start, error.what());
    }
  }

  void parse_function() {
    in_.expect("@");
    const size_t start = in_.position();
    const std::string name = in_.word("a name");
    if (module_->find_function(name) != nullptr) in_.fail_at(start, fmt::format("func @{} is declared twice", name));
    Function& function = module_->add_function(name);
    in_.expect("(");
    if (!in_.accept(")")) {
      do {
        std::string input = parse_new_name(function, {});
        in_.expect(":");
        function.add_input(input, parse_type());
      } while (in_.accept(","));
      in_.expect(")");
    }
    in_.expect("{");
    while (!in_.accept_word("return")) parse_node(function);
    if (!in_.sees("}")) {
      do {
        const size_t at = in_.position();
        std::string output = in_.word("an output name", "_.-/:");
        for (const Output& other : function.outputs)
          if (other.name == output) in_.fail_at(at, fmt::format("output {} is declared twice", output));
        in_.expect("=");
        function.outputs.push_back({std::move(output), &parse_reference(function)});
      } while (in_.accept(","));
    }
    in_.expect("}");
  }

  Cursor in_;
  std::unique_ptr<Module> module_;
};

} // namespace

std::unique_ptr<Module> parse(std::string_view text) { return Parser(text).run(); }

} // namespace kiln::ir
