// Values of states that a product brings with it.
#pragma once

#include "runtime/instance.h"
#include "runtime/product.h"

namespace kiln::products {

void write_known_states(const kiln_product& product, runtime::Instance& instance);

} // namespace kiln::products
