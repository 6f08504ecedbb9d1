// How much of a block of channels a kernel works on where some of its lanes are padding.
#pragma once

#include <cstdint>

namespace kiln::codegen {

// Of a block with `channels` real ones. Half of a 512-bit vector takes half the time where such vectors go through
// 256-bit units in two passes, and as long as a whole one elsewhere; narrower vectors are no faster anywhere.
inline int32_t lanes_worked_on(int64_t channels, int32_t block) {
  constexpr int32_t kFastest = 8;
  return channels <= kFastest && block > kFastest ? kFastest : block;
}

} // namespace kiln::codegen
