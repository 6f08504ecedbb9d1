// The identity of trained weights: one SHA-256 that layouts, plans, threads and file formats do not change.
// Equal hashes mean equal bits in every parameter and running statistic.
#include "runtime/weights_hash.h"

#include "runtime/instance.h"
#include "runtime/layout.h"
#include "runtime/sha256.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace kiln::runtime {

std::string weights_sha256(const Instance& instance) {
  const kiln_program& program = instance.program();
  std::vector<int> order;
  for (int index = 0; index < program.state_count; ++index) {
    kiln_state_role role = program.states[index].role;
    if (role == KILN_PARAMETER || role == KILN_STATISTIC) order.push_back(index);
  }
  std::sort(order.begin(), order.end(), [&](int a, int b) {
    return std::string_view(program.states[a].tensor.name) < std::string_view(program.states[b].tensor.name);
  });
  Sha256 hash;
  std::vector<char> content;
  content.reserve(instance.largest_state_bytes());
  for (int index : order) {
    content.resize(static_cast<size_t>(logical_bytes(program.states[index].tensor)));
    instance.read_state(index, content.data());
    hash.update(content.data(), content.size());
  }
  return hash.finish_hex();
}

} // namespace kiln::runtime
