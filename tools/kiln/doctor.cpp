// kiln doctor: whether this installation is whole, and what it works with.
#include "codegen/executable.h"
#include "codegen/host_cpu.h"
#include "codegen/linker.h"
#include "compile_experiment.h"
#include "report.h"
#include "run_program.h"
#include "runtime/blas.h"
#include "runtime/cpu.h"
#include "runtime/error.h"
#include "runtime/file_io.h"
#include "sysroot.h"
#include "temporary_directory.h"

#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace kiln::tools {

namespace fs = std::filesystem;

namespace {

struct Check {
  std::string name;
  bool is_well;
  std::string words;
};

Check check_cpu() {
  const ir::IsaLevel level = codegen::host_isa_level();
  return {"CPU", true,
          fmt::format("{}: x86-64 level {}, {} CPUs, code by {}, BLIS kernels {}", runtime::cpu_brand(), name_of(level),
                      runtime::available_cpus(), codegen::pipeline_version(), runtime::blis_kernels())};
}

Check check_cache(const Options& options) {
  const std::string directory = cache_directory(options);
  if (directory.empty()) return {"cache", true, "none: HOME and XDG_CACHE_HOME name no directory"};
  try {
    runtime::make_directories(directory);
    const std::string probe = directory + "/doctor";
    runtime::write_text_file(probe, "");
    fs::remove(probe);
  } catch (const runtime::Error& error) {
    return {"cache", false, error.message};
  }
  return {"cache", true, fmt::format("compiled kernels are kept in {}", directory)};
}

Check check_sysroot(const std::string& sysroot) {
  const std::vector<std::string> missing = missing_in(sysroot);
  if (missing.empty()) return {"sysroot", true, fmt::format("executables are linked against {}", sysroot)};
  return {"sysroot", false, fmt::format("{} has no {}", sysroot, fmt::join(missing, ", "))};
}

Check check_linking(const std::string& sysroot) {
  try {
    const TemporaryDirectory directory;
    const std::string path = directory.file("idle");
    runtime::write_text_file(path, codegen::executable({codegen::make_idle_main()}, sysroot).bytes);
    fs::permissions(path, fs::perms(0755));
    const int exit_code = run_program({path}, "/dev/null").exit_code;
    if (exit_code != 0) return {"linking", false, fmt::format("a program linked here ends with {}", exit_code)};
    return {"linking", true, "a program linked here runs"};
  } catch (const runtime::Error& error) {
    return {"linking", false, error.message};
  } catch (const codegen::CodegenError& error) {
    return {"linking", false, error.what()};
  }
}

} // namespace

int run_doctor(const Options& options) {
  select_kernels(target_of(options));
  const std::string sysroot = find_sysroot(options);
  std::vector<Check> checks = {check_cpu(), check_cache(options), check_sysroot(sysroot)};
  if (checks.back().is_well) checks.push_back(check_linking(sysroot));
  bool is_well = true;
  nlohmann::json list = nlohmann::json::array();
  for (const Check& check : checks) {
    is_well = is_well && check.is_well;
    list.push_back({{"check", check.name}, {"ok", check.is_well}, {"words", check.words}});
    if (!options.json) fmt::print("{:8} {:6} {}\n", check.name, check.is_well ? "ok" : "FAULT", check.words);
  }
  if (options.json) print_json({{"checks", list}, {"ok", is_well}});
  return is_well ? 0 : 1;
}

} // namespace kiln::tools
