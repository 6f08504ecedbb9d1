// What the compiler knows of an op: its shape rule, gradient rule, reference evaluation and cost. One struct an op,
// named as in ops.def, in ir/ops/<op>.{h,cpp}; op_info.cpp expands the list into a table.
//
// An op struct has:
//   struct Attributes { ...; void fields(FieldVisitor&); };            (or: using Attributes = NoAttributes;)
//   static std::vector<TensorType> infer(const Attributes&, Operands);   throws TypeError
//   static void evaluate(const Attributes&, EvaluationFrame&);           reference semantics, in double
//   static void gradient(GradientBuilder&, const Node&);                 optional: without it no loss may depend on it
//   static int64_t flops(const Node&);                                   multiply-add counts 2; optional, else 0
//   static constexpr Traits traits = {...};                              optional
#pragma once

#include "ir/evaluate.h"
#include "ir/graph.h"

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::ir {

// An op refuses its operands or attributes. The message says expected and got; callers add layer and position.
struct TypeError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

enum class OpCode : uint16_t; // ir/op_code.h

struct Traits {
  // Result i depends on the operands' elements i alone, or on those that stretch over i; may run in place of an operand
  // of the result's type. Operands of one shape may have any layout, all alike.
  bool elementwise = false;
  bool any_layout = false; // its kernel takes every layout, all tensors alike, unless layout_demand says otherwise
  bool alias = false;      // the result is the operand's bytes (reshape)
  bool effect = false;     // writes its state operands; never swept
  bool random = false;     // draws from a stream

  bool takes_any_layout() const { return elementwise || any_layout; }
};

using Operands = std::span<const TensorType>;

class GradientBuilder;

struct OpInfo {
  OpCode code;
  std::string_view name;
  Traits traits;
  Attributes (*make_attributes)();
  std::vector<TensorType> (*infer)(const Attributes&, Operands);
  void (*evaluate)(const Attributes&, EvaluationFrame&);
  void (*gradient)(GradientBuilder&, const Node&); // null: not differentiable
  int64_t (*flops)(const Node&);
};

const OpInfo& info_of(OpCode code);
std::span<const OpInfo> all_ops();
const OpInfo* find_op(std::string_view name);

// The table entry of an op struct. Instantiated in op_info.cpp for the ops of ops.def; any other does not link.
template <class Op> const OpInfo& info();

template <class Op> bool Node::is() const { return op_ == &info<Op>(); }

// Handed to an op's gradient rule: gives the gradients of the node's results, takes those of its operands.
class GradientBuilder {
public:
  virtual ~GradientBuilder() = default;

  // Gradient of the loss with respect to result i; null when nothing depends on it.
  virtual Value* result_gradient(size_t i = 0) = 0;
  // False when nobody needs operand i's gradient (inputs, frozen parameters): skip building it.
  virtual bool wants(size_t operand) const = 0;
  // States operand i's gradient; several contributions to one value are added by `differentiate`.
  virtual void set_operand_gradient(size_t operand, Value& gradient) = 0;

  // Creates a node of the backward pass, attributed to the same layer. `role` names it: "<layer>.<role>".
  virtual Value& create(const OpInfo& op, Attributes attributes, std::vector<Value*> operands,
                        std::string_view role) = 0;

  template <class Op>
  Value& create(typename Op::Attributes attributes, std::vector<Value*> operands, std::string_view role) {
    return create(info<Op>(), Attributes::of(std::move(attributes)), std::move(operands), role);
  }
};

} // namespace kiln::ir
