// ISA levels and what each gives a kernel.
#include "ir/target.h"

#include <array>

namespace kiln::ir {

namespace {
constexpr std::array<std::string_view, 4> kNames = {"x86-64", "v2", "v3", "v4"};
}

std::string_view name_of(IsaLevel level) { return kNames[static_cast<size_t>(level)]; }

std::optional<IsaLevel> parse_isa_level(std::string_view text) {
  for (size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == text) return static_cast<IsaLevel>(i);
  return std::nullopt;
}

Target target_for(IsaLevel level) {
  Target target;
  target.level = level;
  switch (level) {
  case IsaLevel::baseline:
  case IsaLevel::v2:
    break;
  case IsaLevel::v3:
    target.vector_width = 8;
    target.has_fma = true;
    break;
  case IsaLevel::v4:
    target.vector_width = 16;
    target.vector_registers = 32;
    target.has_fma = true;
    target.l2_bytes = 1 << 20;
    break;
  }
  return target;
}

Target aarch64_target() {
  Target target;
  target.architecture = Architecture::aarch64;
  target.vector_registers = 32;
  target.has_fma = true;
  return target;
}

Target baseline_of(const Target& target) {
  return target.architecture == Architecture::aarch64 ? aarch64_target() : target_for(IsaLevel::baseline);
}

std::string_view name_of(const Target& target) {
  return target.architecture == Architecture::aarch64 ? "aarch64" : name_of(target.level);
}

} // namespace kiln::ir
