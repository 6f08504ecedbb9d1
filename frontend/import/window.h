// What layers that slide a window over an image have in common: taking the kernel, and checking that it fits.
// Shared by the convolutions and the poolings.
#pragma once

#include "frontend/import/layer_import.h"
#include "ir/window.h"

namespace kiln::frontend {

// The kernel of the message at field `at`; it must be given.
ir::Size2 take_kernel(const google::protobuf::RepeatedField<int64_t>& kernel, const std::string& at,
                      LayerReport& report);
// A count that must be given and be at least 1; 0 when it is not.
int64_t take_count(bool given, int64_t value, const std::string& at, const std::string& what, LayerReport& report);

// Reports an input without height and width.
bool expect_image(LayerImport& import);

ir::Window window_over(const ir::Dims& image, ir::Size2 kernel, ir::Size2 stride, const std::array<int64_t, 4>& padding,
                       ir::Size2 dilation = {1, 1}, ir::Rounding rounding = ir::Rounding::floor);
// Reports a kernel that is larger than the padded input.
bool check_fits(const ir::Window& window, const std::string& at, LayerImport& import);

// The pooling window of a whole image (dims with the batch).
ir::PoolWindow whole_image(const ir::Dims& image);

// The fields that max_pool and average_pool share. False when something was reported or the input is not known.
template <class Pool>
bool take_pool(const Pool& pool, const std::string& at, LayerImport& import, ir::PoolWindow& attributes);

} // namespace kiln::frontend
