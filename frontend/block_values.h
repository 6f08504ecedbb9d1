// Values within a block: `$filters`, `$(4 * width)`, and names of layers, which mean something else in each use.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/block_definition.h"
#include "frontend/diagnostics.h"
#include "frontend/proto/kiln.pb.h"
#include "frontend/source_map.h"
#include "frontend/text_tree.h"

namespace kiln::frontend {

struct BlockScope;

// A name means what it means where it was written: one that comes in as an argument is looked up where the use stands.
struct ScopedName {
  std::string text;
  const BlockScope* scope;
};

// A value without parameters: as text, and if it is a string or a list of them, as names.
struct BlockValue {
  std::string text;
  std::vector<ScopedName> names;
  bool is_names = false;
};

struct LocalLayer {
  const TextField* field = nullptr;
  std::string name;               // without the path
  const TextField* use = nullptr; // the field `use`, for a layer that is one
  std::string used_block;         // the block that it names; empty when it names none, which is told
  proto::Layer kind;              // nothing but the kind is set
};

// What names and parameters mean: in the network itself, or in one repetition of one use of a block.
struct BlockScope {
  const BlockDefinition* block = nullptr; // null: the network
  const BlockScope* outer = nullptr;
  int use = ExpandedText::kOutside;
  std::string prefix;      // of the names of its layers: "layer1.2/"
  std::string shared_with; // the same of layers whose parameters these take; empty: they have their own
  int64_t index = 0;       // of the repetition, from 1
  std::map<std::string, BlockValue, std::less<>> arguments;
  std::map<std::string, std::string, std::less<>> inputs; // name of a block's input -> the layer that is passed
  std::vector<LocalLayer> layers;
};

class BlockValues {
public:
  BlockValues(ExpandedText& expanded, Diagnostics& diagnostics) : expanded_(expanded), diagnostics_(diagnostics) {}

  // Empty when something about it is wrong, which is told.
  std::optional<BlockValue> evaluate(const TextValue& value, const BlockScope& scope);
  // The same for what must be a name, or names; `offset` is where a complaint points.
  std::vector<ScopedName> names_of(const TextField& field, const BlockScope& scope);

  // Appends the field to the expansion, parameters replaced.
  void write(const TextField& field, const BlockScope& scope);

  void tell(size_t offset, const BlockScope& scope, std::string message, std::string hint = {});
  bool failed() const { return failed_; }

private:
  bool evaluate_token(const Token& token, const BlockScope& scope, BlockValue& result);
  bool evaluate_list(const TextValue& value, const BlockScope& scope, BlockValue& result);
  const BlockValue* find_argument(std::string_view name, size_t offset, const BlockScope& scope);
  void write_value(const TextValue& value, const BlockScope& scope);
  std::string_view word(const Token& token) const { return text_of(expanded_.original(), token); }

  ExpandedText& expanded_;
  Diagnostics& diagnostics_;
  bool failed_ = false;
};

} // namespace kiln::frontend
