// A hand-written "compiled" program run by Instance: states, buffers, hooks, threads, and what the debug arena catches.
#include "runtime/instance.h"

#include "runtime/counter_random.h"
#include "runtime/error.h"
#include "runtime/layout.h"
#include "runtime/vector_math.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace kiln::runtime {
namespace {

kiln_tensor vector_tensor(const char* name, int64_t count) {
  kiln_tensor tensor = {};
  tensor.name = name;
  tensor.dtype = KILN_F32;
  tensor.rank = 1;
  tensor.dims[0] = count;
  tensor.layout = plain_layout();
  tensor.bytes = count * 4;
  return tensor;
}

// What the emitted code of the test does wrong, if anything.
enum class Fault { none, write_past_end, read_dead, read_before_written, scratch_past_end, input_past_end, status };

// y = w * x + c over 100 elements, in two steps through a temporary, then a sum of the inputs through scratch.
// Buffers: 0 x, 1 w (state), 2 c (constant), 3 t (arena, steps 0-1), 4 u (arena, steps 1-2), 5 y, 6 s.
constexpr int64_t elements = 100;

void multiply_kernel(const kiln_kernel_args* args, int64_t begin, int64_t end, void*) {
  const auto* x = static_cast<const float*>(args->operands[0]);
  const auto* w = static_cast<const float*>(args->operands[1]);
  auto* t = static_cast<float*>(args->operands[3]);
  for (int64_t i = begin; i < end; ++i) t[i] = x[i] * w[i];
}

void scratch_kernel(const kiln_kernel_args* args, int64_t begin, int64_t end, void* scratch) {
  auto* mine = static_cast<float*>(scratch);
  const auto* u = static_cast<const float*>(args->operands[4]);
  const auto* c = static_cast<const float*>(args->operands[2]);
  auto* y = static_cast<float*>(args->operands[5]);
  for (int64_t i = begin; i < end; ++i) {
    mine[i % 16] = u[i] + c[i];
    y[i] = mine[i % 16];
  }
}

void scratch_past_end_kernel(const kiln_kernel_args*, int64_t, int64_t, void* scratch) {
  static_cast<volatile float*>(scratch)[16] = 1;
}

template <Fault fault> int32_t entry(const kiln_call* call) {
  if (call->abi_version != KILN_ABI_VERSION) return KILN_WRONG_ABI;
  if (fault == Fault::status) return 7;
  const kiln_kernel_args args = {call->buffers, nullptr, call};
  auto* const* buffers = reinterpret_cast<float* const*>(call->buffers);
  const auto done = [&](int32_t step) {
    if (call->hook) call->hook(call->hook_context, step);
  };

  kiln_parallel_for(call, multiply_kernel, &args, elements);
  if (fault == Fault::write_past_end) const_cast<volatile float*>(buffers[3])[112] = 1; // 100 rounded up to 16
  if (fault == Fault::read_before_written) buffers[6][0] = const_cast<volatile float*>(buffers[4])[0];
  done(0);

  for (int i = 0; i < elements; ++i) buffers[4][i] = buffers[3][i];
  done(1);

  if (fault == Fault::read_dead) buffers[5][0] = const_cast<volatile float*>(buffers[3])[0];
  if (fault == Fault::input_past_end) buffers[5][0] = const_cast<volatile float*>(buffers[0])[112];
  kiln_parallel_for(call, fault == Fault::scratch_past_end ? scratch_past_end_kernel : scratch_kernel, &args, elements);
  float sum = 0;
  for (int i = 0; i < elements; ++i) sum += buffers[0][i];
  buffers[6][0] = sum + static_cast<float>(call->step) + static_cast<float>(call->seed);
  volatile float tiny = 0x1p-126f;
  buffers[6][1] = tiny * 0.5f;
  done(2);
  return KILN_OK;
}

// Owns a description; tests change it before making an Instance.
struct TestProgram {
  alignas(64) float constant[112] = {};
  std::vector<kiln_state> states;
  kiln_tensor inputs[1];
  kiln_tensor outputs[2];
  std::vector<kiln_buffer> buffers;
  kiln_step steps[3] = {{"a", "mul", "k", "a", 0, 0}, {"b", "copy", "k", "b", 0, 0}, {"c", "add", "k", "c", 0, 0}};
  kiln_function function = {};
  kiln_program program = {};

