// What a trainer tells of its recipe and its data.
#pragma once

#include "runtime/json_writer.h"
#include "runtime/product.h"

#include <string>

namespace kiln::products {

std::string recipe_text(const kiln_product& product);
// Members of an object that is open.
void add_recipe(runtime::JsonWriter& json, const kiln_recipe& recipe);

} // namespace kiln::products
