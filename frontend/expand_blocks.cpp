// Blocks: text with `block`, `use` and `$parameters` -> text without, which says what every use stands for.
// Every layer is written with its name and its inputs, since neither can be derived any more from what stands before
// it.
#include "frontend/expand_blocks.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "frontend/block_definition.h"
#include "frontend/block_values.h"
#include "frontend/integer_expression.h"
#include "frontend/layer_names.h"
#include "frontend/suggest.h"

namespace kiln::frontend {
namespace {

constexpr int64_t kMostLayers = 20000; // far beyond any network; repetitions multiply fast

std::string quoted(const std::string& name) {
  std::string result = "\"";
  for (char c : name) {
    const bool is_plain = c >= ' ' && c < 0x7f && c != '"' && c != '\\';
    result += is_plain ? std::string(1, c) : fmt::format("\\{:03o}", static_cast<unsigned char>(c));
  }
  return result + "\"";
}

class Expander {
public:
  Expander(ExpandedText& expanded, Diagnostics& diagnostics)
      : expanded_(expanded), diagnostics_(diagnostics), values_(expanded, diagnostics) {}

  // The network's message; what surrounds it is copied by the caller.
  void expand_network(const TextField& network) {
    BlockScope scope;
    std::vector<const TextField*> block_fields, layers, others;
    for (const TextField& field : network.value.fields) {
      const bool is_message = field.value.kind == TextValue::Kind::message;
      if (name_of(field) == "block")
        block_fields.push_back(&field);
      else if (name_of(field) == "layer" && is_message)
        layers.push_back(&field);
      else
        others.push_back(&field);
    }
    blocks_ =
        read_blocks(expanded_.original(), block_fields, [&](size_t offset, std::string message, std::string hint) {
          values_.tell(offset, scope, std::move(message), std::move(hint));
        });
    for (const TextField* field : others)
      if (const TextField* name = name_of(*field) == "input" ? find(*field, "name") : nullptr)
        for (const ScopedName& each : values_.names_of(*name, scope)) network_inputs_.insert(each.text);
    expanded_.copy(network.name.begin, network.name.end, scope.use);
    expanded_.put(" {\n", network.value.begin, scope.use);
    read_layers(layers, scope);
    expand_layers(scope, std::string(kImage));
    for (const TextField* field : others) {
      if (name_of(*field) == "output")
        write_names(*field, scope, [&](const ScopedName& name) { return resolve(name, field->name.begin, scope); });
      else
        values_.write(*field, scope);
    }
    expanded_.put("\n}", network.value.end - 1, scope.use);
    for (const auto& [name, block] : blocks_)
      if (!used_.contains(name) && !too_large_)
        diagnostics_.warning(expanded_.place_in_file(block.field->name.begin, scope.use),
                             fmt::format("block \"{}\" is not used", name));
  }

  bool failed() const { return values_.failed(); }
  void tell_of_stray(size_t offset, std::string message) {
    values_.tell(offset, BlockScope(), std::move(message),
                 "parameters and expressions belong into the network's blocks");
  }

private:
  std::string_view name_of(const TextField& field) const { return text_of(expanded_.original(), field.name); }

  const TextField* find(const TextField& message, std::string_view name) const {
    for (const TextField& field : message.value.fields)
      if (name_of(field) == name) return &field;
    return nullptr;
  }

  // Names them, and finds out of what kind they are.
  void read_layers(const std::vector<const TextField*>& fields, BlockScope& scope) {
    LayerNamer namer;
    const auto& type = *proto::Layer::descriptor();
    for (const TextField* field : fields) {
      LocalLayer layer;
      layer.field = field;
      layer.use = find(*field, "use");
      for (const TextField& own : field->value.fields) {
        const auto* kind = type.FindFieldByName(std::string(name_of(own)));
        if (kind != nullptr && kind->containing_oneof() != nullptr)
          layer.kind.GetReflection()->MutableMessage(&layer.kind, kind);
      }
      if (const TextField* name = find(*field, "name")) {
        const std::vector<ScopedName> given = values_.names_of(*name, scope);
        layer.kind.set_name(given.empty() ? "" : given.front().text);
      }
      if (layer.use == nullptr) {
        layer.name = namer.next(layer.kind);
      } else {
        layer.used_block = used_block(*layer.use, scope);
        const std::string derived = namer.next(layer.used_block);
        layer.name = layer.kind.has_name() ? layer.kind.name() : derived;
      }
      scope.layers.push_back(std::move(layer));
    }
  }

