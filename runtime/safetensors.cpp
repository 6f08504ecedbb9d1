// Reads and writes safetensors files: an 8-byte little-endian header length, a JSON header, then tensors in C order.
// The reader trusts nothing: every length, offset, shape and type is checked before it is used.
#include "runtime/safetensors.h"

#include "runtime/error.h"
#include "runtime/json_reader.h"
#include "runtime/json_writer.h"
#include "runtime/number_format.h"
#include "runtime/sha256.h"

#include <algorithm>
#include <cassert>

namespace kiln::runtime {
namespace {

constexpr uint64_t max_header_bytes = 100'000'000; // the format's own limit

std::string number(uint64_t value) { return format_integer(static_cast<int64_t>(value)); }

// False where the element type is unknown or the size does not fit 63 bits.
bool tensor_bytes(const SafetensorsTensor& tensor, uint64_t& bytes) {
  bytes = safetensors_element_bytes(tensor.dtype);
  for (int64_t dim : tensor.shape)
    if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(dim), &bytes)) return false;
  return bytes <= INT64_MAX && safetensors_element_bytes(tensor.dtype) > 0;
}

// What is wrong with a tensor's entry in the header, or an empty text.
std::string read_entry(const JsonValue& entry, SafetensorsTensor& tensor) {
  const JsonValue* dtype = entry.find("dtype");
  const JsonValue* shape = entry.find("shape");
  const JsonValue* offsets = entry.find("data_offsets");
  if (!dtype || dtype->kind != JsonValue::Kind::String) return "no dtype";
  if (!shape || shape->kind != JsonValue::Kind::Array) return "no shape";
  if (!offsets || offsets->kind != JsonValue::Kind::Array || offsets->elements.size() != 2) return "no data_offsets";
  tensor.dtype = dtype->text;
  if (safetensors_element_bytes(tensor.dtype) == 0) return "unknown dtype \"" + tensor.dtype + "\"";
  for (const JsonValue& element : shape->elements) {
    uint64_t dim;
    if (!element.as_unsigned(dim) || dim > INT64_MAX) return "shape holds something that is no size";
    tensor.shape.push_back(static_cast<int64_t>(dim));
  }
  if (!offsets->elements[0].as_unsigned(tensor.begin) || !offsets->elements[1].as_unsigned(tensor.end))
    return "data_offsets are no offsets";
  uint64_t bytes;
  if (!tensor_bytes(tensor, bytes)) return "shape " + shape_text(tensor.shape) + " is too large";
  if (tensor.begin > tensor.end || tensor.end - tensor.begin != bytes)
    return "data_offsets [" + format_integer(static_cast<int64_t>(tensor.begin)) + "," +
           format_integer(static_cast<int64_t>(tensor.end)) + "] do not fit " + tensor.dtype +
           shape_text(tensor.shape) + " = " + number(bytes) + " bytes";
  return {};
}

} // namespace

std::string_view safetensors_dtype(kiln_dtype dtype) {
  switch (dtype) {
  case KILN_F32:
    return "F32";
  case KILN_U8:
    return "U8";
  case KILN_I32:
    return "I32";
  }
  return "";
}

uint64_t safetensors_element_bytes(std::string_view dtype) {
  if (dtype == "F64" || dtype == "I64" || dtype == "U64") return 8;
  if (dtype == "F32" || dtype == "I32" || dtype == "U32") return 4;
  if (dtype == "F16" || dtype == "BF16" || dtype == "I16" || dtype == "U16") return 2;
  if (dtype == "I8" || dtype == "U8" || dtype == "BOOL" || dtype == "F8_E4M3" || dtype == "F8_E5M2") return 1;
  return 0;
}

std::string weights_file_plan_key(std::string_view isa) { return "kiln.plan_hash." + std::string(isa); }

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (size_t dim = 0; dim < shape.size(); ++dim) {
    if (dim > 0) text += ',';
    append_integer(text, shape[dim]);
  }
  return text + "]";
}

SafetensorsFile::SafetensorsFile(const std::string& path) : file_(path) { read_header(); }

void SafetensorsFile::fail(const std::string& what) const {
  throw Error(ErrorKind::data, path() + ": not a valid safetensors file: " + what);
}

