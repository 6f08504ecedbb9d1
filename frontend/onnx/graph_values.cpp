// What the names of an ONNX graph stand for.
// Names of ONNX are any text; those of the IR are words, unique in their function or module.
#include "frontend/onnx/graph_values.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "frontend/onnx/import_error.h"

namespace kiln::frontend::onnx {

GraphValue& GraphValues::add(GraphValue value) {
  constexpr size_t most = 6; // dims of a tensor that compiled code can be given (runtime/abi.h)
  if (value.tensor != nullptr && value.tensor->type.dims.size() > most)
    refuse_unsupported(fmt::format("\"{}\" has {} dims, a tensor of Kiln has at most {}", value.name,
                                   value.tensor->type.dims.size(), most));
  std::string name = value.name;
  auto [entry, is_new] = values_.try_emplace(name, std::move(value));
  if (!is_new) refuse_invalid(fmt::format("the name \"{}\" is given to two values", name));
  return entry->second;
}

GraphValue* GraphValues::find(const std::string& name) {
  auto found = values_.find(name);
  return found == values_.end() ? nullptr : &found->second;
}

ir::Value& GraphValues::tensor_of(GraphValue& value) {
  if (value.tensor == nullptr) value.tensor = &constant_tensor(value.name, *value.constant, value.role);
  return *value.tensor;
}

ir::Value& GraphValues::constant_tensor(std::string_view stem, const Constant& constant, ir::StateRole role) {
  if (constant.elements() == 0)
    refuse_unsupported(fmt::format("\"{}\" is {}: it has no element", stem, type_text(constant.type, constant.dims)));
  ir::Module& module = function_.module();
  const std::string name = ir_name(stem);
  std::string unused = name;
  for (int suffix = 1; module.find_state(unused) != nullptr; ++suffix) unused = fmt::format("{}.{}", name, suffix);
  ir::State& state = module.add_state(unused, {ir::DType::f32, ir_dims(constant.dims), {}}, role);
  state.data = constant.numbers();
  // In f32, as everything that is computed from it.
  for (double& number : state.data) number = static_cast<float>(number);
  return state.value;
}

ir::Dims ir_dims(const ir::Dims& dims) { return dims.empty() ? ir::Dims{1} : dims; }

std::string ir_name(std::string_view name) {
  std::string legal(name);
  std::replace_if(
      legal.begin(), legal.end(),
      [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_' && c != '.' && c != '-' && c != '/';
      },
      '_');
  return legal.empty() ? "_" : legal;
}

} // namespace kiln::frontend::onnx
