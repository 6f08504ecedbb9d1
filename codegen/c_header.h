// The text of the C header that goes with a library of emitted functions.
#pragma once

#include "codegen/c_entry.h"
#include "ir/plan.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kiln::codegen {

// NAME_predict for the batch of 1, NAME_predict_64 for one of 64.
std::string c_symbol(const std::string& name, const ir::Function& function);

// `build` is what NAME_init expects.
std::string c_header(const ir::Plan& plan, const std::string& name, uint32_t build, const CModel& model,
                     const std::vector<std::string>& class_names);

} // namespace kiln::codegen
