// Writes JSON text on one line: objects, arrays, escaped strings, numbers that read back to the same bits.
// Commas are put by the writer; that calls nest rightly is the caller's duty (asserted).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kiln::runtime {

class JsonWriter {
public:
  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);

  // Bytes that are no UTF-8 become U+FFFD, so that any file name gives a valid document.
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(bool truth);
  JsonWriter& value(int number) { return value(static_cast<int64_t>(number)); }
  JsonWriter& value(int64_t number);
  JsonWriter& value(uint64_t number);
  // JSON has no infinity and no NaN: they are written as null.
  JsonWriter& value(float number);
  JsonWriter& value(double number);
  JsonWriter& null();
  JsonWriter& number(std::string_view text); // as it stands

  template <typename Value> JsonWriter& member(std::string_view name, const Value& content) {
    return key(name).value(content);
  }

  const std::string& text() const { return text_; }
  // Empties the text and keeps its memory: a writer used again does not allocate.
  void clear();
  void reserve(size_t bytes) { text_.reserve(bytes); }

private:
  void separate();

  std::string text_;
  int depth_ = 0;
  bool needs_comma_ = false;
};

// `text` in quotes, escaped.
void append_json_string(std::string& out, std::string_view text);

} // namespace kiln::runtime
