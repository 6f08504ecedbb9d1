// What a product tells of itself.
#include "products/info.h"

#include "runtime/error.h"
#include "runtime/function_io.h"
#include "runtime/layout.h"
#include "runtime/number_format.h"

#include <algorithm>
#include <string_view>
#include <vector>
#include <zlib.h>

namespace kiln::products {
namespace {

using runtime::format_integer;

std::string shape_of(const kiln_tensor& tensor) {
  std::string text = tensor.dtype == KILN_F32 ? "f32" : tensor.dtype == KILN_U8 ? "u8" : "i32";
  text += '[';
  for (int32_t i = 0; i < tensor.rank; ++i) text += (i == 0 ? "" : ",") + format_integer(tensor.dims[i]);
  return text + "]";
}

std::string signature(const kiln_function& function) {
  std::string text = std::string(function.name) + "(";
  for (int32_t i = 0; i < function.input_count; ++i)
    text += (i == 0 ? "" : ", ") + std::string(function.inputs[i].name) + " " + shape_of(function.inputs[i]);
  text += ") -> ";
  for (int32_t i = 0; i < function.output_count; ++i)
    text += (i == 0 ? "" : ", ") + std::string(function.outputs[i].name) + " " + shape_of(function.outputs[i]);
  return text;
}

std::vector<const kiln_program*> programs_of(const kiln_product& product) {
  std::vector<const kiln_program*> programs = {product.program};
  if (product.predictor != nullptr) programs.push_back(product.predictor);
  return programs;
}

// As an Instance takes it.
struct Memory {
  int64_t fixed = 0;
  int64_t per_thread = 0;
};

Memory memory_of(const kiln_program& program) {
  Memory memory;
  int64_t arena = 0;
  for (int32_t i = 0; i < program.state_count; ++i)
    if (program.states[i].data == nullptr) memory.fixed += program.states[i].tensor.bytes;
  for (int32_t i = 0; i < program.function_count; ++i) {
    arena = std::max(arena, program.functions[i].arena_bytes);
    memory.per_thread = std::max(memory.per_thread, program.functions[i].scratch_bytes);
  }
  memory.fixed += arena;
  return memory;
}

int64_t parameter_count(const kiln_program& program) {
  int64_t count = 0;
  for (int32_t i = 0; i < program.state_count; ++i)
    if (program.states[i].role == KILN_PARAMETER) count += runtime::element_count(program.states[i].tensor);
  return count;
}

} // namespace

std::string info_text(const kiln_product& product, std::string_view more) {
  const kiln_program& program = *product.program;
  std::string text = std::string("network     ") + program.name + ", " +
                     format_integer(parameter_count(product.predictor ? *product.predictor : program)) +
                     " parameters\n";
  for (const kiln_program* each : programs_of(product)) {
    for (int32_t i = 0; i < each->function_count; ++i) text += "function    " + signature(each->functions[i]) + "\n";
    const Memory memory = memory_of(*each);
    text += "memory      " + format_integer(memory.fixed) + " + " + format_integer(memory.per_thread) +
            " x threads bytes for these\n";
  }
  if (program.class_count > 0) {
    text += "classes     ";
    for (int32_t i = 0; i < program.class_count; ++i)
      text += (i == 0 ? "" : ", ") + std::string(program.class_names[i]);
    text += "\n";
  }
  text += more;
  text += std::string("plan hash   ") + program.plan_hash + "\nCPU         code for x86-64 level " + program.isa +
          ", of " + product.levels + " inside\n";
  text += std::string("built by    kiln ") + product.kiln_version +
          "\nlicences    --licences prints those of the libraries inside\n";
  return text;
}

std::string info_json(const kiln_product& product, const std::function<void(runtime::JsonWriter&)>& more) {
  const kiln_program& program = *product.program;
  runtime::JsonWriter json;
  json.begin_object().member("network", program.name);
  json.member("parameters", parameter_count(product.predictor ? *product.predictor : program));
  json.key("functions").begin_array();
  for (const kiln_program* each : programs_of(product)) {
    const Memory memory = memory_of(*each);
    for (int32_t i = 0; i < each->function_count; ++i) {
      const kiln_function& function = each->functions[i];
      json.begin_object().member("name", function.name).member("batch", function.batch);
      json.member("signature", signature(function));
      json.member("memory_bytes", memory.fixed).member("memory_bytes_per_thread", memory.per_thread).end_object();
    }
  }
  json.end_array().key("classes").begin_array();
  for (int32_t i = 0; i < program.class_count; ++i) json.value(program.class_names[i]);
  json.end_array();
  if (more) more(json);
  json.member("plan_hash", program.plan_hash).member("isa", program.isa).member("levels", product.levels);
  json.member("kiln", product.kiln_version).end_object();
  return json.text() + "\n";
}

std::string licence_text(const kiln_product& product) {
  std::string text(static_cast<size_t>(product.licences_text_bytes), '\0');
  uLongf bytes = text.size();
  if (uncompress(reinterpret_cast<Bytef*>(text.data()), &bytes, product.licences,
                 static_cast<uLong>(product.licences_bytes)) != Z_OK)
    throw runtime::Error(runtime::ErrorKind::runtime, "the licence texts inside this file are damaged");
  return text;
}

} // namespace kiln::products
