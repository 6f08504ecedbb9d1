// What kernels may assume of the CPU they are compiled for. A pure description: detection lives in codegen/host_cpu.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace kiln::ir {

// x86-64 micro-architecture levels, named as the psABI does.
enum class IsaLevel : uint8_t { baseline, v2, v3, v4 };

std::string_view name_of(IsaLevel level); // "x86-64", "v2", "v3", "v4"
std::optional<IsaLevel> parse_isa_level(std::string_view text);

struct Target {
  IsaLevel level = IsaLevel::baseline;
  int32_t vector_width = 4; // f32 lanes; also the channel block c
  int32_t vector_registers = 16;
  bool has_fma = false;
  // Sizes that blocking may assume. Fixed per level, never read from the machine: they shape the plan, and the plan
  // decides the bits.
  int64_t l1_bytes = 32 << 10;
  int64_t l2_bytes = 512 << 10;
};

Target target_for(IsaLevel level);

} // namespace kiln::ir
