// What a CPU must report for each ISA level: CPUID bits and register sets that the system saves. One table for the
// check that the runtime makes and the one that emitted libraries carry.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace kiln::runtime {

enum class CpuidRegister : uint8_t { b, c };

// All bits of `mask` must be set in a register of a CPUID leaf (subleaf 0).
struct CpuRequirement {
  uint32_t leaf;
  CpuidRegister where;
  uint32_t mask;
};

constexpr uint32_t cpuid_bits(std::initializer_list<int> bits) {
  uint32_t mask = 0;
  for (int bit : bits) mask |= uint32_t{1} << bit;
  return mask;
}

// SSE3, SSSE3, CMPXCHG16B, SSE4.1, SSE4.2, POPCNT; LAHF in 64-bit mode.
inline constexpr std::array<CpuRequirement, 2> kLevel2 = {{
    {1, CpuidRegister::c, cpuid_bits({0, 9, 13, 19, 20, 23})},
    {0x80000001, CpuidRegister::c, cpuid_bits({0})},
}};
// FMA, MOVBE, OSXSAVE, AVX, F16C; BMI1, AVX2, BMI2; LZCNT. To be asked before the register sets: XGETBV needs OSXSAVE.
inline constexpr std::array<CpuRequirement, 3> kLevel3 = {{
    {1, CpuidRegister::c, cpuid_bits({12, 22, 27, 28, 29})},
    {7, CpuidRegister::b, cpuid_bits({3, 5, 8})},
    {0x80000001, CpuidRegister::c, cpuid_bits({5})},
}};
// AVX-512 F, DQ, CD, BW, VL.
inline constexpr std::array<CpuRequirement, 1> kLevel4 = {{
    {7, CpuidRegister::b, cpuid_bits({16, 17, 28, 30, 31})},
}};
// Of XCR0: xmm and ymm; with opmask and zmm.
inline constexpr uint64_t kLevel3Registers = 0x06;
inline constexpr uint64_t kLevel4Registers = 0xE6;

// Of MXCSR: flush to zero, denormals are zero.
inline constexpr uint32_t kFlushDenormals = 0x8000 | 0x0040;

} // namespace kiln::runtime
