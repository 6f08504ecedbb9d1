// Values within a block: `$filters`, `$(4 * width)`, and names of layers, which mean something else in each use.
// A parameter is replaced by the text of its argument, so that protobuf's parser judges it where it ends up.
#include "frontend/block_values.h"

#include <algorithm>

#include <fmt/format.h>

#include "frontend/integer_expression.h"
#include "frontend/suggest.h"

namespace kiln::frontend {

std::optional<BlockValue> BlockValues::evaluate(const TextValue& value, const BlockScope& scope) {
  BlockValue result;
  switch (value.kind) {
  case TextValue::Kind::message:
    tell(value.begin, scope, "a message cannot be passed to a block", "a number, a word, a string or a list can");
    return std::nullopt;
  case TextValue::Kind::list:
    if (!evaluate_list(value, scope, result)) return std::nullopt;
    return result;
  case TextValue::Kind::scalar:
    for (const Token& token : value.tokens)
      if (!evaluate_token(token, scope, result)) return std::nullopt;
    return result;
  }
  return std::nullopt;
}

bool BlockValues::evaluate_list(const TextValue& value, const BlockScope& scope, BlockValue& result) {
  bool ok = true;
  result.text = "[";
  result.is_names = true;
  for (const TextValue& item : value.items) {
    std::optional<BlockValue> own = evaluate(item, scope);
    ok = ok && own.has_value();
    if (!own) continue;
    result.text += (result.text.size() > 1 ? ", " : "") + own->text;
    result.is_names = result.is_names && own->is_names;
    result.names.insert(result.names.end(), own->names.begin(), own->names.end());
  }
  result.text += "]";
  return ok;
}

bool BlockValues::evaluate_token(const Token& token, const BlockScope& scope, BlockValue& result) {
  const std::string_view text = word(token);
  switch (token.kind) {
  case Token::Kind::string: {
    const bool goes_on = result.is_names; // strings behind each other are one
    result.text += (goes_on ? " " : "") + std::string(text);
    result.is_names = true;
    if (!goes_on) result.names.push_back({"", &scope});
    result.names.back().text += unquote(text);
    return true;
  }
  case Token::Kind::parameter: {
    if (text == "$index" && scope.block != nullptr) {
      result.text += fmt::to_string(scope.index);
      return true;
    }
    const BlockValue* argument = find_argument(text.substr(1), token.begin, scope);
    if (argument == nullptr) return false;
    result.text += argument->text;
    result.names = argument->names;
    result.is_names = argument->is_names;
    return true;
  }
  case Token::Kind::expression: {
    bool told = false;
    auto lookup = [&](std::string_view name) -> IntegerResult {
      if (name == "index" && scope.block != nullptr) return {scope.index, {}, {}};
      const BlockValue* argument = find_argument(name, token.begin, scope);
      told = argument == nullptr;
      if (told) return {0, "unknown", {}};
      int64_t value = 0;
      if (parse_integer(argument->text, value)) return {value, {}, {}};
      return {0, fmt::format("{} is {}: an expression takes whole numbers", name, argument->text), {}};
    };
    const IntegerResult number = evaluate_expression(text.substr(2, text.size() - 3), lookup);
    if (!number.ok() && !told) tell(token.begin, scope, fmt::format("{}: {}", text, number.problem), number.hint);
    result.text += fmt::to_string(number.value);
    return number.ok();
  }
  case Token::Kind::word:
  case Token::Kind::number:
  case Token::Kind::symbol:
  case Token::Kind::end:
    result.text += text;
    return true;
  }
  return false;
}

const BlockValue* BlockValues::find_argument(std::string_view name, size_t offset, const BlockScope& scope) {
  auto found = scope.arguments.find(name);
  if (found != scope.arguments.end()) return &found->second;
  if (scope.block == nullptr) {
    tell(offset, scope, fmt::format("there is no parameter \"{}\" here", name), "parameters belong to blocks");
    return nullptr;
  }
  // One of the block's parameters without a value has been told where the block is used.
  std::vector<std::string> known = scope.block->parameter_names();
  const bool is_known = std::find(known.begin(), known.end(), name) != known.end();
  if (is_known) {
    failed_ = true;
    return nullptr;
  }
  known.emplace_back("index");
  tell(offset, scope, fmt::format("block \"{}\" has no parameter \"{}\"", scope.block->name, name),
       suggestion(name, known));
  return nullptr;
}

std::vector<ScopedName> BlockValues::names_of(const TextField& field, const BlockScope& scope) {
  std::optional<BlockValue> value = evaluate(field.value, scope);
  if (value && value->is_names) return std::move(value->names);
  if (value)
    tell(field.name.begin, scope, fmt::format("{} is a name in quotes, got: {}", word(field.name), value->text));
  return {};
}

void BlockValues::write(const TextField& field, const BlockScope& scope) {
  expanded_.put(" ", field.name.begin, scope.use);
  expanded_.copy(field.name.begin, field.name.end, scope.use);
  if (field.has_colon) expanded_.put(":", field.name.end, scope.use);
  expanded_.put(" ", field.value.begin, scope.use);
  write_value(field.value, scope);
}

void BlockValues::write_value(const TextValue& value, const BlockScope& scope) {
  switch (value.kind) {
  case TextValue::Kind::message:
    expanded_.put("{", value.begin, scope.use);
    for (const TextField& field : value.fields) write(field, scope);
    expanded_.put(" }", value.end - 1, scope.use);
    return;
  case TextValue::Kind::list:
    expanded_.put("[", value.begin, scope.use);
    for (size_t i = 0; i < value.items.size(); ++i) {
      if (i > 0) expanded_.put(", ", value.items[i].begin, scope.use);
      write_value(value.items[i], scope);
    }
    expanded_.put("]", value.end - 1, scope.use);
    return;
  case TextValue::Kind::scalar:
    for (const Token& token : value.tokens) {
      const bool is_written_out = token.kind != Token::Kind::parameter && token.kind != Token::Kind::expression;
      BlockValue own;
      if (is_written_out)
        expanded_.copy(token.begin, token.end, scope.use);
      else if (evaluate_token(token, scope, own))
        expanded_.put(own.text, token.begin, scope.use);
      else
        expanded_.put("0", token.begin, scope.use); // nobody reads it: the network is given up
      expanded_.put(" ", token.begin, scope.use);
    }
    return;
  }
}

void BlockValues::tell(size_t offset, const BlockScope& scope, std::string message, std::string hint) {
  failed_ = true;
  diagnostics_.error(ErrorKind::model, expanded_.place_in_file(offset, scope.use), std::move(message), std::move(hint));
}

} // namespace kiln::frontend
