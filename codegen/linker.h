// Objects -> one file: LLVM's archive writer and lld, both in this process, so that no tool of the machine is needed.
// The same objects give the same bytes.
#pragma once

#include "codegen/optimize.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace kiln::codegen {

// All throw CodegenError. Members and inputs are taken in order; their names are made unique.
std::string archive_of(const std::vector<ObjectFile>& objects);
// One relocatable object.
std::string merged_object(const std::vector<ObjectFile>& objects);
// A shared library that shows what is not hidden. Undefined symbols are left to the program that loads it.
std::string shared_library(const std::vector<ObjectFile>& objects, const std::string& soname);

// The folder of a build or an installation with what every executable is linked against: the C runtime, libc,
// libstdc++, image decoders and the libraries that drive products. Its files that are missing, all of which
// executable() needs.
std::vector<std::string> missing_in_sysroot(const std::string& sysroot);
struct Executable {
  std::string bytes;
  std::vector<std::pair<std::string, int64_t>> parts; // bytes taken from each library, and from the objects: "network"
};
// Statically linked, without symbols, of what `main` reaches.
Executable executable(const std::vector<ObjectFile>& objects, const std::string& sysroot);

} // namespace kiln::codegen
