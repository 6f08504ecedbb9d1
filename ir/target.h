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

enum class Architecture : uint8_t { x86_64, aarch64 };

struct Target {
  Architecture architecture = Architecture::x86_64;
  IsaLevel level = IsaLevel::baseline; // of x86-64
  int32_t vector_width = 4;            // f32 lanes; also the channel block c
  int32_t vector_registers = 16;
  bool has_fma = false;
  // Sizes that blocking may assume. Fixed per level, never read from the machine: they shape the plan, and the plan
  // decides the bits.
  int64_t l1_bytes = 32 << 10;
  int64_t l2_bytes = 512 << 10;
};

Target target_for(IsaLevel level);
// Armv8-A with Advanced SIMD, which all 64-bit Arm CPUs with Linux have.
Target aarch64_target();
// What runs on every CPU of a target's architecture.
Target baseline_of(const Target& target);
std::string_view name_of(const Target& target); // the level's, or "aarch64"

} // namespace kiln::ir
