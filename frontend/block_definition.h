// `block { ... }` as written: its name, parameters, inputs and layers.
// Reading one tells what is wrong with it whether it is used or not.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/text_tree.h"

namespace kiln::frontend {

struct BlockParameter {
  std::string name;
  const TextValue* otherwise = nullptr; // its default
};

struct BlockDefinition {
  std::string name;
  const TextField* field = nullptr;
  std::vector<BlockParameter> parameters;
  std::vector<std::string> inputs;
  const TextField* output = nullptr; // null: the last layer
  std::vector<const TextField*> layers;

  std::vector<std::string> parameter_names() const;
};

// Takes what is wrong: at which offset of the file, in which words, with which hint.
using TellAt = std::function<void(size_t, std::string, std::string)>;

// By name. A block that is wrong in itself is still here if it has a name, so that its uses are not called unknown.
std::map<std::string, BlockDefinition> read_blocks(std::string_view text, const std::vector<const TextField*>& fields,
                                                   const TellAt& tell);

} // namespace kiln::frontend