void SafetensorsFile::read_header() {
  if (file_.size() < 8) fail("expected at least 8 bytes, got " + number(file_.size()));
  unsigned char length_bytes[8];
  file_.read_at(0, length_bytes, 8);
  uint64_t header_bytes = 0;
  for (int byte = 7; byte >= 0; --byte) header_bytes = header_bytes << 8 | length_bytes[byte];
  if (header_bytes > max_header_bytes) fail("its header length is beyond 100 MB");
  if (header_bytes > file_.size() - 8)
    fail("truncated: a header of " + number(header_bytes) + " bytes, but a file of " + number(file_.size()));
  std::string header(header_bytes, '\0');
  file_.read_at(8, header.data(), header.size());
  payload_begin_ = 8 + header_bytes;
  payload_bytes_ = file_.size() - payload_begin_;

  JsonValue root;
  std::string problem;
  if (!parse_json(header, root, problem)) fail("header: " + problem);
  if (root.kind != JsonValue::Kind::Object) fail("the header is no object");
  for (const auto& [name, value] : root.members) {
    if (value.kind != JsonValue::Kind::Object) fail("\"" + name + "\" is no object");
    if (name == "__metadata__") {
      for (const auto& [key, content] : value.members) {
        if (content.kind != JsonValue::Kind::String) fail("metadata \"" + key + "\" is no string");
        metadata_.emplace_back(key, content.text);
      }
      continue;
    }
    SafetensorsTensor tensor;
    tensor.name = name;
    problem = read_entry(value, tensor);
    if (!problem.empty()) fail("tensor \"" + name + "\": " + problem);
    tensors_.push_back(std::move(tensor));
  }

  std::sort(tensors_.begin(), tensors_.end(), [](const SafetensorsTensor& a, const SafetensorsTensor& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  uint64_t covered = 0;
  for (const SafetensorsTensor& tensor : tensors_) {
    if (tensor.begin != covered)
      fail("tensor \"" + tensor.name + "\" begins at " + number(tensor.begin) + ", the one before it ends at " +
           number(covered));
    covered = tensor.end;
  }
  if (covered != payload_bytes_)
    fail((payload_bytes_ < covered ? "truncated: expected " : "trailing bytes: expected ") + number(covered) +
         " bytes of tensors, got " + number(payload_bytes_));
}

const SafetensorsTensor* SafetensorsFile::find(std::string_view name) const {
  for (const SafetensorsTensor& tensor : tensors_)
    if (tensor.name == name) return &tensor;
  return nullptr;
}

const std::string* SafetensorsFile::find_metadata(std::string_view key) const {
  for (const auto& [name, value] : metadata_)
    if (name == key) return &value;
  return nullptr;
}

void SafetensorsFile::read(const SafetensorsTensor& tensor, void* out) const {
  file_.read_at(payload_begin_ + tensor.begin, out, tensor.end - tensor.begin);
}

std::string SafetensorsFile::payload_sha256() const {
  Sha256 hash;
  std::vector<char> block(std::min<uint64_t>(payload_bytes_, 1 << 20));
  for (uint64_t done = 0; done < payload_bytes_;) {
    size_t bytes = std::min<uint64_t>(block.size(), payload_bytes_ - done);
    file_.read_at(payload_begin_ + done, block.data(), bytes);
    hash.update(block.data(), bytes);
    done += bytes;
  }
  return hash.finish_hex();
}

std::string safetensors_header(const std::vector<SafetensorsTensor>& tensors, const Metadata& metadata) {
  JsonWriter json;
  json.begin_object();
  if (!metadata.empty()) {
    json.key("__metadata__").begin_object();
    for (const auto& [key, value] : metadata) json.member(key, value);
    json.end_object();
  }
  uint64_t offset = 0;
  for (const SafetensorsTensor& tensor : tensors) {
    uint64_t bytes = 0;
    [[maybe_unused]] bool valid = tensor_bytes(tensor, bytes);
    assert(valid);
    json.key(tensor.name).begin_object().member("dtype", tensor.dtype).key("shape").begin_array();
    for (int64_t dim : tensor.shape) json.value(dim);
    json.end_array().key("data_offsets").begin_array().value(offset).value(offset + bytes).end_array().end_object();
    offset += bytes;
  }
  json.end_object();
  std::string header = json.text();
  header.resize((header.size() + 7) / 8 * 8, ' '); // the payload starts aligned, as readers that map the file like it
  std::string text;
  for (int byte = 0; byte < 8; ++byte) text += static_cast<char>(header.size() >> 8 * byte);
  return text + header;
}

SafetensorsWriter::SafetensorsWriter(const std::string& path, const std::vector<SafetensorsTensor>& tensors,
                                     const Metadata& metadata)
    : file_(path) {
  const std::string header = safetensors_header(tensors, metadata);
  file_.write(header.data(), header.size());
  for (const SafetensorsTensor& tensor : tensors) {
    uint64_t bytes = 0;
    [[maybe_unused]] bool valid = tensor_bytes(tensor, bytes);
    assert(valid);
    missing_bytes_ += bytes;
  }
}

void SafetensorsWriter::write(const void* data, uint64_t bytes) {
  assert(bytes <= missing_bytes_);
  file_.write(data, bytes);
  missing_bytes_ -= bytes;
}

void SafetensorsWriter::commit() {
  assert(missing_bytes_ == 0);
  file_.commit();
}

} // namespace kiln::runtime
