// Layers that reduce axes to one position each: reduce_sum and reduce_mean.
#pragma once

#include <algorithm>

#include "frontend/import/axis.h"
#include "ir/ops/reduce.h"

namespace kiln::frontend {

// Axes as the message states them; all but channels, if it states none. Wrong ones are reported.
template <class Message>
ir::ReduceAttributes take_axes(const Message& message, const std::string& field, LayerImport& import) {
  ir::ReduceAttributes attributes{{}, true};
  if (!import.input_known()) return attributes;
  const auto rank = static_cast<int64_t>(import.input_dims().size());
  const int64_t first = rank == 2 ? 1 : 2; // of rows: the values
  for (int64_t axis = 1; axis < rank; ++axis) {
    const bool stated = std::find(message.axis().begin(), message.axis().end(), axis) != message.axis().end();
    if (message.axis().empty() ? axis >= first : stated) attributes.axes.push_back(axis);
  }
  for (int i = 0; i < message.axis_size(); ++i)
    check_axis(import, message.axis(i), field + "[" + std::to_string(i) + "]");
  return attributes;
}

} // namespace kiln::frontend
