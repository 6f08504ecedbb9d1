// CPUID, XGETBV and MXCSR.
#include "runtime/cpu.h"

#include <cpuid.h>
#include <cstring>
#include <sched.h>
#include <xmmintrin.h>

namespace kiln::runtime {

namespace {

constexpr std::string_view level_names[] = {"x86-64", "v2", "v3", "v4"};

struct Registers {
  uint32_t a = 0, b = 0, c = 0, d = 0;
};

// All zero if the CPU does not know the leaf.
Registers cpuid(uint32_t leaf) {
  Registers r;
  if (!__get_cpuid_count(leaf, 0, &r.a, &r.b, &r.c, &r.d)) return {};
  return r;
}

constexpr bool has_all(uint32_t value, uint32_t bits) { return (value & bits) == bits; }
constexpr uint32_t bit(int index) { return uint32_t{1} << index; }

uint64_t enabled_register_sets() {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

} // namespace

std::string_view name_of(IsaLevel level) { return level_names[static_cast<int>(level) - 1]; }

std::optional<IsaLevel> parse_isa_level(std::string_view name) {
  for (int i = 0; i < 4; ++i) {
    if (name == level_names[i]) return static_cast<IsaLevel>(i + 1);
  }
  return std::nullopt;
}

IsaLevel cpu_isa_level() {
  const Registers basic = cpuid(1);
  const Registers extended = cpuid(7);
  const Registers amd = cpuid(0x80000001);
  // SSE3, SSSE3, CMPXCHG16B, SSE4.1, SSE4.2, POPCNT; LAHF in 64-bit mode.
  const bool v2 = has_all(basic.c, bit(0) | bit(9) | bit(13) | bit(19) | bit(20) | bit(23)) && has_all(amd.c, bit(0));
  if (!v2) return IsaLevel::baseline;
  // FMA, MOVBE, OSXSAVE, AVX, F16C; BMI1, AVX2, BMI2; LZCNT; the system saves xmm and ymm.
  const bool v3 = has_all(basic.c, bit(12) | bit(22) | bit(27) | bit(28) | bit(29)) &&
                  has_all(extended.b, bit(3) | bit(5) | bit(8)) && has_all(amd.c, bit(5)) &&
                  (enabled_register_sets() & 0x06) == 0x06;
  if (!v3) return IsaLevel::v2;
  // AVX-512 F, DQ, CD, BW, VL; the system saves opmask and zmm.
  const bool v4 =
      has_all(extended.b, bit(16) | bit(17) | bit(28) | bit(30) | bit(31)) && (enabled_register_sets() & 0xE6) == 0xE6;
  return v4 ? IsaLevel::v4 : IsaLevel::v3;
}

std::string cpu_brand() {
  if (cpuid(0x80000000).a < 0x80000004) return "unknown";
  char text[49] = {};
  for (uint32_t i = 0; i < 3; ++i) {
    const Registers r = cpuid(0x80000002 + i);
    std::memcpy(text + 16 * i, &r, 16);
  }
  std::string brand = text;
  while (!brand.empty() && brand.back() == ' ') brand.pop_back();
  while (!brand.empty() && brand.front() == ' ') brand.erase(0, 1);
  return brand.empty() ? "unknown" : brand;
}

int available_cpus() {
  // Larger than cpu_set_t's 1024: the call fails on machines with more CPUs than the mask has bits.
  constexpr int limit = 16384;
  static_assert(limit % (8 * sizeof(unsigned long)) == 0);
  unsigned long mask[limit / (8 * sizeof(unsigned long))] = {};
  auto* set = reinterpret_cast<cpu_set_t*>(mask);
  if (sched_getaffinity(0, sizeof mask, set) != 0) return 1;
  const int count = CPU_COUNT_S(sizeof mask, set);
  return count > 0 ? count : 1;
}

namespace {
constexpr uint32_t flush_to_zero = 0x8000;
constexpr uint32_t denormals_are_zero = 0x0040;
} // namespace

FlushDenormals::FlushDenormals() : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | flush_to_zero | denormals_are_zero); }

// Exception flags raised meanwhile are dropped: nothing reads them.
FlushDenormals::~FlushDenormals() { _mm_setcsr(saved_); }

} // namespace kiln::runtime
