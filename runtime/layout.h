// Conversion between logical order (row-major over the logical dims, no padding) and a tensor's physical layout.
#pragma once

#include "runtime/abi.h"

#include <cstdint>

namespace kiln::runtime {

int64_t element_bytes(kiln_dtype dtype);
int64_t element_count(const kiln_tensor& tensor);  // logical
int64_t logical_bytes(const kiln_tensor& tensor);  // element_count * element_bytes
int64_t physical_bytes(const kiln_tensor& tensor); // as the layout says, padding lanes included

// The layout with the identity order and no blocks.
kiln_layout plain_layout();

// Throws Error (model) unless rank, dims, layout and `bytes` of the description agree.
void check_tensor(const kiln_tensor& tensor);

// logical -> physical; padding lanes become zero.
void pack(const kiln_tensor& tensor, const void* logical, void* physical);
// physical -> logical; padding lanes are not read.
void unpack(const kiln_tensor& tensor, const void* physical, void* logical);

} // namespace kiln::runtime
