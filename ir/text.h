// The text form of the IR: printed here, parsed back to an equal module. It is the language of golden tests, shape
// lists and bug reports; ir/README.md describes it.
#pragma once

#include "ir/graph.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace kiln::ir {

std::string print(const Module& module);
std::string print(const Function& function);
std::string print(const Node& node); // one line, without its newline

// "line:column: message", positions from 1.
struct ParseError : std::runtime_error {
  ParseError(int line, int column, const std::string& message);
  int line;
  int column;
};

// Result types and attributes may be left out: types are inferred, attributes take their defaults. Functions may stand
// without a module around them. Throws ParseError.
std::unique_ptr<Module> parse(std::string_view text);

} // namespace kiln::ir
