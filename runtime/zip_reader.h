// Reads ZIP archives as NumPy writes them: stored and deflated members, ZIP64 sizes, checked by CRC-32.
// Damaged archives end in an Error (data) that names the archive and the member.
#pragma once

#include "runtime/file_io.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::runtime {

class ZipFile {
public:
  struct Member {
    std::string name;
    uint64_t offset = 0; // of its local header
    uint64_t packed_bytes = 0;
    uint64_t bytes = 0;
    uint32_t crc = 0;
    uint16_t method = 0;
  };

  // Reads the directory at the archive's end.
  explicit ZipFile(const std::string& path);

  const std::string& path() const { return file_.path(); }
  const std::vector<Member>& members() const { return members_; }
  const Member* find(std::string_view name) const; // null if there is none

  std::vector<uint8_t> read(const Member& member) const;
  // At most the first `bytes`, unchecked.
  std::vector<uint8_t> read_start(const Member& member, uint64_t bytes) const;

private:
  [[noreturn]] void fail(const std::string& what) const;
  void read_directory(uint64_t offset, uint64_t bytes, uint64_t entries);
  uint64_t data_offset(const Member& member) const;
  std::vector<uint8_t> unpack(const Member& member, uint64_t bytes) const;

  InputFile file_;
  std::vector<Member> members_;
};

} // namespace kiln::runtime
