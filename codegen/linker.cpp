// lld works on files: they live in a directory of their own for as long as a link takes.
#include "codegen/linker.h"

#include "codegen/llvm_backend.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <lld/Common/Driver.h>
#include <map>
#include <mutex>
#include <sstream>
#include <system_error>

LLD_HAS_DRIVER(elf)

namespace kiln::codegen {

namespace fs = std::filesystem;

namespace {

class TemporaryDirectory {
public:
  TemporaryDirectory() {
    std::string pattern = (fs::temp_directory_path() / "kiln-link-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw CodegenError("cannot make a directory for linking: " + pattern);
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  std::string file(const std::string& name) const { return (path_ / name).string(); }

private:
  fs::path path_;
};

std::string member_name(size_t i) { return fmt::format("{:04}.o", i); }

// What executables are linked of, in the order of the command line: before the objects, a group after them, the end.
constexpr std::array<std::string_view, 3> kStartFiles = {"crt1.o", "crti.o", "crtbeginT.o"};
constexpr std::array<std::string_view, 10> kLibraries = {
    "libkiln_products.a", "libkiln_runtime.a", "libjpeg.a", "libpng.a", "libz.a", "libstdc++.a", "libm.a",
    "libgcc.a",           "libgcc_eh.a",       "libc.a"};
constexpr std::array<std::string_view, 2> kEndFiles = {"crtend.o", "crtn.o"};

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file || bytes.empty()) throw CodegenError("the linker wrote nothing");
  return bytes;
}

// Runs lld over the objects in a directory of their own; `flags` come before them, `after` behind. Paths that lld would
// note in its output are member names.
std::string link(const TemporaryDirectory& directory, const std::vector<ObjectFile>& objects,
                 std::vector<std::string> flags, const std::vector<std::string>& after = {}) {
  std::vector<std::string> words = {"ld.lld", "-o", directory.file("out")};
  words.insert(words.end(), std::make_move_iterator(flags.begin()), std::make_move_iterator(flags.end()));
  for (size_t i = 0; i < objects.size(); ++i) {
    words.push_back(directory.file(member_name(i)));
    std::ofstream file(words.back(), std::ios::binary);
    file.write(objects[i].bytes.data(), static_cast<std::streamsize>(objects[i].bytes.size()));
    if (!file.flush()) throw CodegenError("cannot write " + words.back());
  }
  words.insert(words.end(), after.begin(), after.end());
  std::vector<const char*> arguments;
  for (const std::string& word : words) arguments.push_back(word.c_str());
  std::string said;
  llvm::raw_string_ostream stream(said);
  static std::mutex one_at_a_time; // lld keeps its state in globals
  const std::lock_guard lock(one_at_a_time);
  const lld::Result result = lld::lldMain(arguments, stream, stream, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode != 0) throw CodegenError("linking failed: " + stream.str());
  return read_file(directory.file("out"));
}

// Of lld's map: lines of address, address, size, alignment and, where they are of an input, its file and section.
std::vector<std::pair<std::string, int64_t>> sum_by_library(const std::string& map) {
  std::map<std::string, int64_t> sums;
  std::istringstream lines(map);
  for (std::string line; std::getline(lines, line);) {
    const size_t section = line.find(":(."); // not of a symbol, as in "::(anonymous namespace)"
    if (section == std::string::npos) continue;
    std::istringstream columns(line);
    std::string address, load_address, size;
    columns >> address >> load_address >> size;
    const size_t member = line.rfind('(', section - 1);
    const std::string path = line.substr(0, std::min(member, section));
    const std::string name = path.substr(path.rfind('/') + 1);
    int64_t bytes = 0;
    std::from_chars(size.data(), size.data() + size.size(), bytes, 16);
    if (address != "0") sums[name.ends_with(".a") ? name : name.starts_with("crt") ? "libc.a" : "network"] += bytes;
  }
  return {sums.begin(), sums.end()};
}

} // namespace

std::string archive_of(const std::vector<ObjectFile>& objects) {
  std::vector<std::string> names;
  for (size_t i = 0; i < objects.size(); ++i) names.push_back(member_name(i));
  std::vector<llvm::NewArchiveMember> members;
  for (size_t i = 0; i < objects.size(); ++i) {
    llvm::NewArchiveMember& member = members.emplace_back(llvm::MemoryBufferRef(objects[i].bytes, names[i]));
    member.MemberName = names[i];
  }
  auto archive = llvm::writeArchiveToBuffer(members, llvm::SymtabWritingMode::NormalSymtab,
                                            llvm::object::Archive::K_GNU, true, false);
  if (!archive) throw CodegenError("cannot make an archive: " + llvm::toString(archive.takeError()));
  return (*archive)->getBuffer().str();
}

std::string merged_object(const std::vector<ObjectFile>& objects) {
  return link(TemporaryDirectory(), objects, {"-r"});
}

std::string shared_library(const std::vector<ObjectFile>& objects, const std::string& soname) {
  return link(TemporaryDirectory(), objects,
              {"-shared", "-soname", soname, "--gc-sections", "-z", "noexecstack", "--build-id=none"});
}

std::vector<std::string> missing_in_sysroot(const std::string& sysroot) {
  std::vector<std::string> missing;
  const auto look_for = [&](const auto& names) {
    for (std::string_view name : names)
      if (!fs::is_regular_file(fs::path(sysroot) / name)) missing.emplace_back(name);
  };
  look_for(kStartFiles);
  look_for(kLibraries);
  look_for(kEndFiles);
  return missing;
}

Executable executable(const std::vector<ObjectFile>& objects, const std::string& sysroot) {
  const TemporaryDirectory directory;
  const auto file = [&](std::string_view name) { return (fs::path(sysroot) / name).string(); };
  std::vector<std::string> flags = {"-static",        "-m",         "elf_x86_64",  "--gc-sections",
                                    "--strip-all",    "-z",         "noexecstack", "--build-id=none",
                                    "--eh-frame-hdr", "--icf=safe", "-Map",        directory.file("map")};
  std::vector<std::string> after = {"--start-group"};
  std::transform(kStartFiles.begin(), kStartFiles.end(), std::back_inserter(flags), file);
  std::transform(kLibraries.begin(), kLibraries.end(), std::back_inserter(after), file);
  after.emplace_back("--end-group");
  std::transform(kEndFiles.begin(), kEndFiles.end(), std::back_inserter(after), file);
  Executable result{link(directory, objects, flags, after), {}};
  result.parts = sum_by_library(read_file(directory.file("map")));
  return result;
}

} // namespace kiln::codegen
