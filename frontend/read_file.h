// A whole file in memory, for the readers of every format.
#pragma once

#include <optional>
#include <string>

namespace kiln::frontend {

// Empty on failure, with errno set.
std::optional<std::string> read_file(const std::string& path);

} // namespace kiln::frontend
