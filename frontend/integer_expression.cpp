// The arithmetic of `$(4 * width)`: whole numbers and parameters, + - * / % and parentheses.
// Recursive descent; the first problem ends it. Nothing wraps around.
#include "frontend/integer_expression.h"

#include <cctype>
#include <charconv>

#include <fmt/format.h>

namespace kiln::frontend {
namespace {

class Evaluator {
public:
  Evaluator(std::string_view text, const std::function<IntegerResult(std::string_view)>& lookup)
      : text_(text), lookup_(lookup) {}

  IntegerResult run() {
    const int64_t value = sum();
    skip_blank();
    if (at_ < text_.size()) fail_here();
    if (!result_.ok()) return result_;
    return {value, {}, {}};
  }

private:
  int64_t sum() {
    int64_t value = product();
    while (result_.ok() && (next_is('+') || next_is('-'))) {
      const char sign = text_[at_++];
      const int64_t right = product();
      if (!result_.ok()) break;
      check_overflow(sign == '+' ? __builtin_add_overflow(value, right, &value)
                                 : __builtin_sub_overflow(value, right, &value));
    }
    return value;
  }

  int64_t product() {
    int64_t value = factor();
    while (result_.ok() && (next_is('*') || next_is('/') || next_is('%'))) {
      const char sign = text_[at_++];
      const int64_t right = factor();
      if (!result_.ok()) break;
      if (sign == '*') {
        check_overflow(__builtin_mul_overflow(value, right, &value));
      } else if (right == 0) {
        fail(fmt::format("{} is divided by zero", value));
      } else if (right == -1) { // the smallest number has no opposite
        const int64_t dividend = value;
        value = 0;
        if (sign == '/') check_overflow(__builtin_sub_overflow(int64_t{0}, dividend, &value));
      } else {
        value = sign == '/' ? value / right : value % right;
      }
    }
    return value;
  }

  int64_t factor() {
    if (next_is('-')) {
      ++at_;
      const int64_t positive = nested([&] { return factor(); });
      int64_t value = 0;
      check_overflow(__builtin_sub_overflow(int64_t{0}, positive, &value));
      return value;
    }
    if (next_is('(')) {
      ++at_;
      const int64_t value = nested([&] { return sum(); });
      if (next_is(')'))
        ++at_;
      else
        fail_here();
      return value;
    }
    if (next_is('$')) {
      fail("parameters stand without $ inside of $( )");
      return 0;
    }
    size_t end = at_;
    while (end < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[end])) != 0 || text_[end] == '_'))
      ++end;
    const std::string_view word = text_.substr(at_, end - at_);
    if (word.empty()) {
      fail_here();
      return 0;
    }
    at_ = end;
    if (std::isdigit(static_cast<unsigned char>(word.front())) == 0) {
      const IntegerResult found = lookup_(word);
      if (!found.ok()) fail(found.problem, found.hint);
      return found.value;
    }
    int64_t value = 0;
    if (!parse_integer(word, value)) fail(fmt::format("\"{}\" is no whole number within 64 bits", word));
    return value;
  }

  template <class Parse> int64_t nested(Parse parse) {
    constexpr int deepest = 100;
    if (++depth_ > deepest) {
      fail("the expression is nested too deeply");
      return 0;
    }
    const int64_t value = parse();
    --depth_;
    return value;
  }

  void skip_blank() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
  }
  bool next_is(char c) {
    skip_blank();
    return at_ < text_.size() && text_[at_] == c;
  }

  void check_overflow(bool overflows) {
    if (overflows) fail("the result does not fit in 64 bits");
  }
  void fail_here() {
    skip_blank();
    if (at_ < text_.size())
      fail(fmt::format("unexpected \"{}\" in an expression", text_[at_]), "numbers, parameters, + - * / % and ( )");
    else
      fail("the expression ends too early");
  }
  void fail(std::string problem, std::string hint = {}) {
    if (result_.ok()) result_ = {0, std::move(problem), std::move(hint)};
  }

  std::string_view text_;
  const std::function<IntegerResult(std::string_view)>& lookup_;
  size_t at_ = 0;
  int depth_ = 0;
  IntegerResult result_;
};

} // namespace

IntegerResult evaluate_expression(std::string_view expression,
                                  const std::function<IntegerResult(std::string_view)>& lookup) {
  return Evaluator(expression, lookup).run();
}

bool parse_integer(std::string_view text, int64_t& value) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  while (negative && text.starts_with(' ')) text.remove_prefix(1);
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  } else if (text.size() > 1 && text.front() == '0') {
    base = 8;
    text.remove_prefix(1);
  }
  uint64_t magnitude = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), magnitude, base);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  const uint64_t limit = uint64_t{1} << 63;
  if (magnitude > limit || (magnitude == limit && !negative)) return false;
  value = negative ? static_cast<int64_t>(0 - magnitude) : static_cast<int64_t>(magnitude);
  return true;
}

} // namespace kiln::frontend
