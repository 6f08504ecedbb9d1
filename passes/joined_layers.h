// The layers that a node made of two others stands for.
#pragma once

#include "ir/graph.h"

#include <string>

namespace kiln::passes {

inline std::string joined_layers(const ir::Node& a, const ir::Node& b) {
  if (a.layer.empty() || b.layer.empty() || a.layer == b.layer) return a.layer.empty() ? b.layer : a.layer;
  return a.layer + ", " + b.layer;
}

} // namespace kiln::passes
