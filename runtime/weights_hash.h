// The identity of trained weights: one SHA-256 that layouts, plans, threads and file formats do not change.
// Equal hashes mean equal bits in every parameter and running statistic.
#pragma once

#include <string>

namespace kiln::runtime {

class Instance;

// Over parameters and running statistics in ascending order of names: f32 little-endian, logical order, nothing else.
std::string weights_sha256(const Instance& instance);

} // namespace kiln::runtime
