// Which of the CPU levels that an executable was built for is run.
#include "products/choose_product.h"

#include "runtime/cpu.h"
#include "runtime/error.h"

#include <string>

namespace kiln::products {

const kiln_product& choose_product(std::span<const kiln_product> products, std::string_view wanted) {
  const kiln_product* chosen = &products.front();
  for (const kiln_product& product : products) {
    if (!wanted.empty() && product.program->isa == wanted) return product;
    const auto level = runtime::parse_isa_level(product.program->isa);
    if (level && *level <= runtime::cpu_isa_level()) chosen = &product;
  }
  if (!wanted.empty())
    throw runtime::Error(runtime::ErrorKind::usage,
                         "--cpu takes one of " + std::string(chosen->levels) + ", not \"" + std::string(wanted) + "\"");
  return *chosen;
}

} // namespace kiln::products
