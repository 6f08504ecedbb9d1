// Makes a failing network small: delta debugging over the text of a module.
#pragma once

#include <functional>
#include <string>

namespace kiln::test {

// Says whether a network still fails in the way that is looked into. Called with text that parses.
using Fails = std::function<bool(const std::string& text)>;

// The smallest module found that still fails, as text that kiln-opt reads. Functions and outputs are dropped, nodes
// give way to values of their result's type that were there before or to new inputs, attributes go back to their
// defaults, and dims become smaller, until nothing more goes or `tries` candidates were run.
std::string shrink(const std::string& text, const Fails& fails, int tries = 400);

} // namespace kiln::test
