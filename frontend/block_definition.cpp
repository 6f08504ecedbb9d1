// `block { ... }` as written: its name, parameters, inputs and layers.
// Names of blocks, parameters and inputs are plain strings: nothing has been given to the block yet.
#include "frontend/block_definition.h"

#include <algorithm>

#include <fmt/format.h>

#include "frontend/fields.h"
#include "frontend/layer_names.h"
#include "frontend/proto/kiln.pb.h"
#include "frontend/suggest.h"

namespace kiln::frontend {
namespace {

bool is_parameter_name(const std::string& name) {
  auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name.front())) == 0 &&
         std::all_of(name.begin(), name.end(), is_word);
}

class BlockReader {
public:
  BlockReader(std::string_view text, const TellAt& tell) : text_(text), tell_(tell) {}

  BlockDefinition read(const TextField& field) {
    BlockDefinition block;
    block.field = &field;
    if (field.value.kind != TextValue::Kind::message) {
      tell_(field.name.begin, "block holds fields, not a value", "block { name: \"...\" layer { ... } }");
      return block;
    }
    for (const TextField& own : field.value.fields) read_field(own, block);
    if (block.name.empty() && !has_field(field, "name"))
      tell_(field.name.begin, "the block has no name", "block { name: \"...\" layer { ... } }");
    if (block.inputs.empty()) block.inputs.emplace_back("input");
    if (block.layers.empty()) tell_(field.name.begin, fmt::format("block \"{}\" has no layers", block.name), {});
    return block;
  }

private:
  void read_field(const TextField& field, BlockDefinition& block) {
    const std::string_view name = text_of(text_, field.name);
    if (name == "name") {
      if (!block.name.empty()) tell_(field.name.begin, "name is given twice", {});
      block.name = read_name(field);
      if (!block.name.empty() && !is_good_name(block.name))
        tell_(field.name.begin, fmt::format("\"{}\" is not a name for a block", block.name),
              "use letters, digits and _ - . / (at most 200)");
    } else if (name == "parameter") {
      read_parameter(field, block);
    } else if (name == "input") {
      read_inputs(field, block);
    } else if (name == "output") {
      if (block.output != nullptr) tell_(field.name.begin, "output is given twice", {});
      block.output = &field;
    } else if (name == "layer") {
      if (field.value.kind == TextValue::Kind::message)
        block.layers.push_back(&field);
      else
        tell_(field.name.begin, "layer holds fields, not a value", {});
    } else {
      const auto& type = *proto::Block::descriptor();
      tell_(field.name.begin, fmt::format("unknown field \"{}\" in block", name), unknown_field_hint(name, type));
    }
  }

  void read_parameter(const TextField& field, BlockDefinition& block) {
    if (field.value.kind != TextValue::Kind::message) {
      tell_(field.name.begin, "parameter holds fields, not a value", "parameter { name: \"filters\" }");
      return;
    }
    BlockParameter parameter;
    for (const TextField& own : field.value.fields) {
      const std::string_view name = text_of(text_, own.name);
      if (name == "name")
        parameter.name = read_name(own);
      else if (name == "default")
        parameter.otherwise = &own.value;
      else
        tell_(own.name.begin, fmt::format("unknown field \"{}\" in parameter", name),
              suggestion(name, {"name", "default"}));
    }
    if (!has_field(field, "name")) {
      tell_(field.name.begin, "the parameter has no name", "parameter { name: \"filters\" }");
    } else if (parameter.name == "block" || parameter.name == "repeat" || parameter.name == "index") {
      tell_(field.name.begin, fmt::format("no parameter can be called \"{}\"", parameter.name),
            parameter.name == "index" ? "$index is the number of the repetition"
                                      : "every use has a field of that name");
    } else if (!is_parameter_name(parameter.name)) {
      tell_(field.name.begin, fmt::format("\"{}\" is not a name for a parameter", parameter.name),
            "use letters, digits and _");
    } else {
      for (const BlockParameter& other : block.parameters)
        if (other.name == parameter.name)
          tell_(field.name.begin, fmt::format("another parameter of this block is called \"{}\"", other.name), {});
      block.parameters.push_back(std::move(parameter));
    }
  }

  void read_inputs(const TextField& field, BlockDefinition& block) {
    std::vector<std::string> names;
    if (field.value.kind == TextValue::Kind::list)
      for (const TextValue& item : field.value.items) names.push_back(read_string(item, field.name.begin));
    else
      names.push_back(read_name(field));
    for (std::string& name : names) {
      if (name.empty()) continue; // told
      if (!is_good_name(name) || name == kImage || name == kLabel)
        tell_(field.name.begin, fmt::format("\"{}\" is not a name for an input of a block", name),
              "use letters, digits and _ - . / (at most 200); image and label can be named without being inputs");
      else if (std::find(block.inputs.begin(), block.inputs.end(), name) != block.inputs.end())
        tell_(field.name.begin, fmt::format("two inputs of this block are called \"{}\"", name), {});
      block.inputs.push_back(std::move(name));
    }
  }

  std::string read_name(const TextField& field) { return read_string(field.value, field.name.begin); }

  // Empty when it is none, which is told.
  std::string read_string(const TextValue& value, size_t offset) {
    std::string name;
    for (const Token& token : value.tokens)
      if (token.kind == Token::Kind::string) name += unquote(text_of(text_, token));
    if (name.empty()) tell_(offset, "expected a name in quotes", {});
    return name;
  }

  bool has_field(const TextField& field, std::string_view name) const {
    const auto& fields = field.value.fields;
    return std::any_of(fields.begin(), fields.end(),
                       [&](const TextField& each) { return text_of(text_, each.name) == name; });
  }

  std::string_view text_;
  const TellAt& tell_;
};

} // namespace

std::vector<std::string> BlockDefinition::parameter_names() const {
  std::vector<std::string> names;
  for (const BlockParameter& parameter : parameters) names.push_back(parameter.name);
  return names;
}

std::map<std::string, BlockDefinition> read_blocks(std::string_view text, const std::vector<const TextField*>& fields,
                                                   const TellAt& tell) {
  std::map<std::string, BlockDefinition> blocks;
  for (const TextField* field : fields) {
    BlockDefinition block = BlockReader(text, tell).read(*field);
    const std::string name = block.name;
    if (name.empty()) continue;
    if (!blocks.try_emplace(name, std::move(block)).second)
      tell(field->name.begin, fmt::format("another block is called \"{}\"", name), "give one of them another name");
  }
  return blocks;
}

} // namespace kiln::frontend
