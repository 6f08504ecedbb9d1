// Objects linked and run in this process: drivers with their kernels, parallel compilation, and what goes wrong.
#include "codegen/driver_builder.h"
#include "codegen/jit.h"
#include "tests/codegen/kernel_harness.h"

namespace kiln::codegen {
namespace {

using testing::Buffer;

// What the driver calls, with a record of it.
struct Trace {
  std::vector<int64_t> tasks;
  std::vector<int32_t> hooks;
};

void record_hook(void* context, int32_t step) { static_cast<Trace*>(context)->hooks.push_back(step); }

void run_in_two_halves(const kiln_call* call, kiln_kernel kernel, const kiln_kernel_args* args, int64_t tasks) {
  static_cast<Trace*>(call->pool)->tasks.push_back(tasks);
  kernel(args, tasks / 2, tasks, call->scratch);
  kernel(args, 0, tasks / 2, call->scratch);
}

std::vector<JitSymbol> test_symbols() {
  return {{"kiln_parallel_for", reinterpret_cast<void*>(&run_in_two_halves)},
          {"memset", reinterpret_cast<void*>(static_cast<void* (*)(void*, int, size_t)>(&std::memset))}};
}

// y = x * (scalar 0) + (scalar 1), a task a vector.
EmittedModule affine_kernel(const std::string& name, const ir::Target& target) {
  EmittedModule module(name);
  KernelBuilder k(module, name, target);
  Pointer x = k.operand(0), y = k.operand(1);
  F32 scale = broadcast(to_float(k.scalar(0)), k.width()), shift = broadcast(to_float(k.scalar(1)), k.width());
  k.begin_tasks([&](Index task) {
    Index at = task * k.width();
    k.store(y, at, mul_add(k.load(x, at), scale, shift));
  });
  k.finish();
  return module;
}

ObjectCache no_cache() { return ObjectCache(""); }

class JitRun : public testing::LevelTest {};

TEST_P(JitRun, DriverRunsItsLaunchesInOrder) {
  const int64_t width = target().vector_width;
  std::vector<EmittedModule> modules;
  modules.push_back(affine_kernel("first", target()));
  modules.push_back(affine_kernel("second", target()));
  EmittedModule driver("driver");
  // b = 2 a + 1; then, in one step, c = 3 b - 4 and d = 5 c.
  build_driver(driver, {"train_step"},
               {{{{"first", {0, 1}, {2, 1}, 6}}}, {{{"second", {1, 2}, {3, -4}, 6}, {"first", {2, 3}, {5, 0}, 6}}}},
               target());
  modules.push_back(std::move(driver));
  Jit jit(test_symbols());
  for (const ObjectFile& object : compile_all(modules, target(), 2, no_cache()).objects) jit.add(object);

  auto count = static_cast<size_t>(6 * width);
  Buffer<float> a(count), b(count), c(count), d(count);
  for (size_t i = 0; i < count; ++i) a[i] = static_cast<float>(i);
  void* buffers[] = {a.data(), b.data(), c.data(), d.data()};
  Trace trace;
  kiln_call call{};
  call.abi_version = KILN_ABI_VERSION;
  call.buffers = buffers;
  call.pool = &trace;
  kiln_entry entry = jit.entry("train_step");
  EXPECT_EQ(entry(&call), KILN_OK);
  for (size_t i = 0; i < count; ++i) ASSERT_EQ(d[i], 5 * (3 * (2 * a[i] + 1) - 4));
  EXPECT_EQ(trace.tasks, (std::vector<int64_t>{6, 6, 6}));
  EXPECT_TRUE(trace.hooks.empty());

  call.hook = record_hook;
  call.hook_context = &trace;
  EXPECT_EQ(entry(&call), KILN_OK);
  EXPECT_EQ(trace.hooks, (std::vector<int32_t>{0, 1}));

  d[0] = -1;
  call.abi_version = KILN_ABI_VERSION + 1;
  EXPECT_EQ(entry(&call), KILN_WRONG_ABI);
  EXPECT_EQ(d[0], -1);
}

INSTANTIATE_TEST_SUITE_P(Levels, JitRun, ::testing::ValuesIn(testing::all_levels()), testing::level_name);

TEST(Jit, SeesOnlyTheSymbolsItIsGiven) {
  auto target = ir::target_for(ir::IsaLevel::baseline);
  std::vector<EmittedModule> modules;
  EmittedModule driver("driver");
  build_driver(driver, {"evaluate"}, {{{{"getenv", {}, {}, 1}}}}, target); // a name of the process, not of Kiln
  Jit jit(test_symbols());
  jit.add(compile(driver, target));
  try {
    jit.address("evaluate");
    FAIL() << "linked against a symbol of the process";
  } catch (const CodegenError& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("getenv"));
  }
  EXPECT_THROW(jit.address("no_such_function"), CodegenError);
}

TEST(Jit, RefusesWhatIsNoObject) {
  Jit jit(test_symbols());
  EXPECT_THROW(
      {
        jit.add({"garbage", "this is not an ELF file"});
        jit.address("anything");
      },
      CodegenError);
}

TEST(Jit, RefusesASymbolTwice) {
  auto target = ir::target_for(ir::IsaLevel::baseline);
  EmittedModule one = affine_kernel("same", target), two = affine_kernel("same", target);
  Jit jit(test_symbols());
  jit.add(compile(one, target));
  EXPECT_THROW(jit.add(compile(two, target)), CodegenError);
}

TEST(Compile, ObjectsDoNotDependOnThreads) {
  for (auto level : testing::all_levels()) {
    auto target = ir::target_for(level);
    auto emit = [&] {
      std::vector<EmittedModule> modules;
      for (int i = 0; i < 9; ++i) modules.push_back(affine_kernel("kernel" + std::to_string(i), target));
      return modules;
    };
    std::vector<EmittedModule> alone = emit(), shared = emit();
    const std::vector<ObjectFile> expected = compile_all(alone, target, 1, no_cache()).objects;
    const std::vector<ObjectFile> objects = compile_all(shared, target, 4, no_cache()).objects;
    for (size_t i = 0; i < objects.size(); ++i) {
      EXPECT_EQ(objects[i].name, "kernel" + std::to_string(i));
      EXPECT_EQ(objects[i].bytes, expected[i].bytes);
    }
  }
}

TEST(Compile, FeaturesFollowFromTheLevelAlone) {
  EXPECT_EQ(cpu_name(ir::target_for(ir::IsaLevel::v4)), "x86-64-v4");
  EXPECT_EQ(feature_string(ir::target_for(ir::IsaLevel::baseline)), "+sse,+sse2");
  std::string v3 = feature_string(ir::target_for(ir::IsaLevel::v3));
  EXPECT_THAT(v3, ::testing::HasSubstr("+fma"));
  EXPECT_THAT(v3, ::testing::Not(::testing::HasSubstr("avx512")));
}

TEST(Driver, RefusesIncompleteLaunches) {
  auto target = ir::target_for(ir::IsaLevel::baseline);
  auto build = [&](Launch launch) {
    EmittedModule module("driver");
    build_driver(module, {"train_step"}, {{{std::move(launch)}}}, target);
  };
  EXPECT_THROW(build({"kernel", {0}, {}, 0}), CodegenError);
  EXPECT_THROW(build({"kernel", {-1}, {}, 1}), CodegenError);
  EXPECT_THROW(build({"kiln_parallel_for", {0}, {}, 1}), CodegenError);
}

} // namespace
} // namespace kiln::codegen
