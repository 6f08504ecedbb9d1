// `share`: which layer's parameters another takes.
// "conv1" is all of that layer's, "conv1.weight" one of them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "frontend/diagnostics.h"
#include "frontend/positions.h"
#include "frontend/proto/kiln.pb.h"

namespace kiln::frontend {

struct SharedParameters {
  int layer = 0;    // index of the layer that they come from
  std::string role; // empty: all of that layer's
};

// What one entry of a layer's `share` means in a network whose layers have names; empty if no layer is called so.
std::optional<SharedParameters> find_shared(std::string_view share, const proto::Network& network);

// Whether some entry of `share` takes the parameter of this role from elsewhere.
bool takes_shared(const proto::Layer& layer, std::string_view role, const proto::Network& network);

// Everything about the `share` of one layer that can be wrong before shapes are known.
void check_shared(const proto::Network& network, int index, const Positions& positions, Diagnostics& diagnostics);

} // namespace kiln::frontend
