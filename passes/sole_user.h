// The node that alone uses a value: what passes ask that fold one op into the next.
#pragma once

#include "ir/graph.h"

namespace kiln::passes {

// Null where there are several or none, or where the value is an output.
inline ir::Node* only_user(const ir::Function& function, const ir::Value& value) {
  const auto users = function.users(value);
  return users.size() == 1 && !function.is_output(value) ? users[0] : nullptr;
}

} // namespace kiln::passes
