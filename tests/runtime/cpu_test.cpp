// Level names, agreement of the detection with the compiler's own, and the denormal guard.
#include "runtime/cpu.h"

#include <cfloat>
#include <gtest/gtest.h>
#include <thread>
#include <xmmintrin.h>

namespace kiln::runtime {
namespace {

TEST(Cpu, LevelNamesRoundTrip) {
  for (const IsaLevel level : {IsaLevel::baseline, IsaLevel::v2, IsaLevel::v3, IsaLevel::v4}) {
    EXPECT_EQ(parse_isa_level(name_of(level)), level);
  }
  EXPECT_EQ(name_of(IsaLevel::baseline), "x86-64");
  EXPECT_EQ(name_of(IsaLevel::v4), "v4");
  EXPECT_EQ(parse_isa_level("v5"), std::nullopt);
  EXPECT_EQ(parse_isa_level(""), std::nullopt);
}

TEST(Cpu, DetectionAgreesWithTheCompiler) {
  __builtin_cpu_init();
  IsaLevel expected = IsaLevel::baseline;
  if (__builtin_cpu_supports("x86-64-v2")) expected = IsaLevel::v2;
  if (__builtin_cpu_supports("x86-64-v3")) expected = IsaLevel::v3;
  if (__builtin_cpu_supports("x86-64-v4")) expected = IsaLevel::v4;
  EXPECT_EQ(cpu_isa_level(), expected);
}

TEST(Cpu, HasABrandAndCpus) {
  EXPECT_FALSE(cpu_brand().empty());
  EXPECT_GE(available_cpus(), 1);
}

float multiply(float a, float b) {
  volatile float x = a, y = b;
  return x * y;
}

TEST(FlushDenormals, FlushesAndRestores) {
  const uint32_t before = _mm_getcsr();
  EXPECT_GT(multiply(FLT_MIN, 0.5f), 0.0f);
  {
    const FlushDenormals flush;
    EXPECT_EQ(multiply(FLT_MIN, 0.5f), 0.0f);
    EXPECT_EQ(multiply(0x1p-130f, 0x1p100f), 0.0f) << "denormal inputs count as zero";
    { const FlushDenormals nested; }
    EXPECT_EQ(multiply(FLT_MIN, 0.5f), 0.0f) << "an inner guard restores the outer mode";
  }
  EXPECT_GT(multiply(FLT_MIN, 0.5f), 0.0f);
  EXPECT_EQ(_mm_getcsr() & 0xFFC0, before & 0xFFC0);
}

} // namespace
} // namespace kiln::runtime
