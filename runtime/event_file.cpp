// TFRecord framing around tensorflow.Event messages, written and read by hand: the runtime holds no protobuf.
//   Event:         double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5;
//   Summary:       repeated Value value = 1;
//   Summary.Value: string tag = 1; float simple_value = 2;
#include "runtime/event_file.h"

#include <array>
#include <chrono>
#include <cmath>
#include <cstring>

namespace kiln::runtime {
namespace {

constexpr std::string_view epoch_prefix = "epoch/";
constexpr size_t buffer_bytes = 1 << 16;
constexpr size_t header_bytes = 12; // length, and its CRC
constexpr size_t footer_bytes = 4;

constexpr std::array<uint32_t, 256> make_crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = (value & 1) != 0 ? 0x82f63b78u ^ (value >> 1) : value >> 1;
    table[byte] = value;
  }
  return table;
}

constexpr std::array<uint32_t, 256> crc_table = make_crc_table();

enum Wire : uint8_t { varint = 0, fixed64 = 1, delimited = 2, fixed32 = 5 };

template <class Value> void append_bytes(std::string& out, Value value) {
  std::array<char, sizeof(Value)> bytes;
  std::memcpy(bytes.data(), &value, sizeof(Value));
  out.append(bytes.data(), bytes.size());
}

template <class Value> Value read_bytes(std::string_view in) {
  Value value;
  std::memcpy(&value, in.data(), sizeof(Value));
  return value;
}

void append_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void append_key(std::string& out, int field, Wire wire) { out += static_cast<char>(field << 3 | wire); }

size_t varint_bytes(uint64_t value) {
  size_t bytes = 1;
  for (; value >= 0x80; value >>= 7) ++bytes;
  return bytes;
}

bool take_varint(std::string_view& in, uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(in.front());
    in.remove_prefix(1);
    value |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

// The next field: a number in `value`, or a message or text in `content`.
bool take_field(std::string_view& in, uint64_t& field, uint64_t& value, std::string_view& content) {
  uint64_t key;
  if (!take_varint(in, key)) return false;
  field = key >> 3;
  size_t bytes = 0;
  switch (key & 7) {
  case varint:
    return take_varint(in, value);
  case fixed64:
    bytes = 8;
    break;
  case fixed32:
    bytes = 4;
    break;
  case delimited:
    if (!take_varint(in, value)) return false;
    bytes = value;
    break;
  default:
    return false;
  }
  if (bytes > in.size()) return false;
  content = in.substr(0, bytes);
  in.remove_prefix(bytes);
  return true;
}

struct EventFacts {
  int64_t step = 0;
  bool is_about_epoch = false;
};

bool read_event(std::string_view event, EventFacts& facts) {
  uint64_t field, value;
  std::string_view content;
  while (!event.empty()) {
    if (!take_field(event, field, value, content)) return false;
    if (field == 2) facts.step = static_cast<int64_t>(value);
    if (field != 5) continue;
    std::string_view first, tag;
    if (!take_field(content, field, value, first) || !take_field(first, field, value, tag)) return false;
    facts.is_about_epoch = tag.starts_with(epoch_prefix);
  }
  return true;
}

// The first whole record of `in`, which is taken off; false where there is none.
bool take_record(std::string_view& in, std::string_view& event) {
  if (in.size() < header_bytes + footer_bytes) return false;
  const auto length = read_bytes<uint64_t>(in);
  if (read_bytes<uint32_t>(in.substr(8)) != masked_crc32c(in.substr(0, 8))) return false;
  if (length > in.size() - header_bytes - footer_bytes) return false;
  event = in.substr(header_bytes, length);
  if (read_bytes<uint32_t>(in.substr(header_bytes + length)) != masked_crc32c(event)) return false;
  in.remove_prefix(header_bytes + length + footer_bytes);
  return true;
}

double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

} // namespace

uint32_t crc32c(std::string_view bytes) {
  uint32_t value = ~0u;
  for (const char byte : bytes) value = crc_table[(value ^ static_cast<uint8_t>(byte)) & 0xff] ^ (value >> 8);
  return ~value;
}

uint32_t masked_crc32c(std::string_view bytes) {
  const uint32_t value = crc32c(bytes);
  return (value >> 15 | value << 17) + 0xa282ead8u;
}

// TensorBoard takes every file for one of events that has "tfevents" in its name.
std::string EventFile::path_in(const std::string& directory) {
  return join_path(directory, "events.out.tfevents.kiln");
}

EventFile::EventFile(const std::string& directory) : file_(path_in(directory), buffer_bytes) {
  for (std::string* text : {&event_, &summary_, &frame_}) text->reserve(1024);
  if (InputFile(path_in(directory)).size() > 0) return;
  constexpr std::string_view version = "brain.Event:2";
  append_key(event_, 1, fixed64);
  append_bytes(event_, wall_time());
  append_key(event_, 3, delimited);
  append_varint(event_, version.size());
  event_ += version;
  append_record();
  file_.flush();
}

void EventFile::cut_back(const std::string& directory, int64_t step, int64_t epoch) {
  const std::string path = path_in(directory);
  if (!file_exists(path)) return;
  const std::string text = read_text_file(path);
  std::string kept;
  int64_t epochs = 0;
  std::string_view rest = text, event;
  for (;;) {
    const std::string_view before = rest;
    EventFacts facts;
    if (!take_record(rest, event) || !read_event(event, facts)) break;
    if (facts.is_about_epoch ? ++epochs <= epoch : facts.step <= step)
      kept += before.substr(0, before.size() - rest.size());
  }
  if (kept != text) write_text_file(path, kept);
}

void EventFile::add_step(int64_t step, std::span<const EventScalar> scalars) { add({}, step, scalars); }

void EventFile::add_epoch(int64_t step, std::span<const EventScalar> scalars) { add(epoch_prefix, step, scalars); }

void EventFile::add(std::string_view prefix, int64_t step, std::span<const EventScalar> scalars) {
  summary_.clear();
  for (const EventScalar& scalar : scalars) {
    if (!std::isfinite(scalar.value)) continue;
    const size_t tag = prefix.size() + scalar.tag.size();
    append_key(summary_, 1, delimited);
    append_varint(summary_, 1 + varint_bytes(tag) + tag + 1 + sizeof(float));
    append_key(summary_, 1, delimited);
    append_varint(summary_, tag);
    summary_.append(prefix).append(scalar.tag);
    append_key(summary_, 2, fixed32);
    append_bytes(summary_, static_cast<float>(scalar.value));
  }
  event_.clear();
  append_key(event_, 1, fixed64);
  append_bytes(event_, wall_time());
  append_key(event_, 2, varint);
  append_varint(event_, static_cast<uint64_t>(step));
  append_key(event_, 5, delimited);
  append_varint(event_, summary_.size());
  event_ += summary_;
  append_record();
}

void EventFile::append_record() {
  frame_.clear();
  append_bytes(frame_, uint64_t{event_.size()});
  append_bytes(frame_, masked_crc32c(frame_));
  frame_ += event_;
  append_bytes(frame_, masked_crc32c(event_));
  file_.append(frame_);
}

} // namespace kiln::runtime
