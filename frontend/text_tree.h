// The text form of an experiment as a tree of fields, before anybody asks what they mean.
// Blocks are expanded on it: it knows `$name` and `$(...)` as values, which protobuf's parser does not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::frontend {

struct Token {
  enum class Kind : uint8_t {
    word,       // filters, true, FLOOR
    number,     // 64, 0.5, 0x10; a sign is a symbol before it
    string,     // "conv1", quotes included
    parameter,  // $filters
    expression, // $(4 * width), up to the closing parenthesis
    symbol,     // one character of { } < > [ ] : , ; - or one that has no place in the text form
    end,
  };
  Kind kind = Kind::end;
  size_t begin = 0;
  size_t end = 0;
};

struct TextField;

struct TextValue {
  enum class Kind : uint8_t { scalar, list, message };
  Kind kind = Kind::scalar;
  size_t begin = 0;
  size_t end = 0;
  std::vector<Token> tokens;     // of a scalar: several are a sign and a number, or strings to be joined
  std::vector<TextValue> items;  // of a list
  std::vector<TextField> fields; // of a message
};

struct TextField {
  Token name;
  bool has_colon = false;
  TextValue value;
};

struct TextTree {
  std::vector<TextField> fields;
};

struct SyntaxError {
  size_t offset = 0;
  std::string message;
  std::string hint;
};

std::vector<Token> tokenize(std::string_view text);

// Empty, with the first mistake in `error`, when brackets do not match or something is no field.
std::optional<TextTree> parse_tree(std::string_view text, const std::vector<Token>& tokens, SyntaxError& error);

std::string_view text_of(std::string_view text, const Token& token);
// What quoted text stands for.
std::string unquote(std::string_view quoted);

} // namespace kiln::frontend
