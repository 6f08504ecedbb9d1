// Tells how long a well-formed UTF-8 sequence is: shared by the JSON writer and the JSON reader.
// Overlong forms, surrogates and code points above U+10FFFF are no UTF-8.
#pragma once

#include <cstddef>
#include <string_view>

namespace kiln::runtime {

// Bytes of the sequence that `text` begins with, or 0 when it is malformed. `text` is not empty.
inline size_t utf8_sequence_length(std::string_view text) {
  auto byte = [&](size_t at) { return static_cast<unsigned char>(text[at]); };
  unsigned char first = byte(0);
  if (first < 0x80) return 1;
  size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                  : (first & 0xf0) == 0xe0         ? 3
                  : first >= 0xf0 && first <= 0xf4 ? 4
                                                   : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t at = 1; at < length; ++at)
    if ((byte(at) & 0xc0) != 0x80) return 0;
  unsigned char second = byte(1);
  if (first == 0xe0 && second < 0xa0) return 0;
  if (first == 0xed && second > 0x9f) return 0;
  if (first == 0xf0 && second < 0x90) return 0;
  if (first == 0xf4 && second > 0x8f) return 0;
  return length;
}

} // namespace kiln::runtime
