// Finds a program's functions and their inputs and outputs by the fixed names of abi.h, and checks data against them.
// What does not fit is told before the first step, in words.
#pragma once

#include "runtime/abi.h"
#include "runtime/data_source.h"
#include "runtime/memory_block.h"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace kiln::runtime {

// The function of this name with this batch; batch 0: the one with the largest batch. Throws Error (model).
const kiln_function& require_function(const kiln_program& program, std::string_view name, int64_t batch = 0);

// Position among the inputs or outputs. Throws Error (model) if there is none or its type is another.
int require_input(const kiln_function& function, std::string_view name, kiln_dtype dtype);
int require_output(const kiln_function& function, std::string_view name, kiln_dtype dtype);

// The same, but -1 if there is none.
int find_output(const kiln_function& function, std::string_view name, kiln_dtype dtype);

// How many classes the network tells apart; 0 if it tells none.
int64_t program_classes(const kiln_program& program);
LabelRange label_range(const kiln_program& program);

// Which field of a source an input of a function takes.
struct BoundField {
  int input = 0;
  size_t field = 0;
  int64_t bytes = 0; // of one sample
};
// For every input but the learning rate. Throws Error (data) where the source has no such field, or another type of it.
std::vector<BoundField> bind_fields(const kiln_function& function, const DataSource& source);
std::vector<size_t> field_numbers(const std::vector<BoundField>& fields);
// Throws Error (data) unless the source has samples, all that the function takes, and labels in range.
void check_source(const kiln_program& program, const kiln_function& function, const DataSource& source);

// Aligned memory for every input and output of a function, which Instance::run uses in place.
class FunctionMemory {
public:
  explicit FunctionMemory(const kiln_function& function);

  std::span<const void* const> inputs() const { return inputs_; }
  std::span<void* const> outputs() const { return outputs_; }
  char* input(int index) { return blocks_[static_cast<size_t>(index)].data(); }
  const float* output(int index) const { return static_cast<const float*>(outputs_[static_cast<size_t>(index)]); }
  // Points an input elsewhere: to memory aligned and padded alike.
  void set_input(int index, const void* data) { inputs_[static_cast<size_t>(index)] = data; }

private:
  std::vector<MemoryBlock> blocks_;
  std::vector<const void*> inputs_;
  std::vector<void*> outputs_;
};

} // namespace kiln::runtime
