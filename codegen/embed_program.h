// Descriptions of a program, a recipe and data as constants of an executable, in the structs of runtime/abi.h and
// runtime/product.h.
#pragma once

#include "codegen/constant_record.h"
#include "runtime/data_description.h"
#include "runtime/product.h"

#include <functional>
#include <string>
#include <vector>

namespace kiln::codegen {

// Where the machine code and the constants of a program are.
struct ProgramSymbols {
  std::vector<std::string> entries;          // of each function
  std::function<std::string(size_t)> states; // of the physical data of a constant; empty: none has any
};

// Each returns the symbol of the struct.
std::string embed(ConstantWriter& writer, const kiln_program& program, const ProgramSymbols& symbols);
std::string embed(ConstantWriter& writer, const kiln_recipe& recipe);
std::string embed(ConstantWriter& writer, const runtime::DataDescription& data);

} // namespace kiln::codegen
