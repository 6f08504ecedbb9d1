// NumPy arrays and ZIP archives made up for a test, as NumPy writes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::testing {

// Version 1; `type` as in "|u1". `shape` as Python writes it: "(2, 3)".
std::string encode_npy(std::string_view type, std::string_view shape, std::string_view data, bool fortran = false,
                       int version = 1);

struct ZipMember {
  std::string name;
  std::string content;
};
// `deflated`: as savez_compressed. `zip64`: with the sizes in extra fields and a ZIP64 end, as for members above 4 GB.
std::string encode_zip(const std::vector<ZipMember>& members, bool deflated, bool zip64 = false);

} // namespace kiln::testing