  explicit TestProgram(Fault fault = Fault::none) {
    for (int i = 0; i < elements; ++i) constant[i] = 0.25f * static_cast<float>(i);
    states.push_back({vector_tensor("w", elements), KILN_PARAMETER, {KILN_INIT_CONSTANT, 2, 0}, 1, 0, nullptr});
    states.push_back({vector_tensor("c", elements), KILN_CONSTANT, {}, 0, 0, constant});
    inputs[0] = vector_tensor("x", elements);
    outputs[0] = vector_tensor("y", elements);
    outputs[1] = vector_tensor("s", 2);
    buffers = {{KILN_BUFFER_INPUT, 0, 0, 400, 0, 0},   {KILN_BUFFER_STATE, 0, 0, 400, 0, 0},
               {KILN_BUFFER_STATE, 1, 0, 400, 0, 0},   {KILN_BUFFER_ARENA, 0, 0, 400, 0, 1},
               {KILN_BUFFER_ARENA, 0, 448, 400, 1, 2}, {KILN_BUFFER_OUTPUT, 0, 0, 400, 0, 0},
               {KILN_BUFFER_OUTPUT, 1, 0, 8, 0, 0}};
    function.name = "predict";
    switch (fault) {
    case Fault::none:
      function.entry = entry<Fault::none>;
      break;
    case Fault::write_past_end:
      function.entry = entry<Fault::write_past_end>;
      break;
    case Fault::read_dead:
      function.entry = entry<Fault::read_dead>;
      break;
    case Fault::read_before_written:
      function.entry = entry<Fault::read_before_written>;
      break;
    case Fault::scratch_past_end:
      function.entry = entry<Fault::scratch_past_end>;
      break;
    case Fault::input_past_end:
      function.entry = entry<Fault::input_past_end>;
      break;
    case Fault::status:
      function.entry = entry<Fault::status>;
      break;
    }
    function.batch = 4;
    function.inputs = inputs;
    function.input_count = 1;
    function.outputs = outputs;
    function.output_count = 2;
    function.steps = steps;
    function.step_count = 3;
    function.arena_bytes = 896;
    function.scratch_bytes = 64;
    program.abi_version = KILN_ABI_VERSION;
    program.name = "test";
    program.plan_hash = "";
    program.isa = "x86-64";
    program.functions = &function;
    program.function_count = 1;
  }

