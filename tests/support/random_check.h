// Checks the random network of a seed; what the tool random_networks and the test suite run.
#pragma once

#include "ir/target.h"

#include <cstdint>
#include <string>

namespace kiln::test {

// Empty when all is right; else what is wrong, the command that replays it, and a small network that fails alike.
std::string check_random_network(uint64_t seed, ir::IsaLevel level);

// The same for a network given as text, as found by shrinking.
std::string check_network_text(const std::string& text, ir::IsaLevel level);

// The modules of a seed as text.
std::string print_network(uint64_t seed);

} // namespace kiln::test
