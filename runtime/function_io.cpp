// Finds a program's functions and their inputs and outputs by the fixed names of abi.h, and checks data against them.
// What does not fit is told before the first step, in words.
#include "runtime/function_io.h"

#include "runtime/error.h"
#include "runtime/number_format.h"

#include <string>

namespace kiln::runtime {
namespace {

int require_tensor(const kiln_function& function, const char* kind, const kiln_tensor* tensors, int count,
                   std::string_view name, kiln_dtype dtype) {
  std::string where = std::string("function \"") + function.name + "\": " + kind + " \"" + std::string(name) + "\" ";
  for (int index = 0; index < count; ++index) {
    if (tensors[index].name != name) continue;
    if (tensors[index].dtype != dtype) throw Error(ErrorKind::unsupported, where + "has another element type");
    return index;
  }
  throw Error(ErrorKind::model, where + "is missing");
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

ImageShape image_shape(const kiln_function& function) {
  const kiln_tensor& image = function.inputs[require_input(function, "image", KILN_U8)];
  if (image.rank != 4 || image.layout.block_count != 0 || image.layout.order[0] != 0)
    throw Error(ErrorKind::model,
                std::string("function \"") + function.name + "\": input \"image\" is no batch of images");
  // The order in memory, which is height, width, channels whether the logical dims are NHWC or NCHW.
  auto extent = [&](int place) { return image.dims[image.layout.order[place]]; };
  return {extent(1), extent(2), extent(3)};
}

int64_t program_classes(const kiln_program& program) {
  if (program.class_count > 0) return program.class_count;
  for (int index = 0; index < program.function_count; ++index) {
    const kiln_function& function = program.functions[index];
    for (int output = 0; output < function.output_count; ++output) {
      const kiln_tensor& tensor = function.outputs[output];
      if (std::string_view(tensor.name) == "probability" && tensor.rank >= 2) return tensor.dims[tensor.rank - 1];
    }
  }
  return 0;
}

void check_source(const kiln_program& program, const kiln_function& function, const DataSource& source) {
  if (source.size() == 0) throw Error(ErrorKind::data, "the data set is empty");
  ImageShape wanted = image_shape(function);
  if (source.shape() != wanted)
    throw Error(ErrorKind::data, source.describe(0) + ": images are " + to_string(source.shape()) +
                                     " (height x width x channels), the network expects " + to_string(wanted));
  if (int64_t classes = program_classes(program); classes > 0) source.check_labels(classes);
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
