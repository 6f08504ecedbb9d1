// Blocks: text with `block`, `use` and `$parameters` -> text without, which says what every use stands for.
// Done before protobuf's parser sees the text, so that all that follows works on plain layers; positions lead back to
// the block and to its uses. kiln.proto states what blocks mean.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "frontend/diagnostics.h"
#include "frontend/source_map.h"

namespace kiln::frontend {

struct Expansion {
  ExpandedText text;
  bool complete = true; // false: something was wrong with blocks or uses, so layers may be missing
};

// Text that uses none of this comes back as it is, whatever it says. Empty when brackets do not match in text that
// does. `text` must outlive the result.
std::optional<Expansion> expand_blocks(std::string_view text, const std::string& file, Diagnostics& diagnostics);

} // namespace kiln::frontend
