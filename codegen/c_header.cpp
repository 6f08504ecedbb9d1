// Macros for sizes, declarations with what they take, and the classes' names.
#include "codegen/c_header.h"

#include "codegen/c_entry.h"
#include "codegen/module.h"
#include "runtime/abi.h"

#include <cctype>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kiln::codegen {

namespace {

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

// A name of the IR as part of a C identifier.
std::string c_word(std::string_view name) {
  std::string word(name);
  for (char& c : word)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return word;
}

std::string_view element_of(ir::DType dtype) {
  switch (dtype) {
  case ir::DType::f32:
    return "float";
  case ir::DType::u8:
    return "uint8_t";
  case ir::DType::i32:
    return "int32_t";
  }
  throw CodegenError("unknown dtype");
}

// As a C string literal; bytes beyond ASCII as octal escapes, which no following digit can lengthen.
std::string literal(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\' || c == '?')
      result += fmt::format("\\{}", c);
    else if (byte < 0x20 || byte >= 0x7f)
      result += fmt::format("\\{:03o}", byte);
    else
      result += c;
  }
  return result + "\"";
}

int64_t batch_of(const ir::Function& function) { return function.inputs().front()->type.dims.front(); }

// A tensor as a parameter and in words.
struct Parameter {
  std::string declaration; // "const uint8_t *image"
  std::string description; // "image: 1 x 28 x 28 x 1 of uint8_t"
  std::string count_macro; // "IMAGE_COUNT"
  int64_t count;
};

Parameter parameter_of(const std::string& name, const ir::TensorType& type, bool is_input) {
  const std::string word = c_word(name);
  return {fmt::format("{}{} *{}", is_input ? "const " : "", element_of(type.dtype), word),
          fmt::format("{}: {} of {}", word, fmt::join(type.dims, " x "), element_of(type.dtype)),
          upper(word) + "_COUNT", type.elements()};
}

std::string declare(const ir::FunctionPlan& plan, const std::string& symbol, bool has_model) {
  const ir::Function& function = *plan.function;
  std::vector<Parameter> parameters;
  for (const auto& input : function.inputs()) parameters.push_back(parameter_of(input->name, input->type, true));
  for (const ir::Output& output : function.outputs)
    parameters.push_back(parameter_of(output.name, output.value->type, false));

  std::string text = "\n/* Row-major, without padding:\n";
  std::string declarations, macros;
  const std::string prefix = upper(symbol);
  for (const Parameter& parameter : parameters) {
    text += fmt::format(" *   {}\n", parameter.description);
    declarations += parameter.declaration + ", ";
    macros += fmt::format("#define {}_{} {}\n", prefix, parameter.count_macro, parameter.count);
  }
  if (trains(function)) declarations += "uint64_t seed, uint64_t step, ";
  if (has_model) declarations += trains(function) ? "void *model, " : "const void *model, ";
  macros += fmt::format("#define {}_BATCH {}\n#define {}_MEMORY_BYTES {}u\n", prefix, batch_of(function), prefix,
                        CMemory(plan).bytes);
  return text + fmt::format(" */\n{}int32_t {}({}void *memory);\n", macros, symbol, declarations);
}

std::string declare_model(const std::string& name, const CModel& model) {
  return fmt::format(R"(
/* The model: all that learns, in {1}_MODEL_BYTES bytes of yours on a boundary of {1}_MEMORY_ALIGNMENT. It is moved by
 * moving its bytes. {0}_start gives it the weights that the library was built with; {0}_train_step changes it,
 * with the same seed and the number of the step each time; one thread at a time may.
 * {0}_save writes {1}_FILE_BYTES bytes, which are a safetensors file that Kiln reads; {0}_load takes them back, and
 * leaves the model as it is if they are no such file.
 */
#define {1}_MODEL_BYTES {2}u
#define {1}_FILE_BYTES {3}u
int32_t {0}_start(void *model);
int32_t {0}_save(const void *model, void *file);
int32_t {0}_load(void *model, const void *file, uint64_t bytes);
)",
                     name, upper(name), model.bytes, model.file_bytes);
}

} // namespace

std::string c_symbol(const std::string& name, const ir::Function& function) {
  const int64_t batch = batch_of(function);
  const std::string base = name + "_" + function.name().substr(0, function.name().find('.'));
  return batch == 1 || trains(function) ? base : fmt::format("{}_{}", base, batch);
}

std::string c_header(const ir::Plan& plan, const std::string& name, uint32_t build, const CModel& model,
                     const std::vector<std::string>& class_names) {
  const std::string prefix = upper(name);
  const auto code = [&](std::string_view suffix, CStatus status) {
    return fmt::format("#define {}_{} {}\n", prefix, suffix, static_cast<int32_t>(status));
  };
  std::string text = fmt::format(
      R"(/* {0}: a network compiled by Kiln for {1}. Written by Kiln; goes with the library of the same build.
 *
 * Call {0}_init({2}_BUILD) once. Then, with {2}_PREDICT_MEMORY_BYTES bytes on a boundary of {2}_MEMORY_ALIGNMENT, any
 * number of times and from any number of threads, each with memory of its own, {0}_predict. What the memory holds
 * between calls does not matter. All functions return {2}_OK or one of the codes below, and then did nothing.
 */
#ifndef {2}_H
#define {2}_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

)",
      name,
      plan.target.architecture == ir::Architecture::aarch64 || plan.target.level == ir::IsaLevel::baseline
          ? std::string(ir::name_of(plan.target))
          : fmt::format("x86-64-{}", ir::name_of(plan.target)),
      prefix);
  text += code("OK", CStatus::ok) + code("ERROR_NULL_ARGUMENT", CStatus::null_argument) +
          code("ERROR_MISALIGNED_MEMORY", CStatus::misaligned_memory) +
          code("ERROR_WRONG_BUILD", CStatus::wrong_build) + code("ERROR_WRONG_CPU", CStatus::wrong_cpu);
  if (model.bytes != 0) text += code("ERROR_WRONG_FILE", CStatus::wrong_file);
  text += fmt::format("\n#define {0}_BUILD 0x{1:08x}u\n#define {0}_MEMORY_ALIGNMENT {2}\n", prefix, build,
                      KILN_BUFFER_ALIGNMENT);
  text += fmt::format("\n/* Whether this header is of the library's build and this CPU can run it. */\n"
                      "int32_t {}_init(uint32_t build);\n",
                      name);
  const bool has_model = model.bytes != 0;
  if (has_model) text += declare_model(name, model);
  for (const ir::FunctionPlan& function : plan.functions)
    text += declare(function, c_symbol(name, *function.function), has_model);
  if (!class_names.empty()) {
    text += fmt::format("\n#define {}_CLASSES {}\n/* An initialiser of an array: the names of the classes. */\n"
                        "#define {}_CLASS_NAMES {{",
                        prefix, class_names.size(), prefix);
    for (size_t i = 0; i < class_names.size(); ++i) text += (i == 0 ? "\\\n  " : ", \\\n  ") + literal(class_names[i]);
    text += "}\n";
  }
  return text + "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n";
}

} // namespace kiln::codegen