  std::string used_block(const TextField& use, const BlockScope& scope) {
    const TextField* block = find(use, "block");
    if (block == nullptr) {
      if (use.value.kind == TextValue::Kind::message)
        values_.tell(use.name.begin, scope, "use has no block", "say which: use { block: \"...\" }");
      else
        values_.tell(use.name.begin, scope, "use holds fields, not a value", "use { block: \"...\" }");
      return {};
    }
    const std::vector<ScopedName> names = values_.names_of(*block, scope);
    return names.empty() ? std::string() : names.front().text;
  }

  // Gives the output of the last that is no loss. `previous` is what the first takes by default.
  std::string expand_layers(BlockScope& scope, std::string previous) {
    for (const LocalLayer& layer : scope.layers) {
      if (too_large_) break;
      const std::string output =
          layer.use != nullptr ? expand_use(layer, scope, previous) : write_layer(layer, scope, previous);
      if (!is_loss(layer.kind)) previous = output;
    }
    return previous;
  }

  std::string write_layer(const LocalLayer& layer, const BlockScope& scope, const std::string& previous) {
    const TextField& field = *layer.field;
    const size_t begin = field.name.begin;
    std::string name = scope.prefix + layer.name;
    if (!count_layer(begin, scope)) return name;
    expanded_.copy(begin, field.name.end, scope.use);
    expanded_.put(" {", begin, scope.use);
    const TextField* given = find(field, "name");
    expanded_.put(fmt::format(" name: {}", quoted(name)), given == nullptr ? begin : given->name.begin, scope.use);
    const bool has_kind = layer.kind.kind_case() != proto::Layer::KIND_NOT_SET;
    const bool takes_previous = find(field, "input") == nullptr && has_kind && inputs_wanted(layer.kind).least == 1;
    if (takes_previous) expanded_.put(fmt::format(" input: {}", quoted(previous)), begin, scope.use);
    const bool shares = !scope.shared_with.empty() && holds_parameters(layer.kind) && find(field, "share") == nullptr;
    if (shares) expanded_.put(fmt::format(" share: {}", quoted(scope.shared_with + layer.name)), begin, scope.use);
    for (const TextField& own : field.value.fields) {
      const size_t at = own.name.begin;
      if (name_of(own) == "input")
        write_names(own, scope, [&](const ScopedName& each) { return resolve(each, at, scope); });
      else if (name_of(own) == "share")
        write_names(own, scope, [&](const ScopedName& each) { return resolve_shared(each, at, scope); });
      else if (name_of(own) != "name")
        values_.write(own, scope);
    }
    expanded_.put(" }\n", field.value.end - 1, scope.use);
    return name;
  }

  template <class Resolve> void write_names(const TextField& field, const BlockScope& scope, Resolve resolve) {
    for (const ScopedName& name : values_.names_of(field, scope)) {
      expanded_.put(" ", field.name.begin, scope.use);
      expanded_.copy(field.name.begin, field.name.end, scope.use);
      expanded_.put(fmt::format(": {}", quoted(resolve(name))), field.name.begin, scope.use);
    }
  }

  bool count_layer(size_t offset, const BlockScope& scope) {
    if (++layers_ <= kMostLayers) return true;
    if (!too_large_) {
      const BlockScope* outermost = &scope;
      while (outermost->outer != nullptr && outermost->outer->block != nullptr) outermost = outermost->outer;
      values_.tell(scope.block == nullptr ? offset : use_offsets_[static_cast<size_t>(outermost->use)], BlockScope(),
                   fmt::format("the network has more than {} layers", kMostLayers),
                   scope.block == nullptr ? "" : "repetitions of blocks within blocks multiply");
    }
    too_large_ = true;
    return false;
  }

