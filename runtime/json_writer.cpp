// Writes JSON text on one line: objects, arrays, escaped strings, numbers that read back to the same bits.
// Commas are put by the writer; that calls nest rightly is the caller's duty (asserted).
#include "runtime/json_writer.h"

#include "runtime/number_format.h"
#include "runtime/utf8.h"

#include <cassert>
#include <cmath>

namespace kiln::runtime {

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char hex[] = "0123456789abcdef";
  out += '"';
  for (size_t at = 0; at < text.size();) {
    unsigned char byte = static_cast<unsigned char>(text[at]);
    if (byte >= 0x80) {
      size_t length = utf8_sequence_length(text.substr(at));
      if (length == 0) {
        out += "\xef\xbf\xbd";
        ++at;
      } else {
        out.append(text.substr(at, length));
        at += length;
      }
      continue;
    }
    ++at;
    switch (byte) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      if (byte < 0x20) {
        out += "\\u00";
        out += hex[byte >> 4];
        out += hex[byte & 15];
      } else {
        out += static_cast<char>(byte);
      }
    }
  }
  out += '"';
}

void JsonWriter::separate() {
  if (needs_comma_) text_ += ',';
  needs_comma_ = true;
}

JsonWriter& JsonWriter::begin_object() {
  separate();
  text_ += '{';
  ++depth_;
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::end_object() {
  assert(depth_ > 0);
  text_ += '}';
  --depth_;
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::begin_array() {
  separate();
  text_ += '[';
  ++depth_;
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::end_array() {
  assert(depth_ > 0);
  text_ += ']';
  --depth_;
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  append_json_string(text_, name);
  text_ += ':';
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  append_json_string(text_, text);
  return *this;
}

JsonWriter& JsonWriter::value(bool truth) {
  separate();
  text_ += truth ? "true" : "false";
  return *this;
}

JsonWriter& JsonWriter::value(int64_t number) {
  separate();
  append_integer(text_, number);
  return *this;
}

JsonWriter& JsonWriter::value(uint64_t number) {
  separate();
  append_unsigned(text_, number);
  return *this;
}

JsonWriter& JsonWriter::value(float number) {
  if (!std::isfinite(number)) return null();
  separate();
  append_float(text_, number);
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  if (!std::isfinite(number)) return null();
  separate();
  append_double(text_, number);
  return *this;
}

JsonWriter& JsonWriter::null() {
  separate();
  text_ += "null";
  return *this;
}

JsonWriter& JsonWriter::number(std::string_view text) {
  separate();
  text_ += text;
  return *this;
}

void JsonWriter::clear() {
  text_.clear();
  depth_ = 0;
  needs_comma_ = false;
}

} // namespace kiln::runtime
