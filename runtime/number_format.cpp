// Writes numbers as text, by to_chars: the shortest text that reads back to the same bits, whatever the locale.
// Appending to a string with room allocates nothing, so the training loop may use it.
#include "runtime/number_format.h"

#include <charconv>
#include <cmath>

namespace kiln::runtime {
namespace {

template <typename Value, typename... Arguments>
void append_chars(std::string& text, Value value, Arguments... arguments) {
  // The longest: a double in fixed notation, 309 digits, a point and up to 40 decimals.
  char digits[400];
  std::to_chars_result result = std::to_chars(digits, digits + sizeof digits, value, arguments...);
  text.append(digits, static_cast<size_t>(result.ptr - digits));
}

template <typename Value> bool parse_whole(std::string_view text, Value& value) {
  const char* end = text.data() + text.size();
  Value parsed{};
  std::from_chars_result result = std::from_chars(text.data(), end, parsed);
  if (result.ec != std::errc() || result.ptr != end) return false;
  value = parsed;
  return true;
}

} // namespace

void append_integer(std::string& text, int64_t value) { append_chars(text, value); }
void append_unsigned(std::string& text, uint64_t value) { append_chars(text, value); }
void append_float(std::string& text, float value) { append_chars(text, value); }
void append_double(std::string& text, double value) { append_chars(text, value); }

void append_fixed(std::string& text, double value, int decimals) {
  if (decimals < 0) decimals = 0;
  if (decimals > 40) decimals = 40;
  append_chars(text, value, std::chars_format::fixed, decimals);
}

void append_duration(std::string& text, double seconds) {
  if (!(seconds >= 0) || seconds > 3600.0 * 24 * 365 * 100) {
    text += "--:--";
    return;
  }
  int64_t whole = std::llround(seconds);
  int64_t hours = whole / 3600, minutes = whole / 60 % 60, rest = whole % 60;
  if (hours > 0) {
    append_integer(text, hours);
    text += minutes < 10 ? ":0" : ":";
  }
  append_integer(text, minutes);
  text += rest < 10 ? ":0" : ":";
  append_integer(text, rest);
}

std::string format_integer(int64_t value) {
  std::string text;
  append_integer(text, value);
  return text;
}

std::string format_float(float value) {
  std::string text;
  append_float(text, value);
  return text;
}

std::string format_double(double value) {
  std::string text;
  append_double(text, value);
  return text;
}

std::string format_fixed(double value, int decimals) {
  std::string text;
  append_fixed(text, value, decimals);
  return text;
}

bool parse_integer(std::string_view text, int64_t& value) { return parse_whole(text, value); }
bool parse_unsigned(std::string_view text, uint64_t& value) { return parse_whole(text, value); }
bool parse_double(std::string_view text, double& value) { return parse_whole(text, value); }

} // namespace kiln::runtime
