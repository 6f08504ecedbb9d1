// Did you mean: the nearest of some names to one that does not exist.
// Counts a swap of two neighbouring letters as one edit, since that is the commonest slip.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kiln::frontend {

// Insertions, deletions, substitutions and swaps of neighbours that turn one into the other.
int edit_distance(std::string_view a, std::string_view b);

// The nearest candidate, empty if none is near enough (a third of the letters, at least one). Case is ignored.
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

// `did you mean "kernel"?`, or `one of: a, b, c` if no candidate is near; empty without candidates.
std::string suggestion(std::string_view name, const std::vector<std::string>& candidates);

} // namespace kiln::frontend
