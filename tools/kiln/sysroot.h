// Where the libraries are that executables are linked against: in the build tree or the installation of this kiln.
#pragma once

#include "options.h"

#include <string>
#include <vector>

namespace kiln::tools {

inline constexpr const char* kLicences = "licences.txt"; // of what is in the sysroot

// --sysroot, else the folder that belongs to this executable; it need not exist.
std::string find_sysroot(const Options& options);
std::vector<std::string> missing_in(const std::string& sysroot);
// Throws runtime::Error (runtime) naming what is missing in it.
std::string require_sysroot(const Options& options);

} // namespace kiln::tools