  // Gives the output's name, whatever is wrong.
  std::string expand_use(const LocalLayer& layer, const BlockScope& scope, const std::string& previous) {
    const TextField& use = *layer.use;
    std::string path = scope.prefix + layer.name;
    for (const TextField& own : layer.field->value.fields) {
      const std::string_view name = name_of(own);
      if (name != "use" && name != "name" && name != "input" && name != "share")
        values_.tell(own.name.begin, scope, fmt::format("{} cannot stand beside use", name),
                     "a layer that uses a block has a name, inputs and share");
    }
    const BlockDefinition* block = find_block(layer, scope);
    if (block == nullptr || is_recursive(*block, use, scope)) {
      failed_uses_.insert(path);
      return path;
    }

    BlockScope inner;
    inner.block = block;
    inner.outer = &scope;
    inner.use = expanded_.add_use(block->name, use.name.begin, scope.use);
    use_offsets_.push_back(use.name.begin);
    bool is_good = bind_arguments(use, scope, inner);
    const int64_t repeat = repetitions(use, scope);
    is_good = bind_inputs(layer, scope, previous, inner) && repeat > 0 && is_good;
    if (!is_good) {
      failed_uses_.insert(path);
      return path;
    }
    std::string shared_with = shared_path(layer, scope);
    std::string output;
    for (int64_t i = 1; i <= repeat && !too_large_; ++i) {
      const std::string own = repeat == 1 ? "" : fmt::format(".{}", i);
      inner.index = i;
      inner.prefix = path + own + "/";
      inner.shared_with = shared_with.empty() ? "" : shared_with + own + "/";
      if (i > 1) inner.inputs[block->inputs.front()] = output;
      inner.layers.clear();
      read_layers(block->layers, inner);
      output = expand_layers(inner, inner.inputs[block->inputs.front()]);
      if (block->output != nullptr) output = named_output(*block, inner, output);
      outputs_[path + own] = output;
      if (block->layers.empty() && !count_layer(use.name.begin, inner)) break; // wrong, but it must end
    }
    outputs_[path] = output;
    return output;
  }

  const BlockDefinition* find_block(const LocalLayer& layer, const BlockScope& scope) {
    const std::string& name = layer.used_block;
    if (name.empty()) return nullptr;
    auto found = blocks_.find(name);
    if (found != blocks_.end()) {
      used_.insert(name);
      return &found->second;
    }
    std::vector<std::string> names;
    for (const auto& [each, block] : blocks_) names.push_back(each);
    values_.tell(find(*layer.use, "block")->name.begin, scope, fmt::format("there is no block \"{}\"", name),
                 suggestion(name, names));
    return nullptr;
  }

  bool is_recursive(const BlockDefinition& block, const TextField& use, const BlockScope& scope) {
    std::string way = block.name;
    for (const BlockScope* each = &scope; each->block != nullptr; each = each->outer) {
      way = each->block->name + " -> " + way;
      if (each->block != &block) continue;
      values_.tell(use.name.begin, scope, fmt::format("block \"{}\" uses itself: {}", block.name, way),
                   "a block can only be made of others");
      return true;
    }
    return false;
  }

  bool bind_arguments(const TextField& use, const BlockScope& scope, BlockScope& inner) {
    const BlockDefinition& block = *inner.block;
    const std::vector<std::string> known = block.parameter_names();
    std::set<std::string_view> seen;
    bool is_good = true;
    for (const TextField& field : use.value.fields) {
      const std::string_view name = name_of(field);
      if (!seen.insert(name).second) {
        values_.tell(field.name.begin, scope, fmt::format("{} is given twice", name));
        is_good = false;
      }
      if (name == "block" || name == "repeat") continue;
      if (std::find(known.begin(), known.end(), name) == known.end()) {
        std::vector<std::string> possible = known;
        possible.insert(possible.end(), {"block", "repeat"});
        values_.tell(field.name.begin, scope, fmt::format("block \"{}\" has no parameter \"{}\"", block.name, name),
                     suggestion(name, possible));
        is_good = false;
        continue;
      }
      std::optional<BlockValue> value = values_.evaluate(field.value, scope);
      if (value) inner.arguments[std::string(name)] = std::move(*value);
      is_good = is_good && value.has_value();
    }
    for (const BlockParameter& parameter : block.parameters) {
      if (seen.contains(parameter.name)) continue;
      if (parameter.otherwise == nullptr) {
        values_.tell(use.name.begin, scope, fmt::format("block \"{}\" needs {}", block.name, parameter.name),
                     fmt::format("write it into the use: {}: ...", parameter.name));
        is_good = false;
        continue;
      }
      // Defaults may speak of parameters before them.
      std::optional<BlockValue> value = values_.evaluate(*parameter.otherwise, inner);
      if (value) inner.arguments[parameter.name] = std::move(*value);
      is_good = is_good && value.has_value();
    }
    return is_good;
  }

