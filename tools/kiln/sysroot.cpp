// Where the libraries are that executables are linked against.
#include "sysroot.h"

#include "codegen/linker.h"
#include "runtime/error.h"

#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kiln::tools {

namespace fs = std::filesystem;

std::string find_sysroot(const Options& options) {
  if (!options.sysroot.empty()) return options.sysroot;
  std::error_code unknown;
  const fs::path here = fs::read_symlink("/proc/self/exe", unknown).parent_path();
  const fs::path of_build = here / "sysroot";
  if (fs::is_directory(of_build)) return of_build.string();
  return (here.parent_path() / KILN_INSTALL_LIBDIR / "kiln" / "sysroot").lexically_normal().string();
}

std::vector<std::string> missing_in(const std::string& sysroot) {
  std::vector<std::string> missing = codegen::missing_in_sysroot(sysroot);
  if (!fs::is_regular_file(fs::path(sysroot) / kLicences)) missing.emplace_back(kLicences);
  return missing;
}

std::string require_sysroot(const Options& options) {
  std::string sysroot = find_sysroot(options);
  const std::vector<std::string> missing = missing_in(sysroot);
  if (!missing.empty())
    throw runtime::Error(runtime::ErrorKind::runtime,
                         fmt::format("{} has no {}: the installation is not whole; --sysroot names another folder",
                                     sysroot, fmt::join(missing, ", ")));
  return sysroot;
}

} // namespace kiln::tools
