// The objects of a C library: kernels and drivers, one entry a function, the states as constants.
#include "codegen/c_library.h"

#include "codegen/c_entry.h"
#include "codegen/c_header.h"
#include "codegen/description.h"
#include "codegen/object_cache.h"
#include "codegen/plan_modules.h"
#include "codegen/program.h"
#include "runtime/layout.h"
#include "runtime/safetensors.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>

namespace kiln::codegen {

namespace {

// The first 32 bits of the plan's hash: header and objects of two builds have different ones.
uint32_t build_number(const ir::Plan& plan) {
  const std::string hash = plan_hash(plan);
  uint32_t number = 0;
  std::from_chars(hash.data(), hash.data() + 8, number, 16);
  return number;
}

// As in checkpoints.
std::string file_name_of(const ir::State& state) {
  return (state.role == ir::StateRole::optimizer ? "optimizer/" : "") + state.value.name;
}

bool learns(const ir::State& state) { return state.role != ir::StateRole::constant; }

// The bytes of a state with known values.
std::vector<char> physical_values(const ir::State& state, const kiln_state& described) {
  if (static_cast<int64_t>(state.data.size()) != state.value.type.elements())
    throw CodegenError(fmt::format("@{} has no values", state.value.name));
  const std::vector<float> logical(state.data.begin(), state.data.end());
  std::vector<char> physical(static_cast<size_t>(described.tensor.bytes));
  runtime::pack(described.tensor, logical.data(), physical.data());
  return physical;
}

// Places of all states; constants, and the initial values of what learns, as modules.
CModel add_states(std::vector<EmittedModule>& modules, const ir::Plan& plan, const std::string& prefix, bool trains) {
  const Description description(plan, "", {});
  const auto& states = plan.module->states();
  CModel model;
  for (size_t i = 0; i < states.size(); ++i) {
    const ir::State& state = *states[i];
    const kiln_state& described = description.program().states[i];
    CState& place = model.states.emplace_back();
    if (trains && learns(state)) {
      place.model_offset = model.bytes;
      model.bytes +=
          (described.tensor.bytes + KILN_BUFFER_ALIGNMENT - 1) / KILN_BUFFER_ALIGNMENT * KILN_BUFFER_ALIGNMENT;
      if (state.role == ir::StateRole::optimizer && state.initializer == ir::Initializer{}) continue; // zeros
    }
    place.symbol = prefix + std::to_string(i);
    EmittedModule& module = modules.emplace_back("state " + state.value.name);
    if (described.data != nullptr)
      build_constant(module, place.symbol, described.data, described.tensor.bytes);
    else
      build_constant(module, place.symbol, physical_values(state, described).data(), described.tensor.bytes);
  }
  if (!trains) return model;
  // The file: a safetensors file that Kiln reads, in the order of names.
  std::vector<size_t> order;
  for (size_t i = 0; i < states.size(); ++i)
    if (learns(*states[i])) order.push_back(i);
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return file_name_of(*states[a]) < file_name_of(*states[b]); });
  std::vector<runtime::SafetensorsTensor> tensors;
  for (size_t i : order) {
    if (states[i]->value.type.dtype != ir::DType::f32)
      throw CodegenError(fmt::format("@{} learns and is not f32", states[i]->value.name));
    tensors.push_back({file_name_of(*states[i]), "F32", states[i]->value.type.dims});
  }
  model.header = runtime::safetensors_header(tensors, {});
  model.file_bytes = static_cast<int64_t>(model.header.size());
  for (size_t i : order) {
    model.states[i].file_offset = model.file_bytes;
    model.file_bytes += states[i]->value.type.elements() * static_cast<int64_t>(sizeof(float));
  }
  return model;
}

} // namespace

bool is_c_identifier(std::string_view name) {
  constexpr std::array kKeywords = {
      "alignas",  "alignof",  "and",      "asm",       "auto",     "bool",     "break",     "case",   "catch",
      "char",     "class",    "const",    "continue",  "default",  "delete",   "do",        "double", "else",
      "enum",     "explicit", "export",   "extern",    "false",    "float",    "for",       "friend", "goto",
      "if",       "inline",   "int",      "long",      "main",     "mutable",  "namespace", "new",    "not",
      "operator", "or",       "private",  "protected", "public",   "register", "restrict",  "return", "short",
      "signed",   "sizeof",   "static",   "struct",    "switch",   "template", "this",      "throw",  "true",
      "try",      "typedef",  "typename", "union",     "unsigned", "using",    "virtual",   "void",   "volatile",
      "while",    "xor",      "kiln"};
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); }) &&
         std::find(kKeywords.begin(), kKeywords.end(), name) == kKeywords.end();
}

CLibrary make_c_library(const ir::Plan& plan, const CLibraryOptions& options) {
  const std::string& name = options.name;
  const std::string serial_for = "kiln_serial_for";
  PlanModules modules(plan, name + "_function_", serial_for);
  for (const ir::FunctionPlan& function : plan.functions) modules.add(function);
  std::vector<EmittedModule>& all = modules.modules();
  // Shared by models of all levels.
  build_serial_for(all.emplace_back(serial_for), serial_for, ir::baseline_of(plan.target));
  for (EmittedModule& module : all) hide_functions(module);
  const bool has_step = std::any_of(plan.functions.begin(), plan.functions.end(),
                                    [](const ir::FunctionPlan& function) { return trains(*function.function); });
  const CModel model = add_states(all, plan, name + "_state_", has_step);
  const uint32_t build = build_number(plan);
  build_c_init(all.emplace_back(name + "_init"), name + "_init", build, plan.target);
  std::vector<CFunction> functions;
  for (const ir::FunctionPlan& function : plan.functions)
    functions.push_back({&function, c_symbol(name, *function.function), modules.driver_symbol(*function.function)});
  for (const CFunction& function : functions)
    build_c_entry(all.emplace_back(function.symbol), function, model.states, plan.target);
  if (has_step) {
    build_c_start(all.emplace_back(name + "_start"), name + "_start", plan, model);
    build_c_save(all.emplace_back(name + "_save"), name + "_save", plan, model);
    build_c_load(all.emplace_back(name + "_load"), name + "_load", plan, model);
  }

  CLibrary library;
  library.header = c_header(plan, name, build, model, options.class_names);
  library.objects = compile_all(all, plan.target, options.threads, ObjectCache(options.cache_directory)).objects;
  return library;
}

} // namespace kiln::codegen