  // 0 when it is wrong.
  int64_t repetitions(const TextField& use, const BlockScope& scope) {
    const TextField* field = find(use, "repeat");
    if (field == nullptr) return 1;
    std::optional<BlockValue> value = values_.evaluate(field->value, scope);
    if (!value) return 0;
    int64_t repeat = 0;
    if (parse_integer(value->text, repeat) && repeat >= 1 && repeat <= kMostLayers) return repeat;
    values_.tell(field->name.begin, scope,
                 fmt::format("repeat is {}: it must be a whole number from 1 to {}", value->text, kMostLayers));
    return 0;
  }

  bool bind_inputs(const LocalLayer& layer, const BlockScope& scope, const std::string& previous, BlockScope& inner) {
    const std::vector<std::string>& wanted = inner.block->inputs;
    std::vector<std::string> passed;
    size_t at = layer.field->name.begin;
    for (const TextField& field : layer.field->value.fields) {
      if (name_of(field) != "input") continue;
      at = field.name.begin;
      for (const ScopedName& name : values_.names_of(field, scope)) passed.push_back(resolve(name, at, scope));
    }
    if (find(*layer.field, "input") == nullptr && wanted.size() == 1) passed.push_back(previous);
    if (passed.size() != wanted.size()) {
      values_.tell(at, scope,
                   fmt::format("block \"{}\" takes {} input{}, {} given", inner.block->name, wanted.size(),
                               wanted.size() == 1 ? "" : "s", passed.size()),
                   wanted.size() == 1 ? "" : fmt::format("name them: input: [\"{}\"]", fmt::join(wanted, "\", \"")));
      return false;
    }
    for (size_t i = 0; i < wanted.size(); ++i) inner.inputs[wanted[i]] = passed[i];
    return true;
  }

  std::string named_output(const BlockDefinition& block, const BlockScope& scope, const std::string& otherwise) {
    const size_t at = block.output->name.begin;
    const std::vector<ScopedName> names = values_.names_of(*block.output, scope);
    if (names.size() == 1) return resolve(names.front(), at, scope);
    if (names.size() > 1) values_.tell(at, scope, "a block has one output", "other layers are named by their path");
    return otherwise;
  }

  // The path whose layers' parameters those of this use are, without repetition; empty: they have their own.
  std::string shared_path(const LocalLayer& layer, const BlockScope& scope) {
    const TextField* field = find(*layer.field, "share");
    if (field == nullptr) return scope.shared_with.empty() ? "" : scope.shared_with + layer.name;
    const std::vector<ScopedName> names = values_.names_of(*field, scope);
    if (names.size() == 1) return resolve_shared(names.front(), field->name.begin, scope);
    if (names.size() > 1) values_.tell(field->name.begin, scope, "a use of a block shares with one other use");
    return {};
  }

  // The layer of the whole network that a name means.
  std::string resolve(const ScopedName& name, size_t offset, const BlockScope& spoken_in) {
    const BlockScope& scope = *name.scope;
    if (auto input = scope.inputs.find(name.text); input != scope.inputs.end()) return input->second;
    if (!is_local(name.text, scope, false)) return not_local(name, offset, spoken_in);
    std::string path = scope.prefix + name.text;
    auto output = outputs_.find(path);
    if (output != outputs_.end()) return output->second;
    const bool is_use = std::any_of(scope.layers.begin(), scope.layers.end(), [&](const LocalLayer& layer) {
      return layer.use != nullptr && layer.name == name.text;
    });
    if (is_use && !failed_uses_.contains(path))
      values_.tell(offset, spoken_in, fmt::format("takes \"{}\", which stands later", name.text),
                   "layers are in order: a layer can only take what stands before it");
    return path;
  }

  // The same for share, where a parameter may stand behind the layer's name, and a use is itself meant.
  std::string resolve_shared(const ScopedName& name, size_t offset, const BlockScope& spoken_in) {
    if (!is_local(name.text, *name.scope, true)) return not_local(name, offset, spoken_in);
    return name.scope->prefix + name.text;
  }

