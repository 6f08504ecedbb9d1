// A directory for as long as it is needed.
#pragma once

#include "runtime/error.h"
#include "runtime/file_io.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace kiln::tools {

class TemporaryDirectory {
public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "kiln-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr)
      throw runtime::Error(runtime::ErrorKind::runtime,
                           runtime::system_problem("cannot make the directory", pattern, errno));
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  std::string file(const std::string& name) const { return (path_ / name).string(); }

private:
  std::filesystem::path path_;
};

} // namespace kiln::tools
