// lld works on files: they live in a directory of their own for as long as a link takes.
#include "codegen/linker.h"

#include "codegen/llvm_backend.h"

#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <lld/Common/Driver.h>
#include <mutex>
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

// Runs lld over the objects; `flags` come before them. Paths that lld would note in its output are member names.
std::string link(const std::vector<ObjectFile>& objects, std::vector<std::string> flags) {
  const TemporaryDirectory directory;
  std::vector<std::string> words = {"ld.lld", "-o", directory.file("out")};
  words.insert(words.end(), std::make_move_iterator(flags.begin()), std::make_move_iterator(flags.end()));
  for (size_t i = 0; i < objects.size(); ++i) {
    words.push_back(directory.file(member_name(i)));
    std::ofstream file(words.back(), std::ios::binary);
    file.write(objects[i].bytes.data(), static_cast<std::streamsize>(objects[i].bytes.size()));
    if (!file.flush()) throw CodegenError("cannot write " + words.back());
  }
  std::vector<const char*> arguments;
  for (const std::string& word : words) arguments.push_back(word.c_str());
  std::string said;
  llvm::raw_string_ostream stream(said);
  static std::mutex one_at_a_time; // lld keeps its state in globals
  const std::lock_guard lock(one_at_a_time);
  const lld::Result result = lld::lldMain(arguments, stream, stream, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode != 0) throw CodegenError("linking failed: " + stream.str());
  std::ifstream file(directory.file("out"), std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file || bytes.empty()) throw CodegenError("the linker wrote nothing");
  return bytes;
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

std::string merged_object(const std::vector<ObjectFile>& objects) { return link(objects, {"-r"}); }

std::string shared_library(const std::vector<ObjectFile>& objects, const std::string& soname) {
  return link(objects, {"-shared", "-soname", soname, "--gc-sections", "-z", "noexecstack", "--build-id=none"});
}

} // namespace kiln::codegen
