// What this CPU offers, and the floating-point mode in which emitted code runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kiln::runtime {

// Micro-architecture levels of the x86-64 psABI. Level 4 is AVX-512 F, BW, CD, DQ, VL.
enum class IsaLevel : uint8_t { baseline = 1, v2 = 2, v3 = 3, v4 = 4 };

std::string_view name_of(IsaLevel level); // "x86-64", "v2", "v3", "v4"
std::optional<IsaLevel> parse_isa_level(std::string_view name);

// The highest level that both the CPU (CPUID) and the operating system (XGETBV: it saves the registers) support.
IsaLevel cpu_isa_level();

// "AMD EPYC ..." from CPUID; virtual machines often shorten it. For people only: nothing may be decided from it.
std::string cpu_brand();

// CPUs this process may run on (its affinity mask), at least 1.
int available_cpus();

// Flushes denormal results (FTZ) and inputs (DAZ) to zero on this thread until destroyed, then restores the thread's
// former mode. Every thread that runs emitted code holds one: denormals cost a hundred cycles each, and a vector unit
// that treats them otherwise on another thread would change bits.
class FlushDenormals {
public:
  FlushDenormals();
  ~FlushDenormals();
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

private:
  uint32_t saved_;
};

} // namespace kiln::runtime
