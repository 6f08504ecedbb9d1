// `--set a.b=c`: changes one field of an experiment that was read.
// A path is walked through the message by reflection; values go through protobuf's own text parser.
#include "frontend/override.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include "frontend/fields.h"
#include "frontend/layer_names.h"
#include "frontend/suggest.h"

namespace kiln::frontend {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::TextFormat;

struct Problem {
  std::string message;
  std::string hint;
};
using Outcome = std::optional<Problem>; // empty: all is well

class FirstError : public google::protobuf::io::ErrorCollector {
public:
  void AddError(int, google::protobuf::io::ColumnNumber, const std::string& message) override {
    if (text.empty()) text = message;
  }
  void AddWarning(int, google::protobuf::io::ColumnNumber, const std::string&) override {}

  std::string text;
};

std::string_view trim(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return text;
}

// Sets a singular field, or adds to a repeated one.
Outcome put_value(Message& message, const FieldDescriptor& field, std::string_view value) {
  bool is_string = field.cpp_type() == FieldDescriptor::CPPTYPE_STRING;
  bool is_quoted = !value.empty() && (value.front() == '"' || value.front() == '\'');
  if (is_string && !is_quoted) {
    const auto& reflection = *message.GetReflection();
    if (field.is_repeated())
      reflection.AddString(&message, &field, std::string(value));
    else
      reflection.SetString(&message, &field, std::string(value));
    return {};
  }
  FirstError errors;
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  if (parser.ParseFieldValueFromString(std::string(value), &field, &message)) return {};
  if (field.enum_type() != nullptr)
    return Problem{fmt::format("{} has no value {}", field.name(), value),
                   suggestion(value, value_names(*field.enum_type()))};
  if (field.message_type() != nullptr && (value.empty() || value.front() != '{'))
    return Problem{fmt::format("{} holds fields, not a value", field.name()),
                   fmt::format("its fields: {}", fmt::join(field_names(*field.message_type()), ", "))};
  std::string text = errors.text.empty() ? fmt::format("\"{}\" is not one value", value) : errors.text;
  while (!text.empty() && text.back() == '.') text.pop_back();
  text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  if (text.ends_with("got: ")) text += "nothing";
  return Problem{fmt::format("{}: {}", field.name(), text), {}};
}

// The parts of "[a, b]"; commas inside quotes do not separate.
std::vector<std::string_view> list_parts(std::string_view value) {
  std::vector<std::string_view> parts;
  value = trim(value.substr(1, value.size() - 2));
  if (value.empty()) return parts;
  char quote = 0;
  size_t begin = 0;
  for (size_t i = 0; i < value.size(); ++i) {
    char c = value[i];
    if (quote != 0) {
      if (c == '\\') ++i;
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == ',') {
      parts.push_back(trim(value.substr(begin, i - begin)));
      begin = i + 1;
    }
  }
  parts.push_back(trim(value.substr(begin)));
  return parts;
}

Outcome put_list(Message& message, const FieldDescriptor& field, std::string_view value) {
  message.GetReflection()->ClearField(&message, &field);
  bool is_list = value.size() >= 2 && value.front() == '[' && value.back() == ']';
  if (!is_list) return put_value(message, field, value);
  for (std::string_view part : list_parts(value))
    if (Outcome bad = put_value(message, field, part)) return bad;
  return {};
}

Outcome put_element(Message& message, const FieldDescriptor& field, int index, std::string_view value) {
  const auto& reflection = *message.GetReflection();
  int size = reflection.FieldSize(message, &field);
  if (Outcome bad = put_value(message, field, value)) return bad; // now the last
  if (index == size) return {};
  reflection.SwapElements(&message, &field, index, size);
  reflection.RemoveLast(&message, &field);
  return {};
}

// Walks one setting's path through the message.
class Setter {
public:
  Setter(ReadExperiment& experiment, std::string origin) : experiment_(experiment), origin_(std::move(origin)) {}

