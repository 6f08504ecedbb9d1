// Objects -> one file: LLVM's archive writer and lld, both in this process, so that no tool of the machine is needed.
// The same objects give the same bytes.
#pragma once

#include "codegen/optimize.h"

#include <string>
#include <vector>

namespace kiln::codegen {

// All throw CodegenError. Members and inputs are taken in order; their names are made unique.
std::string archive_of(const std::vector<ObjectFile>& objects);
// One relocatable object.
std::string merged_object(const std::vector<ObjectFile>& objects);
// A shared library that shows what is not hidden. Undefined symbols are left to the program that loads it.
std::string shared_library(const std::vector<ObjectFile>& objects, const std::string& soname);

} // namespace kiln::codegen
