// Which of the CPU levels that an executable was built for is run.
#pragma once

#include "runtime/product.h"

#include <span>
#include <string_view>

namespace kiln::products {

// The highest that this CPU offers, else the lowest, which then refuses to run; or the one that --cpu wants, so that
// other machines give the same bits. Throws runtime::Error (usage) if that is not among them.
const kiln_product& choose_product(std::span<const kiln_product> products, std::string_view wanted);

} // namespace kiln::products
