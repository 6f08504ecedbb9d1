// Finds a program's functions and their inputs and outputs by the fixed names of abi.h, and checks data against them.
// What does not fit is told before the first step, in words.
#include "runtime/function_io.h"

#include "runtime/error.h"
#include "runtime/number_format.h"

#include <string>

namespace kiln::runtime {
namespace {

std::string where(const kiln_function& function, const char* kind, std::string_view name) {
  return std::string("function \"") + function.name + "\": " + kind + " \"" + std::string(name) + "\" ";
}

int find_tensor(const kiln_function& function, const char* kind, const kiln_tensor* tensors, int count,
                std::string_view name, kiln_dtype dtype) {
  for (int index = 0; index < count; ++index) {
    if (tensors[index].name != name) continue;
    if (tensors[index].dtype != dtype)
      throw Error(ErrorKind::unsupported, where(function, kind, name) + "has another element type");
    return index;
  }
  return -1;
}

int require_tensor(const kiln_function& function, const char* kind, const kiln_tensor* tensors, int count,
                   std::string_view name, kiln_dtype dtype) {
  int index = find_tensor(function, kind, tensors, count, name, dtype);
  if (index < 0) throw Error(ErrorKind::model, where(function, kind, name) + "is missing");
  return index;
}

// What a sample has to give for an input. Dims in the order in which they lie in memory, which for an image is height,
// width, channels whether the logical dims are NHWC or NCHW.
Field wanted_field(const kiln_function& function, const kiln_tensor& input) {
  if (input.rank < 1 || input.layout.block_count != 0 || input.layout.order[0] != 0 || input.dims[0] != function.batch)
    throw Error(ErrorKind::model, where(function, "input", input.name) + "is no batch of samples");
  Field field{input.name, input.dtype, {}};
  for (int place = 1; place < input.rank; ++place) field.dims.push_back(input.dims[input.layout.order[place]]);
  return field;
}

std::string list_of(std::span<const Field> fields) {
  std::string text;
  for (const Field& field : fields) {
    if (!text.empty()) text += ", ";
    text += to_string(field);
  }
  return text;
}

void expect_field(const DataSource& source, const Field& found, const Field& wanted) {
  if (found == wanted) return;
  const bool images = wanted.name == image_name && found.dtype == wanted.dtype && found.dims.size() == 3;
  auto sizes = [](const Field& field) { return to_string(field).substr(field.name.size() + 4); };
  if (images)
    throw Error(ErrorKind::data, source.describe(0) + ": images are " + sizes(found) +
                                     " (height x width x channels), the network expects " + sizes(wanted));
  throw Error(ErrorKind::data,
              source.describe(0) + ": the data give " + to_string(found) + ", the network takes " + to_string(wanted));
}

} // namespace

const kiln_function& require_function(const kiln_program& program, std::string_view name, int64_t batch) {
  const kiln_function* best = nullptr;
  for (int index = 0; index < program.function_count; ++index) {
    const kiln_function& function = program.functions[index];
    if (function.name != name || (batch != 0 && function.batch != batch)) continue;
    if (!best || function.batch > best->batch) best = &function;
  }
  if (best) return *best;
  std::string wanted = std::string("the program has no function \"") + std::string(name) + "\"";
  if (batch != 0) wanted += " for batch " + format_integer(batch);
  throw Error(ErrorKind::model, wanted);
}

int require_input(const kiln_function& function, std::string_view name, kiln_dtype dtype) {
  return require_tensor(function, "input", function.inputs, function.input_count, name, dtype);
}

int require_output(const kiln_function& function, std::string_view name, kiln_dtype dtype) {
  return require_tensor(function, "output", function.outputs, function.output_count, name, dtype);
}

int find_output(const kiln_function& function, std::string_view name, kiln_dtype dtype) {
  return find_tensor(function, "output", function.outputs, function.output_count, name, dtype);
}

int64_t program_classes(const kiln_program& program) {
  if (program.class_count > 0) return program.class_count;
  for (int index = 0; index < program.function_count; ++index) {
    const kiln_function& function = program.functions[index];
    for (int output = 0; output < function.output_count; ++output) {
      const kiln_tensor& tensor = function.outputs[output];
      if (std::string_view(tensor.name) == "probability" && tensor.rank >= 2) return tensor.dims[1];
    }
  }
  return 0;
}

LabelRange label_range(const kiln_program& program) {
  LabelRange range{program_classes(program), {}};
  if (program.ignores_label) range.ignored = program.ignored_label;
  return range;
}

std::vector<BoundField> bind_fields(const kiln_function& function, const DataSource& source) {
  std::vector<BoundField> bound;
  for (int input = 0; input < function.input_count; ++input) {
    if (std::string_view(function.inputs[input].name) == "learning_rate") continue;
    const Field wanted = wanted_field(function, function.inputs[input]);
    const Field* found = source.find_field(wanted.name);
    if (!found)
      throw Error(ErrorKind::data, source.describe(0) + ": the network takes " + to_string(wanted) +
                                       ", the data give only " + list_of(source.fields()));
    expect_field(source, *found, wanted);
    bound.push_back({input, source.index_of(*found), wanted.bytes()});
  }
  return bound;
}

std::vector<size_t> field_numbers(const std::vector<BoundField>& fields) {
  std::vector<size_t> numbers;
  for (const BoundField& field : fields) numbers.push_back(field.field);
  return numbers;
}

void check_source(const kiln_program& program, const kiln_function& function, const DataSource& source) {
  if (source.size() == 0) throw Error(ErrorKind::data, "the data set is empty");
  bind_fields(function, source);
  if (LabelRange range = label_range(program); range.classes > 0) source.check_labels(range);
}

FunctionMemory::FunctionMemory(const kiln_function& function) {
  for (int index = 0; index < function.input_count; ++index) {
    blocks_.push_back(MemoryBlock::allocate(function.inputs[index].bytes));
    inputs_.push_back(blocks_.back().data());
  }
  for (int index = 0; index < function.output_count; ++index) {
    blocks_.push_back(MemoryBlock::allocate(function.outputs[index].bytes));
    outputs_.push_back(blocks_.back().data());
  }
}

} // namespace kiln::runtime
