// Which emitter serves a node, and the key under which its kernels are shared.
#include "codegen/emitter.h"

#include "codegen/emit/elementwise.h"
#include "ir/all_ops.h"
#include "ir/op_code.h"
#include "ir/text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kiln::codegen {

namespace {

// Sets every stream id to 0: kernels that differ in it alone are one.
class ForgetStreams final : public ir::FieldVisitor {
public:
  void operator()(std::string_view, bool&) override {}
  void operator()(std::string_view, int64_t&) override {}
  void operator()(std::string_view, double&) override {}
  void operator()(std::string_view, ir::StreamId& value) override { value = {}; }
  void operator()(std::string_view, std::span<int64_t>) override {}
  void operator()(std::string_view, ir::Dims&) override {}
  void operator()(std::string_view, std::vector<double>&) override {}
  void operator()(std::string_view, ir::Epilogue&) override {}
  void enumeration(std::string_view, std::span<const std::string_view>, int&) override {}
};

std::string key_of(const Emission& emission, std::string_view part) {
  const ir::Node& node = emission.node();
  ir::Attributes attributes = node.raw_attributes();
  ForgetStreams forget;
  attributes.visit(forget);
  std::vector<std::string> operands;
  std::vector<std::string> results;
  for (size_t i = 0; i < node.operands().size(); ++i) operands.push_back(to_string(emission.operand_type(i)));
  for (size_t i = 0; i < node.result_count(); ++i) results.push_back(to_string(emission.result_type(i)));
  std::string key = fmt::format("{}.{} {} {} ({}) -> ({})", node.op().name, part, ir::name_of(node.kernel),
                                to_string(attributes), fmt::join(operands, ","), fmt::join(results, ","));
  for (size_t operand = 0; operand < node.operands().size(); ++operand)
    for (size_t result = 0; result < node.result_count(); ++result)
      if (emission.in_place(operand, result)) key += fmt::format(" {}over{}", result, operand);
  return key;
}

} // namespace

void Emission::launch(std::string_view part, const std::vector<BufferRef>& operands, std::vector<int64_t> scalars,
                      int64_t tasks, std::function<void(KernelBuilder&)> body) {
  LaunchRequest request{key_of(*this, part), {}, std::move(scalars), tasks, std::move(body)};
  for (const BufferRef operand : operands) {
    if (operand.buffer < 0)
      throw CodegenError(fmt::format("{}: the plan lacks a buffer that its kernel needs", ir::print(node())));
    request.buffers.push_back(operand.buffer);
  }
  launches_.push_back(std::move(request));
}

void emit_node(Emission& emission) {
  const auto emit_op = [&]<class Op>() {
    if constexpr (Pointwise<Op>)
      emit_pointwise(emission);
    else
      emit<Op>(emission);
  };
  switch (emission.node().op().code) {
#define OP(Struct, name)                                                                                               \
  case ir::OpCode::name:                                                                                               \
    return emit_op.operator()<ir::Struct>();
#include "ir/ops.def"
#undef OP
  }
}

} // namespace kiln::codegen
