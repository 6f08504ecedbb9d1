// The functions of a plan for programs in C: objects that need nothing but memcpy, memset and memmove, and the header
// that declares them. Where train_step is among them, what learns is in memory of the caller's too.
//
// Emitted code allocates nothing, has no variables of its own and works on one thread in memory that the caller gives,
// so any number of threads may call it, each with its own memory. Other weights are constants in the objects.
// Everything but the declared entries is hidden, and kernels are weak, so that a program can hold several models.
#pragma once

#include "codegen/optimize.h"
#include "ir/plan.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::codegen {

struct CLibraryOptions {
  std::string name; // prefix of every declared symbol: a C identifier
  std::vector<std::string> class_names;
  int32_t threads = 1; // for compiling
  std::string cache_directory;
};

struct CLibrary {
  std::vector<ObjectFile> objects;
  std::string header;
};

// Letters, digits and _, no digit first, no keyword of C or C++, nor "kiln", which begins the names of shared kernels.
bool is_c_identifier(std::string_view name);

// Throws CodegenError when a state of the plan has no known values, other than an optimiser's zeros.
CLibrary make_c_library(const ir::Plan& plan, const CLibraryOptions& options);

} // namespace kiln::codegen
