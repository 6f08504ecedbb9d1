// CPUID, XGETBV and MXCSR.
#include "runtime/cpu.h"

#include "runtime/cpu_levels.h"

#include <algorithm>
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

bool meets(std::span<const CpuRequirement> requirements) {
  return std::all_of(requirements.begin(), requirements.end(), [](const CpuRequirement& requirement) {
    const Registers found = cpuid(requirement.leaf);
    const uint32_t value = requirement.where == CpuidRegister::b ? found.b : found.c;
    return (value & requirement.mask) == requirement.mask;
  });
}

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
  if (!meets(kLevel2)) return IsaLevel::baseline;
  if (!meets(kLevel3)) return IsaLevel::v2;
  const uint64_t saved = enabled_register_sets();
  if ((saved & kLevel3Registers) != kLevel3Registers) return IsaLevel::v2;
  return meets(kLevel4) && (saved & kLevel4Registers) == kLevel4Registers ? IsaLevel::v4 : IsaLevel::v3;
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

FlushDenormals::FlushDenormals() : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | kFlushDenormals); }

// Exception flags raised meanwhile are dropped: nothing reads them.
FlushDenormals::~FlushDenormals() { _mm_setcsr(saved_); }

} // namespace kiln::runtime
