// What a product tells of itself.
#pragma once

#include "runtime/json_writer.h"
#include "runtime/product.h"

#include <functional>
#include <string>
#include <string_view>

namespace kiln::products {

// What it was made of and what it takes, and `more` in the midst. Both end their last line.
std::string info_text(const kiln_product& product, std::string_view more = {});
std::string info_json(const kiln_product& product, const std::function<void(runtime::JsonWriter&)>& more = {});

// Of the libraries inside. Throws runtime::Error.
std::string licence_text(const kiln_product& product);

} // namespace kiln::products
