// The probe kernel and its clock.
#include "codegen/fma_probe.h"

#include "codegen/kernel_builder.h"

#include <chrono>
#include <vector>

namespace kiln::codegen {

namespace {

constexpr const char* kSymbol = "kiln_fma_probe";
constexpr int64_t kRounds = 15000;      // of all sums, a task
constexpr int32_t kTasksPerThread = 16; // so that threads that start late do less
constexpr int64_t kOutputStride = 16;   // floats: tasks write cache lines of their own

// 4 cycles of latency on 2 units ask for 8 sums, mul and add apart for 16; the rest hides loop control. Two registers
// hold the factors.
int32_t sum_count(const ir::Target& target) { return target.vector_registers >= 32 ? 24 : 12; }

EmittedModule emit(const ir::Target& target) {
  EmittedModule module("fma probe");
  KernelBuilder kernel(module, kSymbol, target);
  const Pointer factors = kernel.operand(0);
  const Pointer results = kernel.operand(1);
  kernel.begin_tasks([&](Index task) {
    // From memory, so that nothing can be computed at compile time.
    const F32 factor = kernel.load_broadcast(factors, int64_t{0});
    const F32 term = kernel.load_broadcast(factors, int64_t{1});
    std::vector<Variable<F32>> sums;
    for (int32_t i = 0; i < sum_count(target); ++i)
      sums.push_back(kernel.variable(kernel.f32(static_cast<float>(i + 1))));
    kernel.for_range(0, kRounds, 1, [&](Index) {
      for (const Variable<F32>& sum : sums) sum.set(mul_add(sum.get(), factor, term));
    });
    F32 total = sums[0].get();
    for (size_t i = 1; i < sums.size(); ++i) total = total + sums[i].get();
    kernel.store(results, task * kOutputStride, sum_lanes(total));
  });
  kernel.finish();
  return module;
}

} // namespace

FmaProbe::FmaProbe(const ir::Target& target) : flops_per_task_(2 * kRounds * sum_count(target) * target.vector_width) {
  EmittedModule module = emit(target);
  jit_.add(compile(module, target));
  kernel_ = jit_.kernel(kSymbol);
}

double FmaProbe::measure(void* pool, int32_t threads) {
  const int64_t tasks = int64_t{kTasksPerThread} * threads;
  struct alignas(KILN_BUFFER_ALIGNMENT) Line {
    float values[kOutputStride];
  };
  Line factors{{0.999f, 0.001f}};
  std::vector<Line> results(static_cast<size_t>(tasks));
  void* operands[] = {&factors, results.data()};
  kiln_call call{};
  call.abi_version = KILN_ABI_VERSION;
  call.pool = pool;
  const kiln_kernel_args args{operands, nullptr, &call};
  const auto start = std::chrono::steady_clock::now();
  kiln_parallel_for(&call, kernel_, &args, tasks);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  return static_cast<double>(flops_per_task_ * tasks) / elapsed.count();
}

} // namespace kiln::codegen
