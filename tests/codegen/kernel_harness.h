// Emits one kernel, compiles it for a level and runs it in this process, for the tests of codegen.
#pragma once

#include "codegen/host_cpu.h"
#include "codegen/jit.h"
#include "codegen/kernel_builder.h"
#include "codegen/optimize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace kiln::codegen::testing {

using Emit = std::function<void(KernelBuilder&)>;

inline EmittedModule emit_kernel(const ir::Target& target, const Emit& emit) {
  EmittedModule module("kernel");
  KernelBuilder kernel(module, "kernel", target);
  emit(kernel);
  kernel.finish();
  return module;
}

// A buffer as the runtime gives them: 64-byte aligned, a multiple of 64 bytes long.
template <typename T> class Buffer {
public:
  explicit Buffer(size_t count, T value = T{})
      : count_(count), bytes_((count * sizeof(T) + 63) / 64 * 64),
        data_(static_cast<T*>(::operator new(bytes_, std::align_val_t(64)))) {
    for (size_t i = 0; i < bytes_ / sizeof(T); ++i) data_.get()[i] = value;
  }
  T& operator[](size_t i) { return data_.get()[i]; }
  T* data() { return data_.get(); }
  size_t size() const { return count_; }

private:
  struct Free {
    void operator()(T* data) const { ::operator delete(data, std::align_val_t(64)); }
  };
  size_t count_;
  size_t bytes_;
  std::unique_ptr<T, Free> data_;
};

class CompiledKernel {
public:
  CompiledKernel(const ir::Target& target, const Emit& emit) {
    EmittedModule module = emit_kernel(target, emit);
    jit_.add(compile(module, target));
    kernel_ = jit_.kernel("kernel");
  }

  void run(std::vector<void*> operands, std::vector<int64_t> scalars = {}, int64_t begin = 0, int64_t end = 1) {
    kiln_kernel_args args{operands.data(), scalars.data(), &call};
    Buffer<float> scratch(4096);
    kernel_(&args, begin, end, scratch.data());
  }

  kiln_call call{};

private:
  Jit jit_;
  kiln_kernel kernel_ = nullptr;
};

inline std::vector<ir::IsaLevel> all_levels() {
  return {ir::IsaLevel::baseline, ir::IsaLevel::v2, ir::IsaLevel::v3, ir::IsaLevel::v4};
}

// A test over the levels; run time is skipped for those this machine lacks.
class LevelTest : public ::testing::TestWithParam<ir::IsaLevel> {
protected:
  void SetUp() override {
    if (GetParam() > host_isa_level()) GTEST_SKIP() << "this machine lacks " << ir::name_of(GetParam());
  }
  ir::Target target() const { return ir::target_for(GetParam()); }
};

inline std::string level_name(const ::testing::TestParamInfo<ir::IsaLevel>& info) {
  return info.param == ir::IsaLevel::baseline ? "baseline" : std::string(ir::name_of(info.param));
}

} // namespace kiln::codegen::testing
