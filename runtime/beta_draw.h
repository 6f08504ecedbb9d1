// Draws from beta distributions that are symmetric about 1/2: the shares of mixup and cutmix.
#pragma once

#include <cstdint>

namespace kiln::runtime {

// From Beta(alpha, alpha), alpha above 0; a function of both arguments. As X / (X + Y) of two gamma variates (Marsaglia
// and Tsang: "A simple method for generating gamma variables", 2000), in logarithms, so that small alphas do not
// underflow.
float draw_beta(float alpha, uint64_t key);

} // namespace kiln::runtime
