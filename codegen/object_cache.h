// Compiled objects on disk, so that what was compiled once need not be again. An object is found by what it was made of
// alone: its IR, the target, the versions of Kiln's pipeline and of LLVM.
//
// Any number of processes and threads may use one directory at a time: entries appear whole, by renaming, and hold a
// checksum; one that is damaged counts as absent. A cache never fails: what cannot be read or written is compiled.
#pragma once

#include "codegen/module.h"
#include "ir/target.h"

#include <cstdint>
#include <optional>
#include <string>

namespace kiln::codegen {

class ObjectCache {
public:
  // Beyond this many bytes, trim() drops the entries that were used longest ago.
  static constexpr int64_t kDefaultBytes = int64_t{256} << 20;

  // Nothing is touched before the first store. An empty directory: nothing is found and nothing kept.
  explicit ObjectCache(std::string directory, int64_t max_bytes = kDefaultBytes)
      : directory_(std::move(directory)), max_bytes_(max_bytes) {}

  bool enabled() const { return !directory_.empty(); }
  // Hex SHA-256 of all that decides the object's bytes. The module as emitted, before optimize().
  static std::string key(const EmittedModule& module, const ir::Target& target);

  // The bytes of the object; marks the entry as used just now.
  std::optional<std::string> find(const std::string& key) const;
  void store(const std::string& key, const std::string& object) const;
  // Down to three quarters of max_bytes when above it; also removes what interrupted writers left.
  void trim() const;

private:
  std::string path(const std::string& key) const { return directory_ + "/" + key + ".o"; }

  std::string directory_;
  int64_t max_bytes_;
};

} // namespace kiln::codegen
