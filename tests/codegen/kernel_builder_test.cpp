// The kernel builder: every operation of the value types, memory, control flow and the kernel's own interface, run at
// each level this machine has.
#include "codegen/kernel_builder.h"
#include "tests/codegen/kernel_harness.h"

#include <cmath>
#include <numeric>

namespace kiln::codegen {
namespace {

using testing::Buffer;
using testing::CompiledKernel;

size_t count_of(const std::string& what, const std::string& text) {
  size_t found = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

class KernelBuilderRun : public testing::LevelTest {
protected:
  size_t width() const { return static_cast<size_t>(target().vector_width); }

  // Runs one task of a kernel with f32 operands.
  void run(const testing::Emit& emit, std::vector<Buffer<float>*> buffers, std::vector<int64_t> scalars = {}) {
    CompiledKernel kernel(target(), [&](KernelBuilder& k) { k.begin_tasks([&](Index) { emit(k); }); });
    std::vector<void*> operands;
    for (Buffer<float>* buffer : buffers) operands.push_back(buffer->data());
    kernel.run(operands, std::move(scalars));
  }
};

TEST_P(KernelBuilderRun, FloatOperations) {
  const size_t n = width();
  Buffer<float> a(n), b(n), y(n * 16, -77.0f);
  for (size_t i = 0; i < n; ++i) {
    a[i] = 0.5f + static_cast<float>(i) * 1.25f;
    b[i] = 3.0f - static_cast<float>(i);
  }
  b[1] = NAN;
  using Binary = float (*)(float, float);
  run(
      [](KernelBuilder& k) {
        F32 x = k.load(k.operand(0), 0), z = k.load(k.operand(1), 0);
        int64_t at = 0;
        auto put = [&](F32 value) { k.store(k.operand(2), at++ * k.width(), value); };
        put(x + z), put(x - z), put(x * z), put(x / z);
        put(min(x, z)), put(max(x, z)), put(abs(z)), put(sqrt(x)), put(-z);
        put(select(x < z, x * 2.0f, 1.0f - z));
        put(select((z != z) & !(x < z), x, z));
        put(mul_add(x, x, k.f32(-1.0f)));
        put(to_float(round_to_int(x)));
        put(broadcast(sum_lanes(x), k.width()));
        put(broadcast(max_lanes(x), k.width()));
        put(insert(broadcast(extract(x, 1), k.width()), 2, k.f32(9.0f, 1)));
      },
      {&a, &b, &y});
  const Binary expected[] = {
      [](float p, float q) { return p + q; },
      [](float p, float q) { return p - q; },
      [](float p, float q) { return p * q; },
      [](float p, float q) { return p / q; },
      [](float p, float q) { return p < q ? p : q; },
      [](float p, float q) { return p > q ? p : q; },
      [](float, float q) { return std::fabs(q); },
      [](float p, float) { return std::sqrt(p); },
      [](float, float q) { return -q; },
      [](float p, float q) { return p < q ? p * 2 : 1 - q; },
      [](float p, float q) { return q != q ? p : q; },
      [](float p, float) { return p * p - 1; }, // exact: few bits
      [](float p, float) { return std::nearbyint(p); },
  };
  for (size_t op = 0; op < std::size(expected); ++op)
    for (size_t i = 0; i < n; ++i) {
      float want = expected[op](a[i], b[i]), got = y[op * n + i];
      if (std::isnan(want))
        EXPECT_TRUE(std::isnan(got)) << "op " << op << " lane " << i;
      else
        EXPECT_EQ(got, want) << "op " << op << " lane " << i;
    }
  float sum = std::accumulate(a.data(), a.data() + n, 0.0f); // exact: few bits
  for (size_t i = 0; i < n; ++i) {
    EXPECT_EQ(y[13 * n + i], sum);
    EXPECT_EQ(y[14 * n + i], a[n - 1]);
    EXPECT_EQ(y[15 * n + i], i == 2 ? 9.0f : a[1]);
  }
}

TEST_P(KernelBuilderRun, SumOfLanesIsAFixedTree) {
  const size_t n = width();
  Buffer<float> x(n), y(1);
  std::vector<float> tree(n);
  for (size_t i = 0; i < n; ++i) tree[i] = x[i] = std::ldexp(1.0f, static_cast<int>(i * 7 % 23)) + 0.3f;
  run([](KernelBuilder& k) { k.store(k.operand(1), 0, sum_lanes(k.load(k.operand(0), 0))); }, {&x, &y});
  for (size_t half = n / 2; half > 0; half /= 2)
    for (size_t i = 0; i < half; ++i) tree[i] += tree[i + half];
  EXPECT_EQ(y[0], tree[0]);
}

TEST_P(KernelBuilderRun, IntegerOperations) {
  const size_t n = width();
  Buffer<int32_t> a(n), y(n * 10);
  for (size_t i = 0; i < n; ++i) a[i] = static_cast<int32_t>(0x9E3779B9u * (i + 1));
  CompiledKernel kernel(target(), [](KernelBuilder& k) {
    Pointer y = k.operand(1, ElementType::i32);
    I32 x = k.load_i32(k.operand(0, ElementType::i32), k.index(0), k.width());
    U32 u = as_unsigned(x);
    int64_t at = 0;
    auto put = [&](I32 value) { k.store_i32(y, k.index(at++ * k.width()), value); };
    put(as_signed(mul_hi(u, u))), put(x >> 3), put(as_signed(u >> 3)), put((x << 5) ^ x);
    put(select(x < 0, x + 1, x - 1)), put(as_signed(select(u < 0x80000000u, u * 3u, u | 1u)));
    put(as_signed(k.lane_numbers())), put(x & 255), put(as_signed(bit_cast_to_int(k.f32(1.5f))));
    put(select(k.first_lanes(k.scalar(0)), k.i32(1), k.i32(0)));
  });
  for (int64_t count : {int64_t{-3}, int64_t{0}, int64_t{1}, int64_t{3}, int64_t{1} << 40}) {
    kernel.run({a.data(), y.data()}, {count});
    for (size_t i = 0; i < n; ++i) {
      const int32_t x = a[i];
      const auto u = static_cast<uint32_t>(x);
      const int32_t expected[] = {
          static_cast<int32_t>((uint64_t{u} * u) >> 32),
          x >> 3,
          static_cast<int32_t>(u >> 3),
          static_cast<int32_t>((u << 5) ^ u),
          x < 0 ? x + 1 : x - 1,
          static_cast<int32_t>(x >= 0 ? u * 3 : u | 1),
          static_cast<int32_t>(i),
          x & 255,
          0x3FC00000,
          static_cast<int64_t>(i) < count,
      };
      for (size_t op = 0; op < std::size(expected); ++op)
        EXPECT_EQ(y[op * n + i], expected[op]) << "op " << op << " lane " << i;
    }
  }
}

TEST_P(KernelBuilderRun, IndexOperations) {
  const std::vector<int64_t> values = {100003, 17, -5};
  const std::vector<float> expected = {100020, 99986, 1700051, 5882, 9, 17, -5, 100003, 1, 0, 1, 6250, 3, -99998};
  Buffer<float> y(expected.size());
  run(
      [](KernelBuilder& k) {
        Index a = k.scalar(0), b = k.scalar(1), c = k.scalar(2);
        F32 one = k.f32(1, 1), zero = k.zero(1);
        int64_t at = 0;
        auto put = [&](F32 value) { k.store(k.operand(0), at++, value); };
        put(to_float(a + b)), put(to_float(a - b)), put(to_float(a * b)), put(to_float(a / b)), put(to_float(a % b));
        put(to_float(max(b, c))), put(to_float(min(b, c))), put(to_float(select(a > b, a, b)));
        put(select(c < 0, one, zero)), put(select((c < b) & !(a != b), one, zero));
        put(select((c < b) | (a <= b), one, zero)), put(to_float(a >> 4)), put(to_float((a & 7) ^ (b * 0)));
        put(to_float(5 - a));
      },
      {&y}, values);
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(y[i], expected[i]) << i;
}

TEST_P(KernelBuilderRun, MasksKeepMemoryUntouched) {
  const size_t n = width();
  Buffer<float> x(n), y(n * 4, -1.0f);
  std::iota(x.data(), x.data() + n, 1.0f);
  for (int64_t count = 0; count <= target().vector_width; ++count) {
    for (size_t i = 0; i < y.size(); ++i) y[i] = -1.0f;
    run(
        [&](KernelBuilder& k) {
          Pointer y = k.operand(1);
          k.store(y, 0, k.load(k.operand(0), 0, k.first_lanes(count)));
          k.store(y, k.width(), k.load(k.operand(0), 0), k.first_lanes(count));
          k.store(y, k.index(2 * k.width()), k.load(k.operand(0), k.index(0), k.first_lanes(k.scalar(0))));
          k.store(y, k.index(3 * k.width()), k.load(k.operand(0), 0), k.first_lanes(k.scalar(0)));
        },
        {&x, &y}, {count});
    for (size_t i = 0; i < n; ++i) {
      bool inside = static_cast<int64_t>(i) < count;
      for (size_t form = 0; form < 4; ++form)
        EXPECT_EQ(y[form * n + i], inside ? x[i] : form % 2 == 0 ? 0.0f : -1.0f) << form << " " << count << " " << i;
    }
  }
}

TEST_P(KernelBuilderRun, MaskedAccessesOfOneLane) {
  Buffer<float> x(2, 5.0f), y(2, -1.0f);
  for (int64_t count : {0, 1}) {
    run(
        [](KernelBuilder& k) {
          Mask mask = k.first_lanes(k.scalar(0), 1);
          k.store(k.operand(1), 0, k.load(k.operand(0), 0, mask));
          k.store(k.operand(1), k.index(1), k.load(k.operand(0), 1, 1), mask);
        },
        {&x, &y}, {count});
    EXPECT_EQ(y[0], count == 1 ? 5.0f : 0.0f);
    EXPECT_EQ(y[1], count == 1 ? 5.0f : -1.0f);
  }
}

TEST_P(KernelBuilderRun, StridedAccesses) {
  const size_t n = width();
  Buffer<float> x(n * 8), y(n * 8, -1.0f), z(n * 2, -1.0f);
  std::iota(x.data(), x.data() + x.size(), 0.0f);
  run(
      [](KernelBuilder& k) {
        Index stride = k.scalar(0);
        k.store_strided(k.operand(1), k.index(1), stride, k.load_strided(k.operand(0), k.index(2), stride));
        Mask three = k.first_lanes(3);
        k.store_strided(k.operand(1), k.index(3), stride, k.load(k.operand(0), 0), three);
        k.store(k.operand(2), 0, k.load_strided(k.operand(0), k.index(4), stride, three));
        k.store(k.operand(2), k.width(), k.load_broadcast(k.operand(0), stride));
      },
      {&x, &y, &z}, {7});
  for (size_t i = 0; i < n; ++i) {
    EXPECT_EQ(y[1 + 7 * i], 2.0f + 7.0f * static_cast<float>(i));
    EXPECT_EQ(y[3 + 7 * i], i < 3 ? static_cast<float>(i) : -1.0f);
    EXPECT_EQ(z[i], i < 3 ? 4.0f + 7.0f * static_cast<float>(i) : 0.0f);
    EXPECT_EQ(z[n + i], 7.0f);
  }
}

TEST_P(KernelBuilderRun, BytesAndLabels) {
  const size_t n = width();
  Buffer<uint8_t> bytes(n + 1);
  for (size_t i = 0; i <= n; ++i) bytes[i] = static_cast<uint8_t>(255 - i);
  Buffer<int32_t> labels(2);
  labels[1] = -7;
  Buffer<float> y(n + 3);
  CompiledKernel kernel(target(), [](KernelBuilder& k) {
    Pointer bytes = k.operand(0, ElementType::u8);
    k.store(k.operand(2), 0, k.load_u8(bytes, k.index(1)));
    k.store(k.operand(2), k.width(), k.load_u8(bytes, k.index(0), 1));
    k.store(k.operand(2), k.width() + 1, to_float(k.load_index(bytes, k.index(0))));
    k.store(k.operand(2), k.width() + 2, to_float(k.load_index(k.operand(1, ElementType::i32), k.index(1))));
  });
  kernel.run({bytes.data(), labels.data(), y.data()});
  for (size_t i = 0; i < n; ++i) EXPECT_EQ(y[i], 254.0f - static_cast<float>(i));
  EXPECT_EQ(y[n], 255.0f);
  EXPECT_EQ(y[n + 1], 255.0f);
  EXPECT_EQ(y[n + 2], -7.0f);
}

// Constants inside offsets are moved into displacements; the addresses stay what was written.
TEST_P(KernelBuilderRun, OffsetsWithConstantParts) {
  Buffer<float> x(200), y(12, -1.0f);
  std::iota(x.data(), x.data() + x.size(), 0.0f);
  run(
      [](KernelBuilder& k) {
        Pointer x = k.operand(0);
        Index i = k.scalar(0), j = k.scalar(1);
        const Index offsets[] = {i + 3,
                                 (i + 1) * 4 + j,
                                 ((i - 1) * 3 + 2) * 2 - j,
                                 50 - i,
                                 (7 - i) * 5 + j,
                                 (i + 2) * (j + 3),
                                 (i + j) * 2,
                                 60 - (i + 5),
                                 k.index(17),
                                 (i - (j - 3)) + 100,
                                 3 * (k.index(4) + 5)};
        int64_t at = 0;
        for (Index offset : offsets) k.store(k.operand(1), at++, k.load(x, offset, 1));
        Pointer moved = x + (i + 2) + 40 + -3;
        auto walk = k.variable(moved + 1);
        walk.set(walk.get() + (j * 2 + 1));
        Pointer chosen = select(i < j, walk.get() + 1, x);
        k.store(k.operand(1), at, k.load(chosen, j - 1, 1));
      },
      {&x, &y}, {5, 7});
  const float expected[] = {8, 31, 21, 45, 17, 70, 24, 50, 17, 101, 27, 44 + 1 + 15 + 1 + 6};
  for (size_t i = 0; i < std::size(expected); ++i) EXPECT_EQ(y[i], expected[i]) << i;
}

TEST_P(KernelBuilderRun, CopyAndFill) {
  Buffer<float> x(100), y(100, 3.0f);
  std::iota(x.data(), x.data() + 100, 0.0f);
  run(
      [](KernelBuilder& k) {
        k.copy(k.operand(1) + 5, k.operand(0) + 10, k.scalar(0));
        k.fill_zero(k.operand(1) + k.scalar(0) * 2, k.scalar(0));
      },
      {&x, &y}, {20});
  for (size_t i = 0; i < 100; ++i)
    EXPECT_EQ(y[i], i >= 40 && i < 60 ? 0.0f : i >= 5 && i < 25 ? static_cast<float>(i + 5) : 3.0f) << i;
}

TEST_P(KernelBuilderRun, LoopsBranchesAndVariables) {
  Buffer<float> y(8, -1.0f);
  run(
      [](KernelBuilder& k) {
        Pointer y = k.operand(0);
        Index n = k.scalar(0);
        int64_t at = 0;
        for (Unroll unroll : {Unroll::none(), Unroll::full(), Unroll::by(4)}) {
          auto sum = k.variable(k.index(0));
          k.for_range(
              0, 10, 3, [&](Index i) { sum.set(sum + i); }, unroll); // 0 + 3 + 6 + 9
          k.store(y, at++, to_float(sum));
        }
        auto count = k.variable(k.zero(1));
        auto odd = k.variable(k.index(0));
        k.for_range(0, n, 1, [&](Index i) {
          k.for_range(i, n, 1, [&](Index) { count.set(count + 1.0f); });
          k.if_else(
              i % 2 == 0, [&] { odd.set(odd + 100); }, [&] { odd.set(odd + 1); });
          k.if_(i == 3, [&] { odd.set(odd + 10000); });
        });
        k.for_range(5, 5, 1, [&](Index) { count.set(k.zero(1)); });
        k.for_range(5, 2, 1, [&](Index) { count.set(k.zero(1)); });
        k.store(y, 3, count.get());
        k.store(y, 4, to_float(odd));
        auto walk = k.variable(y);
        k.for_range(0, 2, 1, [&](Index) { walk.set(walk.get() + 3); });
        k.store(walk, 0, k.f32(42.0f, 1));
        Pointer chosen = select(n > 100, y, y + 7);
        k.store(chosen, 0, k.f32(43.0f, 1));
      },
      {&y}, {5});
  const float expected[] = {18, 18, 18, 15, 10302, -1, 42, 43};
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(y[i], expected[i]) << i;
}

TEST_P(KernelBuilderRun, TasksScratchAndCallFields) {
  CompiledKernel kernel(target(), [](KernelBuilder& k) {
    Pointer y = k.operand(0);
    Pointer mine = k.scratch(ElementType::f32, 128);
    k.store(k.scratch(), 0, k.f32(0.25f, 1)); // once a call
    k.begin_tasks([&](Index task) {
      k.store(mine, 0, to_float(task * 10) + k.load(k.scratch(), 0, 1));
      k.store(y, task, k.load(mine, 0, 1) + to_float(k.seed() - k.step()));
    });
  });
  kernel.call.seed = 5000;
  kernel.call.step = 1000;
  Buffer<float> y(8, -1.0f);
  kernel.run({y.data()}, {}, 2, 5);
  for (size_t i = 0; i < 8; ++i)
    EXPECT_EQ(y[i], i >= 2 && i < 5 ? 4000.25f + 10.0f * static_cast<float>(i) : -1.0f) << i;
}

// An operand that may be another one is not assumed apart from it.
TEST_P(KernelBuilderRun, InPlaceOperandsAreReadAgainAfterStores) {
  Buffer<float> x(16, 1.0f);
  run(
      [](KernelBuilder& k) {
        Pointer from = k.operand(0, ElementType::f32, Aliasing::in_place);
        Pointer to = k.operand(1, ElementType::f32, Aliasing::in_place);
        F32 before = k.load(from, 0, 1);
        k.store(to, 0, before + 1.0f);
        k.store(to, 1, k.load(from, 0, 1) + 10.0f);
      },
      {&x, &x});
  EXPECT_EQ(x[0], 2.0f);
  EXPECT_EQ(x[1], 12.0f);
}

INSTANTIATE_TEST_SUITE_P(Levels, KernelBuilderRun, ::testing::ValuesIn(testing::all_levels()), testing::level_name);

// --- what the optimiser is told, and what an emitter cannot do wrong unnoticed ---

TEST(KernelBuilder, OperandsAreTakenNotToOverlap) {
  auto loads_in_loop = [](Aliasing aliasing) {
    auto target = ir::target_for(ir::IsaLevel::v3);
    EmittedModule module = testing::emit_kernel(target, [&](KernelBuilder& k) {
      Pointer x = k.operand(0, ElementType::f32, aliasing), y = k.operand(1, ElementType::f32, aliasing);
      k.begin_tasks([&](Index task) { k.store(y, task * 8, k.load(x, 0)); });
    });
    optimize(module, target);
    std::string text = module.ir_text();
    size_t loop = text.find("loop.body:");
    EXPECT_NE(loop, std::string::npos);
    return text.find("load <8 x float>", loop) != std::string::npos;
  };
  EXPECT_FALSE(loads_in_loop(Aliasing::none)) << "a load that no store can change stays in the loop";
  EXPECT_TRUE(loads_in_loop(Aliasing::in_place));
}

TEST(KernelBuilder, AlignmentFollowsFromOperandAndFactors) {
  auto target = ir::target_for(ir::IsaLevel::baseline);
  EmittedModule module = testing::emit_kernel(target, [&](KernelBuilder& k) {
    k.begin_tasks([&](Index task) {
      k.store(k.operand(1), task * 4, k.load(k.operand(0), task * 8 + 4));
      k.store(k.operand(1), task * 4 + 400, k.load(k.operand(0), task * 3));
    });
  });
  std::string assembly = assembly_text(module, target);
  EXPECT_EQ(count_of("movaps", assembly), 3u);
  EXPECT_EQ(count_of("movups", assembly), 1u);
}

TEST(KernelBuilder, NoReassociationAndNoContraction) {
  auto target = ir::target_for(ir::IsaLevel::v4);
  EmittedModule module = testing::emit_kernel(target, [&](KernelBuilder& k) {
    k.begin_tasks([&](Index task) {
      F32 x = k.load(k.operand(0), task * 16);
      F32 sum = x * x;
      for (int i = 0; i < 4; ++i) sum = sum + x * x;
      k.store(k.operand(1), task * 16, sum);
    });
  });
  std::string assembly = assembly_text(module, target);
  EXPECT_THAT(assembly, ::testing::Not(::testing::HasSubstr("vfmadd")));
  EXPECT_EQ(count_of("vaddps", assembly), 4u);
}

// Whatever an emitter uses, its object needs nothing that a standalone product lacks.
TEST(KernelBuilder, ObjectsCallOnlyTheRuntime) {
  for (ir::IsaLevel level : testing::all_levels()) {
    const ir::Target target = ir::target_for(level);
    EmittedModule module = testing::emit_kernel(target, [](KernelBuilder& k) {
      Pointer x = k.operand(0), y = k.operand(1), bytes = k.operand(2, ElementType::u8);
      k.begin_tasks([&](Index task) {
        Index n = k.scalar(0);
        Mask mask = k.first_lanes(n);
        k.store(y, task, k.load(x, task, mask) + k.load_u8(bytes, task), mask);
        k.store_strided(y, task, n, k.load_strided(x, task, n, mask), mask);
        k.store_i32(k.operand(3, ElementType::i32), task, as_signed(mul_hi(k.lane_numbers(), k.u32(77))));
        k.for_range(0, n, 1, [&](Index i) { k.store(y, i, k.zero(1)); });       // a memset in disguise
        k.for_range(0, n, 1, [&](Index i) { k.store(y, i, k.load(x, i, 1)); }); // a memcpy in disguise
        k.store(y, task / n % n, to_float(task % 7));
        k.copy(y, x, n);
        k.fill_zero(x, n);
      });
    });
    const ObjectFile object = compile(module, target);
    for (const std::string& symbol : undefined_symbols(object))
      EXPECT_THAT(symbol, ::testing::AnyOf("memcpy", "memset", "memmove", "_GLOBAL_OFFSET_TABLE_"))
          << ir::name_of(level);
  }
}

TEST(KernelBuilder, MistakesOfEmittersAreReported) {
  auto emit = [](const testing::Emit& mistake) {
    return [mistake] { testing::emit_kernel(ir::target_for(ir::IsaLevel::v4), mistake); };
  };
  EXPECT_THROW(emit([](KernelBuilder& k) { k.zero(4) + k.zero(8); })(), CodegenError);
  EXPECT_THROW(emit([](KernelBuilder& k) { k.zero() + F32{}; })(), CodegenError);
  EXPECT_THROW(emit([](KernelBuilder& k) { F32{} + k.zero(); })(), CodegenError);
  EXPECT_THROW(emit([](KernelBuilder& k) { extract(k.zero(4), 4); })(), CodegenError);
  EXPECT_THROW(emit([](KernelBuilder& k) { k.load(Pointer{}, 0); })(), CodegenError);
  EXPECT_THROW(emit([](KernelBuilder& k) { k.load(k.operand(0), Index{}); })(), CodegenError);
  EXPECT_THROW(emit([](KernelBuilder& k) { k.store(k.operand(0), 0, F32{}); })(), CodegenError);
  EXPECT_THROW(emit([](KernelBuilder& k) { k.if_(Condition{}, [] {}); })(), CodegenError);
  EXPECT_THROW(emit([](KernelBuilder& k) { k.for_range(0, Index{}, 1, [](Index) {}); })(), CodegenError);
  EXPECT_THROW(emit([](KernelBuilder& k) { k.load(k.operand(0, ElementType::u8), 0); })(), CodegenError);
  EXPECT_THROW(emit([](KernelBuilder& k) { k.operand(0), k.operand(0, ElementType::u8); })(), CodegenError);
  EXPECT_THROW(emit([](KernelBuilder& k) { k.variable(k.zero(4)).set(k.zero(8)); })(), CodegenError);
  EXPECT_THROW(emit([](KernelBuilder& k) {
                 Variable<F32>().get();
                 (void)k;
               })(),
               CodegenError);
  EXPECT_THROW(emit([](KernelBuilder& k) { k.for_range(0, 4, 0, [](Index) {}); })(), CodegenError);
  EXPECT_THROW(emit([](KernelBuilder& k) { k.begin_tasks([](Index) {}), k.begin_tasks([](Index) {}); })(),
               CodegenError);
  EXPECT_THROW(emit([](KernelBuilder& k) { // a value used outside the loop that defines it
                 Index inside;
                 k.for_range(0, 4, 1, [&](Index i) { inside = i * 2; });
                 k.store(k.operand(0), inside, k.zero());
               })(),
               CodegenError);
}

} // namespace
} // namespace kiln::codegen