  // A layer of this scope, or one within a use of it: "conv1", "layer1/conv1", "layer1.2/conv1", "layer1.2".
  static bool is_local(std::string_view name, const BlockScope& scope, bool may_name_parameter) {
    for (const LocalLayer& layer : scope.layers) {
      if (!name.starts_with(layer.name)) continue;
      const std::string_view rest = name.substr(layer.name.size());
      const bool is_within = layer.use != nullptr && (rest.starts_with('/') || rest.starts_with('.'));
      const bool is_part = layer.kind.has_slice() && rest.starts_with('.');
      if (rest.empty() || is_within || is_part || (may_name_parameter && rest.starts_with('.'))) return true;
    }
    return false;
  }

  std::string not_local(const ScopedName& name, size_t offset, const BlockScope& spoken_in) {
    const BlockScope& scope = *name.scope;
    // In the network itself others say so, once all layers are known.
    const bool is_outer =
        scope.block == nullptr || name.text == kImage || name.text == kLabel || network_inputs_.contains(name.text);
    if (is_outer) return name.text;
    std::vector<std::string> known = scope.block->inputs;
    for (const LocalLayer& layer : scope.layers) known.push_back(layer.name);
    values_.tell(offset, spoken_in,
                 fmt::format("there is no layer \"{}\" in block \"{}\"", name.text, scope.block->name),
                 suggestion(name.text, known));
    return name.text;
  }

  ExpandedText& expanded_;
  Diagnostics& diagnostics_;
  BlockValues values_;
  std::map<std::string, BlockDefinition> blocks_;
  std::set<std::string> used_;
  std::set<std::string, std::less<>> network_inputs_;
  std::map<std::string, std::string> outputs_; // of uses and their repetitions, by path
  std::set<std::string> failed_uses_;
  std::vector<size_t> use_offsets_; // by number of the use
  int64_t layers_ = 0;
  bool too_large_ = false;
};

bool uses_blocks(std::string_view text, const std::vector<Token>& tokens) {
  for (size_t i = 0; i + 1 < tokens.size(); ++i) {
    const Token& token = tokens[i];
    if (token.kind == Token::Kind::parameter || token.kind == Token::Kind::expression) return true;
    const std::string_view word = text_of(text, token);
    const std::string_view next = text_of(text, tokens[i + 1]);
    if (token.kind == Token::Kind::word && (word == "block" || word == "use") && (next == "{" || next == ":"))
      return true;
  }
  return false;
}

const Token* find_stray(const TextValue& value) {
  for (const Token& token : value.tokens)
    if (token.kind == Token::Kind::parameter || token.kind == Token::Kind::expression) return &token;
  for (const TextValue& item : value.items)
    if (const Token* stray = find_stray(item)) return stray;
  for (const TextField& field : value.fields)
    if (const Token* stray = find_stray(field.value)) return stray;
  return nullptr;
}

} // namespace

std::optional<Expansion> expand_blocks(std::string_view text, const std::string& file, Diagnostics& diagnostics) {
  Expansion expansion{ExpandedText(text, file), true};
  const std::vector<Token> tokens = tokenize(text);
  if (!uses_blocks(text, tokens)) {
    expansion.text.copy(0, text.size(), ExpandedText::kOutside);
    return expansion;
  }
  SyntaxError wrong;
  const std::optional<TextTree> tree = parse_tree(text, tokens, wrong);
  if (!tree) {
    diagnostics.error(ErrorKind::model, expansion.text.place_in_file(wrong.offset, ExpandedText::kOutside),
                      wrong.message, wrong.hint);
    return std::nullopt;
  }
  size_t copied = 0;
  for (const TextField& field : tree->fields) {
    Expander expander(expansion.text, diagnostics);
    const bool is_network = text_of(text, field.name) == "network" && field.value.kind == TextValue::Kind::message;
    if (is_network) {
      expansion.text.copy(copied, field.name.begin, ExpandedText::kOutside);
      expander.expand_network(field);
      copied = field.value.end;
    } else if (const Token* stray = find_stray(field.value)) {
      expander.tell_of_stray(stray->begin, fmt::format("{} stands outside of a block", text_of(text, *stray)));
      return std::nullopt; // nobody could read the rest
    }
    expansion.complete = expansion.complete && !expander.failed();
  }
  expansion.text.copy(copied, text.size(), ExpandedText::kOutside);
  return expansion;
}

} // namespace kiln::frontend
