// NumPy arrays: .npy files, and the members of .npz archives; versions 1 to 3, either byte order, C or Fortran order.
#pragma once

#include "runtime/image.h"
#include "runtime/image_decoder.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::runtime {

struct NpyHeader {
  char kind = 0;             // 'u', 'i', 'f', 'b' (bool); others are refused
  int64_t element_bytes = 0; // 1, 2, 4 or 8
  bool is_big_endian = false;
  bool is_fortran = false;
  std::vector<int64_t> dims;
  size_t header_bytes = 0; // where the data begin

  std::string type_name() const;  // "u1"
  std::string shape_text() const; // "60000x28x28"
  int64_t elements() const;
};

// Reads a header from the first bytes of an array; at most max_npy_header_bytes are needed. Throws Error (data).
NpyHeader parse_npy_header(Bytes start, const std::string& name);
inline constexpr size_t max_npy_header_bytes = 4096;

// One array: `file` is an .npy, or an .npz of which `array` (without .npy) is the member.
struct ArrayPlace {
  std::string file;
  std::string array;
};

// For messages: "train.npz:image", "image.npy".
std::string name_of(const ArrayPlace& place);

// Of the array's start alone. Throws Error (data) also where the file is too short or too long for what it says.
NpyHeader read_npy_header(const ArrayPlace& place);

struct NpyArray {
  NpyHeader header;
  std::vector<uint8_t> data; // in C order, little-endian
};

NpyArray read_npy(const ArrayPlace& place);

// Images: u1 of N x H x W, or N x H x W x C (N x C x H x W with `channels_first`). Throws Error (data).
ImageShape npy_image_shape(const NpyHeader& header, bool channels_first, const std::string& name);
} // namespace kiln::runtime
