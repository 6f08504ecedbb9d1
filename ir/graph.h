// The graph: a Module owns state tensors and functions; a Function is a list of Nodes in execution order, each with
// operands (Values) and results (Values). Values and nodes have stable addresses until erased.
#pragma once

#include "ir/attributes.h"
#include "ir/kernel.h"
#include "ir/type.h"

#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::ir {

struct OpInfo;
class Node;

// A tensor in a graph: what a node produces, a function is given, or the module keeps across calls.
struct Value {
  enum class Kind : uint8_t { result, input, state };

  Kind kind;
  std::string name; // unique in its function (results, inputs) or module (states); without the % or @
  TensorType type;
  Node* producer = nullptr; // results only
  int32_t index = 0;        // position among the producer's results, the inputs or the states
};

enum class StateRole : uint8_t { parameter, statistic, optimizer, constant };
enum class InitializerKind : uint8_t { constant, uniform, normal, orthogonal, bilinear };

// constant: a. uniform: [a, b). normal: mean a, standard deviation b. orthogonal: rows of length a. bilinear: input and
// output channels agree modulo b. The last two as runtime/initializers.h has them.
struct Initializer {
  InitializerKind kind = InitializerKind::constant;
  double a = 0;
  double b = 0;

  bool operator==(const Initializer&) const = default;
};

struct State {
  Value value;
  StateRole role = StateRole::parameter;
  Initializer initializer;
  StreamId stream; // of the initialiser's draws
  double lr_multiplier = 1;
  double decay_multiplier = 1;
  bool frozen = false;        // no gradient is built for it
  bool reinitialized = false; // weights to start from do not replace it
  std::vector<double> data;   // logical order; filled when the values are known at compile time, else empty
};

// One operation. Its result types were checked against the op's shape rule when it was made.
class Node {
public:
  const OpInfo& op() const { return *op_; }
  const std::vector<Value*>& operands() const { return operands_; }
  Value& operand(size_t i) const { return *operands_[i]; }
  size_t result_count() const { return results_.size(); }
  Value& result(size_t i = 0) const { return *results_[i]; }

  template <class Op> bool is() const; // in ir/op.h
  template <class Op> const typename Op::Attributes& attributes() const {
    return attributes_.as<typename Op::Attributes>();
  }
  const Attributes& raw_attributes() const { return attributes_; }

  void set_operand(size_t i, Value& value) { operands_[i] = &value; }

  std::string layer;             // path of the layer it serves, e.g. "conv1"; empty for glue
  Kernel kernel = Kernel::unset; // set by choose_kernels

private:
  friend class Function;
  const OpInfo* op_ = nullptr;
  Attributes attributes_;
  std::vector<Value*> operands_;
  std::vector<std::unique_ptr<Value>> results_;
};

struct Output {
  std::string name;
  Value* value;
};

// Outputs that `differentiate` adds are named "gradient:" + the state's name.
inline constexpr std::string_view kGradientPrefix = "gradient:";

class Module;

class Function {
public:
  using NodeList = std::list<std::unique_ptr<Node>>;

  Function(Module& module, std::string name) : name_(std::move(name)), module_(&module) {}
  Function(const Function&) = delete;
  Function& operator=(const Function&) = delete;

  const std::string& name() const { return name_; }
  Module& module() const { return *module_; }

  Value& add_input(std::string_view name, TensorType type);
  const std::vector<std::unique_ptr<Value>>& inputs() const { return inputs_; }
  Value* find_input(std::string_view name) const;

  // Makes a node before `before` (default: at the end); throws TypeError when the op refuses operands or attributes.
  // Results are named `name`, made unique by a suffix; with several results the op's own result names are appended.
  Node& create(const OpInfo& op, Attributes attributes, std::vector<Value*> operands, std::string_view name,
               Node* before = nullptr);
  // As create, with the result types given (the parser, and passes that set layouts): still checked logically.
  Node& create_typed(const OpInfo& op, Attributes attributes, std::vector<Value*> operands,
                     std::vector<std::string> result_names, std::vector<TensorType> result_types,
                     Node* before = nullptr);

  NodeList& nodes() { return nodes_; }
  const NodeList& nodes() const { return nodes_; }

  std::vector<Output> outputs; // in declared order

  // Nodes that use a value, in execution order (one entry a node).
  std::vector<Node*> users(const Value& value) const;
  bool is_output(const Value& value) const;
  void replace_all_uses(const Value& of, Value& with); // outputs included
  void erase(Node& node);                              // its results must be unused
  // Erases nodes without effects whose results nobody uses. True if any went.
  bool sweep();
  std::string unique_name(std::string_view stem) const;
  Value* find_value(std::string_view name) const;

private:
  std::string name_;
  Module* module_;
  std::vector<std::unique_ptr<Value>> inputs_;
  NodeList nodes_;
};

enum class OptimizerKind : uint8_t { none, sgd, adagrad, rmsprop, adadelta, adam, adamw };

std::string_view name_of(OptimizerKind kind);
std::optional<OptimizerKind> parse_optimizer_kind(std::string_view text);

// What append_optimizer appends: updates of the kind's op (ir/ops/<kind>_update.h, where the formula is; adamw is Adam
// with decoupled decay), with these numbers.
struct Optimizer {
  OptimizerKind kind = OptimizerKind::none;
  double momentum = 0;   // sgd, rmsprop
  bool nesterov = false; // sgd
  double decay = 0;      // rmsprop, adadelta: what is kept of the means of squares
  double beta1 = 0;      // adam, adamw
  double beta2 = 0;      // adam, adamw
  double epsilon = 0;    // all but sgd
  double weight_decay = 0;
  // Of every kind; 0: not asked for.
  double l1 = 0;            // penalty l1 |w|
  double l2 = 0;            // l2 / 2 w^2, beside weight_decay
  double max_norm = 0;      // of a neuron's incoming weights, after each update
  double clip_value = 0;    // of each value of the gradients
  double clip_norm = 0;     // of all gradients together
  double average_decay = 0; // of the running mean of the weights, which evaluate uses

  bool operator==(const Optimizer&) const = default;
  // Those that the kind has, and of those of every kind all, or those that are set.
  void fields(FieldVisitor& visit, bool all);
};

class Module {
public:
  explicit Module(std::string name = "network") : name_(std::move(name)) {}
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  const std::string& name() const { return name_; }
  Optimizer optimizer;

  State& add_state(std::string name, TensorType type, StateRole role, Initializer initializer = {});
  const std::vector<std::unique_ptr<State>>& states() const { return states_; }
  State* find_state(std::string_view name) const;
  State& state_of(const Value& value) const { return *states_[static_cast<size_t>(value.index)]; }
  // Drops states that no function uses (after folding, say); renumbers the rest.
  void sweep_states();

  Function& add_function(std::string name);
  const std::vector<std::unique_ptr<Function>>& functions() const { return functions_; }
  Function* find_function(std::string_view name) const;

private:
  std::string name_;
  std::vector<std::unique_ptr<State>> states_;
  std::vector<std::unique_ptr<Function>> functions_;
};

} // namespace kiln::ir
