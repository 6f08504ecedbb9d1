// Reads and writes safetensors files: an 8-byte little-endian header length, a JSON header, then tensors in C order.
// The reader trusts nothing: every length, offset, shape and type is checked before it is used.
#pragma once

#include "runtime/abi.h"
#include "runtime/file_io.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kiln::runtime {

using Metadata = std::vector<std::pair<std::string, std::string>>;

struct SafetensorsTensor {
  std::string name;
  std::string dtype; // "F32", "U8", "I32", ... as the format spells them
  std::vector<int64_t> shape;
  // Within the payload; set by the reader.
  uint64_t begin = 0;
  uint64_t end = 0;
};

std::string_view safetensors_dtype(kiln_dtype dtype); // "F32"
// Bytes of one element, 0 for an unknown name.
uint64_t safetensors_element_bytes(std::string_view dtype);
std::string shape_text(const std::vector<int64_t>& shape); // "[32,1,5,5]"

// Under which key the weights file of an inference binary says what plan it is for, of those for each CPU level.
std::string weights_file_plan_key(std::string_view isa);

// What stands before the payload: the header's length and the header.
std::string safetensors_header(const std::vector<SafetensorsTensor>& tensors, const Metadata& metadata);

class SafetensorsFile {
public:
  // Reads and checks the header. Throws Error (data) naming file and tensor.
  explicit SafetensorsFile(const std::string& path);

  const std::string& path() const { return file_.path(); }
  const std::vector<SafetensorsTensor>& tensors() const { return tensors_; } // in the order of the payload
  const SafetensorsTensor* find(std::string_view name) const;
  const std::string* find_metadata(std::string_view key) const;
  // tensor.end - tensor.begin bytes.
  void read(const SafetensorsTensor& tensor, void* out) const;
  // SHA-256 of all that follows the header, in hex.
  std::string payload_sha256() const;

private:
  [[noreturn]] void fail(const std::string& what) const;
  void read_header();

  InputFile file_;
  uint64_t payload_begin_ = 0;
  uint64_t payload_bytes_ = 0;
  std::vector<SafetensorsTensor> tensors_;
  Metadata metadata_;
};

// Writes beside the target and takes its place on commit. The tensors' bytes are handed over in the order of `tensors`.
class SafetensorsWriter {
public:
  SafetensorsWriter(const std::string& path, const std::vector<SafetensorsTensor>& tensors, const Metadata& metadata);

  void write(const void* data, uint64_t bytes);
  // Makes what was written durable, without taking the target's place yet.
  void flush() { file_.flush(); }
  void commit();

private:
  AtomicFile file_;
  uint64_t missing_bytes_ = 0;
};

} // namespace kiln::runtime
