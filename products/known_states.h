// Values of states that a product brings with it.
#pragma once

#include "runtime/instance.h"
#include "runtime/product.h"

#include <string>

namespace kiln::products {

// Those that the product holds itself.
void write_known_states(const kiln_product& product, runtime::Instance& instance);

// From the file of weights that was written when the product was built. Throws runtime::Error (data) if that is damaged
// or of another build.
void read_known_states(const kiln_product& product, const std::string& path, runtime::Instance& instance);

bool holds_weights(const kiln_product& product);

} // namespace kiln::products
