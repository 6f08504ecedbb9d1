// The formulas of runtime/vector_math.h and counter_random.h, emitted: the same values as in C++, at every level.
#include "runtime/counter_random.h"
#include "runtime/vector_math.h"
#include "tests/codegen/kernel_harness.h"

#include <cmath>

namespace kiln::codegen {
namespace {

using testing::Buffer;
using testing::CompiledKernel;

class VectorMathEmission : public testing::LevelTest {};

// Floats of every magnitude, both signs, and the special ones.
std::vector<float> samples() {
  std::vector<float> values = {0.0f, -0.0f, 1.0f, -1.0f, INFINITY, -INFINITY, NAN, 89.0f, -104.0f, 0.625f, -0.625f};
  for (uint64_t i = 0; values.size() < 20000; ++i) {
    float unit = static_cast<float>(random::draw(1, 2 * i)) * 0x1p-32f;
    float scale = std::ldexp(1.0f, static_cast<int>(random::draw(1, 2 * i + 1) % 40) - 30);
    values.push_back((i % 2 == 0 ? 1.0f : -1.0f) * (unit + 0.5f) * scale);
  }
  while (values.size() % 64 != 0) values.push_back(0.5f);
  return values;
}

int64_t ulp_distance(float a, float b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) == std::isnan(b) ? 0 : INT64_MAX;
  auto ordered = [](float x) {
    auto bits = static_cast<int64_t>(std::bit_cast<int32_t>(x));
    return bits >= 0 ? bits : int64_t{INT32_MIN} - bits;
  };
  return std::abs(ordered(a) - ordered(b));
}

template <typename Formula> void compare(const ir::Target& target, const char* name, Formula formula, double floor) {
  CompiledKernel kernel(target, [&](KernelBuilder& k) {
    Pointer x = k.operand(0), y = k.operand(1);
    k.begin_tasks([&](Index task) { k.store(y, task * k.width(), formula(k.load(x, task * k.width()))); });
  });
  std::vector<float> inputs = samples();
  Buffer<float> x(inputs.size()), y(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) x[i] = inputs[i];
  kernel.run({x.data(), y.data()}, {}, 0, static_cast<int64_t>(inputs.size()) / target.vector_width);
  for (size_t i = 0; i < inputs.size(); ++i) {
    float expected = formula(inputs[i]);
    if (std::isinf(expected) || std::fabs(expected) < floor) {
      // Near zeros of the function FMA changes the few bits that cancellation leaves.
      ASSERT_TRUE(expected == y[i] || std::fabs(expected - y[i]) < floor * 1e-6) << name << "(" << inputs[i] << ")";
      continue;
    }
    // Without FMA every operation is the same one; with it each product may lack a rounding.
    ASSERT_LE(ulp_distance(expected, y[i]), target.has_fma ? 4 : 0)
        << name << "(" << inputs[i] << ") = " << expected << " in C++, " << y[i] << " emitted";
  }
}

TEST_P(VectorMathEmission, FormulasAgreeWithFloat) {
  compare(
      target(), "exp", [](auto x) { return math::exp(x); }, 0);
  compare(
      target(), "log", [](auto x) { return math::log(x); }, 0);
  compare(
      target(), "expm1", [](auto x) { return math::expm1(x); }, 0);
  compare(
      target(), "log1p", [](auto x) { return math::log1p(math::abs(x)); }, 0);
  compare(
      target(), "normal_cdf", [](auto x) { return math::normal_cdf(x); }, 0.1);
  compare(
      target(), "tanh", [](auto x) { return math::tanh(x); }, 0);
  compare(
      target(), "sigmoid", [](auto x) { return math::sigmoid(x); }, 0);
  compare(
      target(), "sin", [](auto x) { return math::sin(x); }, 0.1);
  compare(
      target(), "cos", [](auto x) { return math::cos(x); }, 0.1);
}

TEST_P(VectorMathEmission, RandomWordsAreThoseOfTheRuntime) {
  constexpr int64_t blocks = 96;
  CompiledKernel kernel(target(), [&](KernelBuilder& k) {
    Pointer words = k.operand(0, ElementType::i32), uniforms = k.operand(1);
    int32_t lanes = k.width();
    Index key = random::stream_key(k.seed(), k.step(), k.scalar(0));
    U32 key0 = broadcast(low_u32(key), lanes), key1 = broadcast(high_u32(key), lanes);
    k.begin_tasks([&](Index task) {
      // Element indices past 2^32, so that the upper counter half counts.
      Index block = task * lanes + (int64_t{1} << 34);
      U32 low = broadcast(low_u32(block), lanes) + k.lane_numbers();
      U32 zero = k.u32(0);
      auto drawn =
          random::philox(random::Counter4<U32>{{low, broadcast(high_u32(block), lanes), zero, zero}}, key0, key1);
      for (int i = 0; i < 4; ++i) {
        k.store_i32(words, task * (lanes * 4) + i * lanes, as_signed(drawn.x[i]));
        k.store(uniforms, task * (lanes * 4) + i * lanes, random::uniform(drawn.x[i]));
      }
    });
  });
  kernel.call.seed = 0x0123456789ABCDEF;
  kernel.call.step = 41;
  uint64_t stream = random::stream_id("drop1");
  Buffer<uint32_t> words(blocks * 4);
  Buffer<float> uniforms(blocks * 4);
  int64_t lanes = target().vector_width;
  kernel.run({words.data(), uniforms.data()}, {static_cast<int64_t>(stream)}, 0, blocks / lanes);

  uint64_t key = random::stream_key<uint64_t>(kernel.call.seed, kernel.call.step, stream);
  for (int64_t block = 0; block < blocks; ++block) {
    auto expected = random::draw_block(key, static_cast<uint64_t>(block) + (uint64_t{1} << 34));
    for (int64_t i = 0; i < 4; ++i) {
      auto at = static_cast<size_t>(block / lanes * lanes * 4 + i * lanes + block % lanes);
      ASSERT_EQ(words[at], expected.x[i]) << "block " << block << " word " << i;
      ASSERT_EQ(uniforms[at], random::uniform(expected.x[i])) << "block " << block << " word " << i;
    }
  }
}

TEST(VectorMath, CallsNoMathLibraryAtAnyLevel) {
  for (ir::IsaLevel level : testing::all_levels()) {
    const ir::Target target = ir::target_for(level);
    EmittedModule module = testing::emit_kernel(target, [](KernelBuilder& k) {
      Pointer x = k.operand(0);
      k.begin_tasks([&](Index task) {
        for (int32_t lanes : {1, k.width()}) {
          F32 v = k.load(x, task * lanes, lanes);
          v = math::exp(v) + math::log(v) + math::tanh(v) + math::sigmoid(v) + math::pow(v, v) + math::cos(v);
          auto pair = math::normal_pair(bit_cast_to_int(v), bit_cast_to_int(v));
          v = sqrt(abs(v)) / max(min(v, pair.first), pair.second);
          k.store(x, task * lanes, v + to_float(round_to_int(v)));
        }
      });
    });
    EXPECT_THAT(undefined_symbols(compile(module, target)), ::testing::IsEmpty()) << ir::name_of(level);
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, VectorMathEmission, ::testing::ValuesIn(testing::all_levels()), testing::level_name);

} // namespace
} // namespace kiln::codegen
