// The table of ops: ops.def expanded over the op structs. A struct without its functions does not link.
#include "ir/op.h"

#include "ir/all_ops.h"
#include "ir/op_code.h"

#include <array>

namespace kiln::ir {

namespace {

template <class Op> OpInfo make_info(OpCode code, std::string_view name) {
  using A = typename Op::Attributes;
  OpInfo info{};
  info.code = code;
  info.name = name;
  if constexpr (requires { Op::traits; }) info.traits = Op::traits;
  info.make_attributes = [] { return Attributes::of(A{}); };
  info.infer = [](const Attributes& attributes, Operands operands) { return Op::infer(attributes.as<A>(), operands); };
  info.evaluate = [](const Attributes& attributes, EvaluationFrame& frame) { Op::evaluate(attributes.as<A>(), frame); };
  if constexpr (requires(GradientBuilder & builder, const Node& node) { Op::gradient(builder, node); })
    info.gradient = [](GradientBuilder& builder, const Node& node) { Op::gradient(builder, node); };
  if constexpr (requires(const Node& node) { Op::flops(node); })
    info.flops = [](const Node& node) -> int64_t { return Op::flops(node); };
  else
    info.flops = [](const Node&) -> int64_t { return 0; };
  return info;
}

template <class Op> constexpr OpCode code_of = {};
#define OP(Struct, name) template <> constexpr OpCode code_of<Struct> = OpCode::name;
#include "ir/ops.def"
#undef OP

const auto& table() {
  static const std::array entries = {
#define OP(Struct, name) make_info<Struct>(code_of<Struct>, #name),
#include "ir/ops.def"
#undef OP
  };
  return entries;
}

} // namespace

std::span<const OpInfo> all_ops() { return table(); }
const OpInfo& info_of(OpCode code) { return table()[static_cast<size_t>(code)]; }

template <class Op> const OpInfo& info() { return info_of(code_of<Op>); }
#define OP(Struct, name) template const OpInfo& info<Struct>();
#include "ir/ops.def"
#undef OP

const OpInfo* find_op(std::string_view name) {
  for (const OpInfo& op : all_ops())
    if (op.name == name) return &op;
  return nullptr;
}

} // namespace kiln::ir
