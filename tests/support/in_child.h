// Runs a check in a process of its own, so that what it crashes is not the test.
#pragma once

#include "tests/support/network_check.h"

#include <functional>
#include <vector>

namespace kiln::test {

// A signal (what touches a guard page ends in one), or more than `seconds`, is a finding of kind "signal".
std::vector<NetworkFinding> in_child(const std::function<std::vector<NetworkFinding>()>& check, int seconds);

} // namespace kiln::test