  const kiln_program& get() {
    function.buffers = buffers.data();
    function.buffer_count = static_cast<int32_t>(buffers.size());
    program.states = states.data();
    program.state_count = static_cast<int32_t>(states.size());
    return program;
  }
};

struct Result {
  std::vector<float> y;
  float s[2];
};

Result run_once(Instance& instance) {
  std::vector<float> x(elements);
  for (int i = 0; i < elements; ++i) x[static_cast<size_t>(i)] = static_cast<float>(i);
  Result result{std::vector<float>(elements), {}};
  const void* inputs[] = {x.data()};
  void* outputs[] = {result.y.data(), result.s};
  const kiln_function* function = instance.find("predict", 4);
  EXPECT_NE(function, nullptr);
  instance.run(*function, inputs, outputs, 1000, 50);
  return result;
}

class InstanceModes : public ::testing::TestWithParam<std::tuple<int, bool>> {
protected:
  Instance::Options options() const { return {std::get<0>(GetParam()), std::get<1>(GetParam())}; }
};
INSTANTIATE_TEST_SUITE_P(ThreadsAndArena, InstanceModes,
                         ::testing::Combine(::testing::Values(1, 2, 5), ::testing::Bool()));

TEST_P(InstanceModes, RunsAProgram) {
  TestProgram description;
  Instance instance(description.get(), options());
  instance.initialize(3);
  for (int round = 0; round < 3; ++round) {
    const Result result = run_once(instance);
    for (int i = 0; i < elements; ++i) ASSERT_EQ(result.y[static_cast<size_t>(i)], 2.25f * static_cast<float>(i));
    EXPECT_EQ(result.s[0], 4950.0f + 1050.0f);
    EXPECT_EQ(result.s[1], 0.0f) << "denormals are flushed in emitted code";
  }
  EXPECT_EQ(instance.find("predict", 5), nullptr);
  EXPECT_EQ(instance.find("train_step", 4), nullptr);
  EXPECT_EQ(instance.find_state("c"), 1);
  EXPECT_EQ(instance.find_state("d"), -1);
}

TEST_P(InstanceModes, HookSeesEveryStepAndTheBuffers) {
  TestProgram description;
  Instance instance(description.get(), options());
  instance.initialize(3);
  struct Seen {
    Instance& instance;
    std::vector<int32_t> steps;
    float t_after_first = 0;
    float u_after_last = 0;
  } seen{instance, {}, 0, 0};
  instance.set_step_hook(
      [](void* context, int32_t step) {
        auto& s = *static_cast<Seen*>(context);
        s.steps.push_back(step);
        if (step == 0) s.t_after_first = static_cast<const float*>(s.instance.buffer(3))[10];
        if (step == 2) s.u_after_last = static_cast<const float*>(s.instance.buffer(4))[10];
      },
      &seen);
  run_once(instance);
  EXPECT_EQ(seen.steps, (std::vector<int32_t>{0, 1, 2}));
  EXPECT_EQ(seen.t_after_first, 20.0f);
  EXPECT_EQ(seen.u_after_last, 20.0f);
  instance.set_step_hook(nullptr, nullptr);
  run_once(instance);
  EXPECT_EQ(seen.steps.size(), 3u);
}

TEST_P(InstanceModes, StatesRoundTrip) {
  TestProgram description;
  Instance instance(description.get(), options());
  std::vector<float> w(elements, -1.0f);
  instance.read_state(0, w.data());
  EXPECT_EQ(w, std::vector<float>(elements, 0.0f));
  for (int i = 0; i < elements; ++i) w[static_cast<size_t>(i)] = static_cast<float>(i * i);
  instance.write_state(0, w.data());
  std::vector<float> back(elements);
  instance.read_state(0, back.data());
  EXPECT_EQ(back, w);
  instance.read_state(1, back.data());
  EXPECT_EQ(back[4], 1.0f);
  EXPECT_THROW(instance.write_state(1, w.data()), Error);
}

TEST(Instance, InitialValuesDependOnLogicalIndexOnly) {
  TestProgram description;
  description.states.resize(1);
  description.buffers.clear();
  const auto values = [&](bool blocked, kiln_initializer_kind kind, uint64_t seed) {
    kiln_tensor& t = description.states[0].tensor;
    t = vector_tensor("w", 0);
    t.rank = 4;
    const int64_t dims[] = {20, 3, 5, 5};
    std::copy(dims, dims + 4, t.dims);
    if (blocked) {
      t.layout.block_count = 2;
      t.layout.blocks[0] = {1, 4};
      t.layout.blocks[1] = {0, 16};
    }
    t.bytes = physical_bytes(t);
    description.states[0].initializer = {kind, -0.5f, 2.0f};
    description.states[0].stream = random::stream_id("conv1.weight");
    Instance instance(description.get(), {2, false});
    instance.initialize(seed);
    std::vector<float> logical(1500);
    instance.read_state(0, logical.data());
    return logical;
  };
  const std::vector<float> uniform = values(false, KILN_INIT_UNIFORM, 7);
  EXPECT_EQ(uniform, values(true, KILN_INIT_UNIFORM, 7));
  EXPECT_NE(uniform, values(false, KILN_INIT_UNIFORM, 8));
  const uint64_t key = random::stream_key(uint64_t{7}, uint64_t{0}, random::stream_id("conv1.weight"));
  for (const uint64_t i : {0, 1, 777, 1499}) {
    EXPECT_EQ(uniform[i], -0.5f + 2.5f * random::uniform(random::draw(key, i)));
  }
  const std::vector<float> normal = values(false, KILN_INIT_NORMAL, 7);
  EXPECT_EQ(normal, values(true, KILN_INIT_NORMAL, 7));
  for (const uint64_t i : {0, 1, 777, 1499}) EXPECT_EQ(normal[i], -0.5f + 2.0f * math::draw_normal(key, i));
}

TEST(Instance, AlignedCallerMemoryIsUsedInPlace) {
  TestProgram description;
  description.inputs[0].dims[0] = 112;
  description.inputs[0].bytes = 448;
  Instance instance(description.get(), {1, false});
  alignas(64) static float x[128];
  float y[elements], s[2];
  struct Seen {
    Instance& instance;
    const void* x = nullptr;
  } seen{instance};
  instance.set_step_hook(
      [](void* context, int32_t) { static_cast<Seen*>(context)->x = static_cast<Seen*>(context)->instance.buffer(0); },
      &seen);
  const void* inputs[] = {x};
  void* outputs[] = {y, s};
  const int64_t before = instance.memory_bytes();
  instance.run(*instance.find("predict", 4), inputs, outputs, 0, 0);
  EXPECT_EQ(seen.x, x);
  const int64_t after = instance.memory_bytes();
  EXPECT_EQ(after - before, 448 + 64) << "copies of y and s only";
  inputs[0] = x + 1;
  instance.run(*instance.find("predict", 4), inputs, outputs, 0, 0);
  EXPECT_NE(seen.x, x + 1);
  instance.run(*instance.find("predict", 4), inputs, outputs, 0, 0);
  EXPECT_EQ(instance.memory_bytes(), after + 448) << "one copy, kept";
}

TEST(Instance, MemoryIsWhatTheDescriptionSays) {
  TestProgram description;
  const Instance one(description.get(), {1, false});
  const Instance three(description.get(), {3, false});
  // w; c is 400 bytes, no multiple of 64, and copied; arena; scratch.
  EXPECT_EQ(one.memory_bytes(), 448 + 448 + 896 + 64);
  EXPECT_EQ(three.memory_bytes() - one.memory_bytes(), 2 * 64);
}

template <class Change> std::string refusal(Change&& change, ErrorKind* kind = nullptr) {
  TestProgram description;
  change(description);
  try {
    Instance instance(description.get(), {1, false});
    instance.initialize(1);
    run_once(instance);
  } catch (const Error& error) {
    if (kind) *kind = error.kind;
    return error.message;
  }
  return "accepted";
}

TEST(Instance, RefusesWhatDoesNotFit) {
  ErrorKind kind = ErrorKind::runtime;
  EXPECT_EQ(refusal([](TestProgram&) {}), "accepted");
  EXPECT_NE(refusal([](TestProgram& p) { p.program.abi_version = 99; }, &kind).find("interface 99"), std::string::npos);
  EXPECT_EQ(kind, ErrorKind::unsupported);
  EXPECT_NE(refusal([](TestProgram& p) { p.program.isa = "v9"; }).find("v9"), std::string::npos);
  EXPECT_NE(refusal([](TestProgram& p) { p.buffers[4].offset = 384; }).find("overlaps buffer 3"), std::string::npos);
  EXPECT_NE(refusal([](TestProgram& p) { p.buffers[4].offset = 512; }).find("outside the arena"), std::string::npos);
  EXPECT_NE(refusal([](TestProgram& p) { p.buffers[4].offset = 450; }).find("not aligned"), std::string::npos);
  EXPECT_NE(refusal([](TestProgram& p) { p.buffers[3].last_step = 3; }).find("lifetime"), std::string::npos);
  EXPECT_NE(refusal([](TestProgram& p) { p.buffers[1].index = 2; }).find("out of range"), std::string::npos);
  EXPECT_NE(refusal([](TestProgram& p) { p.buffers[6].bytes = 128; }).find("larger than its tensor"),
            std::string::npos);
  // A constant without data is written before the first run, as an inference binary does.
  EXPECT_EQ(refusal([](TestProgram& p) { p.states[1].data = nullptr; }), "accepted");
  EXPECT_NE(refusal([](TestProgram& p) { p.function.input_count = 0; }), "accepted");
  EXPECT_NE(refusal([](TestProgram& p) { p.function.entry = entry<Fault::status>; }).find("status 7"),
            std::string::npos);
}

TEST(Instance, AStepMayOverwriteAnOperandItReadsLast) {
  EXPECT_EQ(refusal([](TestProgram& p) { p.buffers[4].offset = 0; }), "accepted");
  EXPECT_NE(refusal([](TestProgram& p) {
              p.buffers[4].offset = 0;
              p.buffers[3].last_step = 2;
            }).find("overlaps"),
            std::string::npos);
}

TEST(Instance, CallsWithWrongArgumentsAreRefused) {
  TestProgram description;
  Instance instance(description.get(), {1, false});
  float y[elements];
  void* outputs[] = {y};
  EXPECT_THROW(instance.run(description.function, {}, outputs, 0, 0), Error);
  const kiln_function foreign = description.function;
  EXPECT_THROW(instance.run(foreign, {}, {}, 0, 0), Error);
}

// In the debug arena each of these faults at the access itself.
class DebugArenaDeathTest : public ::testing::TestWithParam<Fault> {};
INSTANTIATE_TEST_SUITE_P(Faults, DebugArenaDeathTest,
                         ::testing::Values(Fault::write_past_end, Fault::read_dead, Fault::read_before_written,
                                           Fault::scratch_past_end, Fault::input_past_end));

TEST_P(DebugArenaDeathTest, FaultsAreCaught) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  for (const int threads : {1, 2}) {
    EXPECT_DEATH(
        {
          TestProgram description(GetParam());
          Instance instance(description.get(), {threads, true});
          instance.initialize(1);
          run_once(instance);
        },
        "");
  }
}

TEST(DebugArena, EverythingIsNanBeforeTheRun) {
  TestProgram description;
  static bool nan_everywhere;
  nan_everywhere = false;
  description.function.entry = [](const kiln_call* call) -> int32_t {
    const auto is_nan = [](const void* p, int i) { return std::isnan(static_cast<const float*>(p)[i]); };
    nan_everywhere = is_nan(call->buffers[3], 0) && is_nan(call->buffers[3], 99) && is_nan(call->buffers[5], 0) &&
                     is_nan(call->buffers[6], 1) && is_nan(call->scratch, 0) && is_nan(call->scratch, 15);
    static_cast<float*>(call->buffers[3])[0] = 1; // must be gone in the next run
    return KILN_OK;
  };
  Instance instance(description.get(), {2, true});
  for (int round = 0; round < 2; ++round) {
    nan_everywhere = false;
    const Result result = run_once(instance);
    EXPECT_TRUE(nan_everywhere);
    EXPECT_TRUE(std::isnan(result.y[0])) << "an output never written is seen";
  }
}

} // namespace
} // namespace kiln::runtime
