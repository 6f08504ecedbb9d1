// The text form of an experiment as a tree of fields, before anybody asks what they mean.
// Lenient: what is well bracketed passes, and protobuf's parser judges the values afterwards.
#include "frontend/text_tree.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <google/protobuf/io/tokenizer.h>

namespace kiln::frontend {
namespace {

constexpr int kDeepest = 100; // protobuf's own limit; the tree is walked by recursion

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

class Lexer {
public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Token next() {
    skip_blank();
    Token token{Token::Kind::end, at_, at_};
    if (at_ >= text_.size()) return token;
    const char c = text_[at_];
    if (is_letter(c)) {
      token.kind = Token::Kind::word;
      take_word();
    } else if (is_digit(c) || (c == '.' && is_digit(peek(1)))) {
      token.kind = Token::Kind::number;
      take_number();
    } else if (c == '"' || c == '\'') {
      token.kind = Token::Kind::string;
      take_string(c);
    } else if (c == '$' && is_letter(peek(1))) {
      token.kind = Token::Kind::parameter;
      ++at_;
      take_word();
    } else if (c == '$' && peek(1) == '(') {
      token.kind = Token::Kind::expression;
      take_parentheses();
    } else {
      token.kind = Token::Kind::symbol;
      ++at_;
    }
    token.end = at_;
    return token;
  }

private:
  char peek(size_t ahead) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  void skip_blank() {
    while (at_ < text_.size()) {
      if (text_[at_] == '#') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (is_space(text_[at_])) {
        ++at_;
      } else {
        return;
      }
    }
  }

  void take_word() {
    while (is_letter(peek(0)) || is_digit(peek(0))) ++at_;
  }

  void take_number() {
    while (is_letter(peek(0)) || is_digit(peek(0)) || peek(0) == '.' || is_exponent_sign()) ++at_;
  }

  bool is_exponent_sign() const {
    const bool is_sign = peek(0) == '+' || peek(0) == '-';
    return is_sign && (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E');
  }

  // To the closing quote, or to the end of the line when there is none.
  void take_string(char quote) {
    for (++at_; at_ < text_.size() && text_[at_] != '\n'; ++at_) {
      if (text_[at_] == quote) {
        ++at_;
        return;
      }
      if (text_[at_] == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n') ++at_;
    }
  }

  void take_parentheses() {
    int open = 0;
    for (++at_; at_ < text_.size() && text_[at_] != '\n'; ++at_) {
      if (text_[at_] == '(') ++open;
      if (text_[at_] == ')' && --open == 0) {
        ++at_;
        return;
      }
    }
  }

  std::string_view text_;
  size_t at_ = 0;
};

class TreeParser {
public:
  TreeParser(std::string_view text, const std::vector<Token>& tokens) : text_(text), tokens_(tokens) {}

  bool parse_fields(std::vector<TextField>& fields, char close, int depth) {
    while (true) {
      const Token& token = tokens_[at_];
      if (token.kind == Token::Kind::end)
        return close == 0 || fail(token, "the file ends too early", "is a } missing?");
      if (close != 0 && is(token, close)) return true;
      if (token.kind != Token::Kind::word) return fail(token, fmt::format("expected a field, got: {}", word(token)));
      TextField field;
      field.name = token;
      ++at_;
      if (is(tokens_[at_], ':')) {
        field.has_colon = true;
        ++at_;
      }
      if (!parse_value(field.value, field.has_colon, depth)) return false;
      fields.push_back(std::move(field));
      if (is(tokens_[at_], ',') || is(tokens_[at_], ';')) ++at_;
    }
  }

  SyntaxError error;

private:
  bool parse_value(TextValue& value, bool has_colon, int depth) {
    const Token& token = tokens_[at_];
    value.begin = token.begin;
    if (depth > kDeepest) return fail(token, "messages are nested too deeply");
    bool parsed = false;
    if (is(token, '{') || is(token, '<'))
      parsed = parse_message(value, is(token, '{') ? '}' : '>', depth);
    else if (!has_colon)
      return fail(token, fmt::format("expected \":\" or \"{{\", got: {}", word(token)));
    else if (is(token, '['))
      parsed = parse_list(value, depth);
    else
      parsed = parse_scalar(value);
    if (parsed) value.end = tokens_[at_ - 1].end;
    return parsed;
  }

  bool parse_message(TextValue& value, char close, int depth) {
    value.kind = TextValue::Kind::message;
    ++at_;
    if (!parse_fields(value.fields, close, depth + 1)) return false;
    ++at_;
    return true;
  }

  bool parse_list(TextValue& value, int depth) {
    value.kind = TextValue::Kind::list;
    ++at_;
    if (is(tokens_[at_], ']')) {
      ++at_;
      return true;
    }
    while (true) {
      TextValue item;
      if (!parse_value(item, true, depth + 1)) return false;
      value.items.push_back(std::move(item));
      const Token& after = tokens_[at_];
      if (!is(after, ',') && !is(after, ']'))
        return fail(after, fmt::format("expected \",\" or \"]\" in a list, got: {}", word(after)));
      ++at_;
      if (is(after, ']')) return true;
    }
  }

  bool parse_scalar(TextValue& value) {
    if (is(tokens_[at_], '-')) value.tokens.push_back(tokens_[at_++]);
    const Token& token = tokens_[at_];
    if (token.kind == Token::Kind::end) return fail(token, "the file ends too early", "is a } missing?");
    if (token.kind == Token::Kind::symbol) return fail(token, fmt::format("expected a value, got: {}", word(token)));
    const std::string_view text = word(token);
    if (token.kind == Token::Kind::expression &&
        std::count(text.begin(), text.end(), '(') != std::count(text.begin(), text.end(), ')'))
      return fail(token, "the expression does not end on its line", "is a ) missing?");
    value.tokens.push_back(token);
    ++at_;
    while (token.kind == Token::Kind::string && tokens_[at_].kind == Token::Kind::string)
      value.tokens.push_back(tokens_[at_++]);
    return true;
  }

  bool is(const Token& token, char symbol) const {
    return token.kind == Token::Kind::symbol && text_[token.begin] == symbol;
  }
  std::string_view word(const Token& token) const { return text_of(text_, token); }

  bool fail(const Token& token, std::string message, std::string hint = {}) {
    error = {token.begin, std::move(message), std::move(hint)};
    return false;
  }

  std::string_view text_;
  const std::vector<Token>& tokens_;
  size_t at_ = 0;
};

} // namespace

std::vector<Token> tokenize(std::string_view text) {
  std::vector<Token> tokens;
  Lexer lexer(text);
  do tokens.push_back(lexer.next());
  while (tokens.back().kind != Token::Kind::end);
  return tokens;
}

std::optional<TextTree> parse_tree(std::string_view text, const std::vector<Token>& tokens, SyntaxError& error) {
  TextTree tree;
  TreeParser parser(text, tokens);
  if (parser.parse_fields(tree.fields, 0, 0)) return tree;
  error = std::move(parser.error);
  return std::nullopt;
}

std::string_view text_of(std::string_view text, const Token& token) {
  return text.substr(token.begin, token.end - token.begin);
}

std::string unquote(std::string_view quoted) {
  std::string result;
  google::protobuf::io::Tokenizer::ParseStringAppend(std::string(quoted), &result);
  return result;
}

} // namespace kiln::frontend
