// Values of states that a product brings with it.
#include "products/known_states.h"

namespace kiln::products {

void write_known_states(const kiln_product& product, runtime::Instance& instance) {
  for (int32_t i = 0; i < product.known_state_count; ++i) {
    const kiln_known_state& state = product.known_states[i];
    instance.write_state(instance.find_state(state.name), state.values);
  }
}

} // namespace kiln::products
