// The objects of a C library: kernels and drivers, one entry a function, the states as constants.
#include "codegen/c_library.h"

#include "codegen/c_entry.h"
#include "codegen/c_header.h"
#include "codegen/description.h"
#include "codegen/object_cache.h"
#include "codegen/plan_modules.h"
#include "codegen/program.h"
#include "runtime/layout.h"

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

void add_states(std::vector<EmittedModule>& modules, const ir::Plan& plan, const std::string& prefix) {
  const Description description(plan, "", {});
  const auto& states = plan.module->states();
  for (size_t i = 0; i < states.size(); ++i) {
    const ir::State& state = *states[i];
    const kiln_state& described = description.program().states[i];
    EmittedModule& module = modules.emplace_back("state " + state.value.name);
    const std::string symbol = prefix + std::to_string(i);
    if (described.data != nullptr) {
      build_constant(module, symbol, described.data, described.tensor.bytes);
      continue;
    }
    if (static_cast<int64_t>(state.data.size()) != state.value.type.elements())
      throw CodegenError(fmt::format("@{} has no values", state.value.name));
    const std::vector<float> logical(state.data.begin(), state.data.end());
    std::vector<char> physical(static_cast<size_t>(described.tensor.bytes));
    runtime::pack(described.tensor, logical.data(), physical.data());
    build_constant(module, symbol, physical.data(), described.tensor.bytes);
  }
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
  build_serial_for(all.emplace_back(serial_for), serial_for, ir::target_for(ir::IsaLevel::baseline));
  for (EmittedModule& module : all) hide_functions(module);
  const std::string states = name + "_state_";
  add_states(all, plan, states);
  const uint32_t build = build_number(plan);
  build_c_init(all.emplace_back(name + "_init"), name + "_init", build, plan.target);
  std::vector<CFunction> functions;
  for (const ir::FunctionPlan& function : plan.functions)
    functions.push_back({&function, c_symbol(name, *function.function), modules.driver_symbol(*function.function)});
  for (const CFunction& function : functions)
    build_c_entry(all.emplace_back(function.symbol), function, states, plan.target);

  CLibrary library;
  library.header = c_header(plan, name, build, options.class_names);
  library.objects = compile_all(all, plan.target, options.threads, ObjectCache(options.cache_directory)).objects;
  return library;
}

} // namespace kiln::codegen
