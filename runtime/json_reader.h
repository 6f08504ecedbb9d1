// Reads one JSON document strictly (RFC 8259, UTF-8, no doubled keys) into a small tree.
// Meant for headers of safetensors files and rows of metrics: depth is bounded, numbers keep their text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kiln::runtime {

struct JsonValue {
  enum class Kind { Null, Boolean, Number, String, Array, Object };

  // Out of line: a value holds values, so they need the complete type.
  JsonValue();
  ~JsonValue();
  JsonValue(const JsonValue&);
  JsonValue& operator=(const JsonValue&);
  JsonValue(JsonValue&&) noexcept;
  JsonValue& operator=(JsonValue&&) noexcept;

  Kind kind = Kind::Null;
  bool boolean = false;
  std::string text; // a string's content, or a number as written
  std::vector<JsonValue> elements;
  std::vector<std::pair<std::string, JsonValue>> members; // in the order of the document

  const JsonValue* find(std::string_view name) const;
  // False unless this is a number without sign, fraction or exponent that fits.
  bool as_unsigned(uint64_t& value) const;
  // Of an object's member: NaN, or 0, unless it is such a number.
  double number(std::string_view name) const;
  int64_t count(std::string_view name) const;
};

// False on malformed text; `problem` then says what is wrong and at which byte.
bool parse_json(std::string_view text, JsonValue& value, std::string& problem);

} // namespace kiln::runtime
