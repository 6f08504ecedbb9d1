// The arithmetic of `$(4 * width)`: whole numbers and parameters, + - * / % and parentheses.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace kiln::frontend {

struct IntegerResult {
  int64_t value = 0;
  std::string problem; // empty: all is well
  std::string hint;

  bool ok() const { return problem.empty(); }
};

// Division rounds towards zero, as in C. `lookup` gives the value of a parameter.
IntegerResult evaluate_expression(std::string_view expression,
                                  const std::function<IntegerResult(std::string_view)>& lookup);

// All of `text` as a whole number, as the text form writes them (decimal, 0x10, 017), with or without a sign.
bool parse_integer(std::string_view text, int64_t& value);

} // namespace kiln::frontend
