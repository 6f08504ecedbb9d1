// Writes numbers as text, by to_chars: the shortest text that reads back to the same bits, whatever the locale.
// Appending to a string with room allocates nothing, so the training loop may use it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kiln::runtime {

void append_integer(std::string& text, int64_t value);
void append_unsigned(std::string& text, uint64_t value);
// Shortest round trip: 0.1, 1e-07, inf, nan.
void append_float(std::string& text, float value);
void append_double(std::string& text, double value);
// `decimals` digits after the point: 0.880.
void append_fixed(std::string& text, double value, int decimals);
// Hours, minutes, seconds for people: 1:02:03, 4:05.
void append_duration(std::string& text, double seconds);

std::string format_integer(int64_t value);
std::string format_float(float value);
std::string format_double(double value);
std::string format_fixed(double value, int decimals);

// Whole text or nothing: no sign but '-', no spaces, no rest.
bool parse_integer(std::string_view text, int64_t& value);
bool parse_unsigned(std::string_view text, uint64_t& value);
bool parse_double(std::string_view text, double& value);

} // namespace kiln::runtime