  Outcome set(std::string_view key, std::string_view value) {
    Message* message = &experiment_.message;
    rest_ = key;
    while (true) {
      std::string name(rest_.substr(0, rest_.find_first_of(".[")));
      rest_.remove_prefix(name.size());
      const auto& type = *message->GetDescriptor();
      const FieldDescriptor* field = type.FindFieldByName(name);
      if (field == nullptr)
        return Problem{fmt::format("unknown field \"{}\" in {}", name, display_name(type)),
                       unknown_field_hint(name, type)};
      if (field->message_type() == proto::Block::descriptor() || field->message_type() == proto::Use::descriptor())
        return Problem{fmt::format("{} is gone once the file is read", name), "set the layers that it became"};
      path_ += (path_.empty() ? "" : ".") + name;

      int index = -1;
      if (Outcome bad = take_index(*message, *field, index)) return bad;
      if (rest_.empty()) return assign(*message, *field, index, value);
      if (rest_.front() != '.' || rest_.size() == 1)
        return Problem{fmt::format("\"{}\" is no continuation of a path", rest_), {}};
      rest_.remove_prefix(1);
      if (field->message_type() == nullptr) return Problem{fmt::format("{} holds no fields", name), {}};
      if (field->is_repeated() && index < 0) return Problem{fmt::format("{} needs an index: {}[0]", name, name), {}};
      message = descend(*message, *field, index);
    }
  }

private:
  // Reads `[3]`, or after `network.layer` a layer's name: `.conv1`, `["stage1.1/conv1"]`.
  Outcome take_index(const Message& message, const FieldDescriptor& field, int& index) {
    if (!field.is_repeated()) {
      if (rest_.starts_with('[')) return Problem{fmt::format("{} is not a list", field.name()), {}};
      return {};
    }
    int size = message.GetReflection()->FieldSize(message, &field);
    bool is_layer = field.message_type() == proto::Layer::descriptor();
    if (is_layer && (rest_.starts_with("[\"") || rest_.starts_with("['"))) return take_quoted_layer_name(index);
    if (rest_.starts_with('[')) {
      size_t close = rest_.find(']');
      std::string_view digits = close == std::string_view::npos ? std::string_view() : rest_.substr(1, close - 1);
      auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
      if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() || index < 0)
        return Problem{fmt::format("\"{}\" is not an index", rest_), {}};
      // A list of plain values may grow by one.
      int limit = field.message_type() == nullptr ? size : size - 1;
      if (index > limit)
        return Problem{fmt::format("{} has {} elements, there is no [{}]", field.name(), size, index), {}};
      rest_.remove_prefix(close + 1);
      path_ += fmt::format("[{}]", index);
      return {};
    }
    if (is_layer && rest_.size() > 1) return take_layer_name(index);
    return {};
  }

  Outcome take_layer_name(int& index) {
    // Names may hold dots: the longest that fits is meant.
    std::string_view after = rest_.substr(1);
    std::vector<std::string> names = layer_names(experiment_.message.network());
    size_t length = 0;
    for (size_t i = 0; i < names.size(); ++i) {
      bool fits = after.starts_with(names[i]) && (after.size() == names[i].size() || after[names[i].size()] == '.');
      if (!fits || names[i].size() <= length) continue;
      length = names[i].size();
      index = static_cast<int>(i);
    }
    if (index < 0) return no_layer(after.substr(0, after.find('.')), names);
    rest_.remove_prefix(1 + length);
    path_ += fmt::format("[{}]", index);
    return {};
  }

  Outcome take_quoted_layer_name(int& index) {
    const char quote = rest_[1];
    const size_t close = rest_.find(quote, 2);
    if (close == std::string_view::npos || rest_.substr(close + 1, 1) != "]")
      return Problem{fmt::format("\"{}\" is not an index", rest_), "for example layer[\"conv1\"]"};
    const std::string_view name = rest_.substr(2, close - 2);
    std::vector<std::string> names = layer_names(experiment_.message.network());
    auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) return no_layer(name, names);
    index = static_cast<int>(found - names.begin());
    rest_.remove_prefix(close + 2);
    path_ += fmt::format("[{}]", index);
    return {};
  }

  static Problem no_layer(std::string_view name, const std::vector<std::string>& names) {
    std::string message = fmt::format("there is no layer \"{}\"", name);
    for (const std::string& each : names)
      if (each.starts_with(std::string(name) + "/") || each.starts_with(std::string(name) + ".1/"))
        return {std::move(message), fmt::format("it is a block: name one of its layers, for example \"{}\"", each)};
    return {std::move(message), suggestion(name, names)};
  }

  Message* descend(Message& message, const FieldDescriptor& field, int index) {
    const auto& reflection = *message.GetReflection();
    if (index >= 0) return reflection.MutableRepeatedMessage(&message, &field, index);
    if (!reflection.HasField(message, &field)) experiment_.positions.set_override(path_, origin_);
    return reflection.MutableMessage(&message, &field);
  }

  Outcome assign(Message& message, const FieldDescriptor& field, int index, std::string_view value) {
    const auto& reflection = *message.GetReflection();
    bool is_message = field.message_type() != nullptr;
    if (is_message && field.is_repeated())
      return Problem{fmt::format("{} cannot be replaced as a whole", field.name()), "set one of its fields"};
    Outcome bad;
    if (index >= 0) {
      bad = put_element(message, field, index, value);
    } else if (field.is_repeated()) {
      bad = put_list(message, field, value);
    } else {
      reflection.ClearField(&message, &field);
      bad = put_value(message, field, value);
    }
    if (!bad) experiment_.positions.set_override(path_, origin_);
    return bad;
  }

  ReadExperiment& experiment_;
  std::string origin_;
  std::string_view rest_;
  std::string path_;
};

} // namespace

void apply_overrides(const std::vector<std::string>& settings, ReadExperiment& experiment, Diagnostics& diagnostics) {
  for (const std::string& setting : settings) {
    std::string origin = "--set " + setting;
    size_t equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
      diagnostics.error(ErrorKind::usage, {origin, 0, 0}, "expected a path, =, and a value",
                        "for example --set training.batch=32");
      continue;
    }
    ReadExperiment changed = experiment;
    Setter setter(changed, origin);
    std::string_view whole = setting;
    if (Outcome bad = setter.set(trim(whole.substr(0, equals)), trim(whole.substr(equals + 1))))
      diagnostics.error(ErrorKind::usage, {origin, 0, 0}, bad->message, bad->hint);
    else
      experiment = std::move(changed);
  }
}

} // namespace kiln::frontend
