// The convolution emitters over shapes large enough to reach all of their code: several tiles and tasks, pieces, sets
// that share a source, fused epilogues (op_shapes_test has the small shapes and their semantics). Buffers end at a
// guard page and start as NaN, so that a read past the end dies and a read of what nobody wrote shows.
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <limits>
#include <random>
#include <regex>

#include "codegen/emitter.h"
#include "ir/all_ops.h"
#include "tests/codegen/kernel_harness.h"

namespace kiln::codegen {
namespace {

using ir::Dims;
using ir::Kernel;

// f32s, as many as asked for up to the next 64 bytes, right before a page that nobody may touch.
class GuardedBuffer {
public:
  explicit GuardedBuffer(int64_t bytes) {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t size = (static_cast<size_t>(bytes) + 63) / 64 * 64;
    mapped_ = (size + page - 1) / page * page + page;
    start_ = static_cast<char*>(mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (start_ == MAP_FAILED) throw std::bad_alloc();
    mprotect(start_ + mapped_ - page, page, PROT_NONE);
    data_ = reinterpret_cast<float*>(start_ + mapped_ - page - size);
    std::fill(reinterpret_cast<float*>(start_), reinterpret_cast<float*>(start_ + mapped_ - page),
              std::numeric_limits<float>::quiet_NaN());
  }
  GuardedBuffer(const GuardedBuffer&) = delete;
  GuardedBuffer& operator=(const GuardedBuffer&) = delete;
  ~GuardedBuffer() { munmap(start_, mapped_); }
  float* data() const { return data_; }

private:
  char* start_;
  float* data_;
  size_t mapped_;
};

// Every logical index of `dims`, in order.
template <class Body> void for_each_index(const Dims& dims, Body body) {
  Dims index(dims.size(), 0);
  for (int64_t i = 0;; ++i) {
    body(i, index);
    size_t d = dims.size();
    while (d-- > 0) {
      if (++index[d] < dims[d]) break;
      index[d] = 0;
    }
    if (d == static_cast<size_t>(-1)) return;
  }
}

ir::Tensor random_tensor(const Dims& dims, std::mt19937& generator) {
  ir::Tensor tensor(dims);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  for (double& x : tensor.data) x = uniform(generator);
  return tensor;
}

struct Shape {
  std::string name;
  int64_t samples, channels, rows, columns, outputs;
  ir::Size2 kernel;
  ir::ConvolutionWindow window;
  ir::Epilogue epilogue{};
};

// One node, run by its emitted kernels and by the reference.
template <class Op> class Case {
public:
  Case(const ir::Target& target, Kernel kernel, typename Op::Attributes attributes, const std::vector<Dims>& operands)
      : target_(target), attributes_(std::move(attributes)), function_(module_.add_function("case")) {
    std::vector<ir::Value*> values;
    for (size_t i = 0; i < operands.size(); ++i)
      values.push_back(&function_.add_input("operand" + std::to_string(i), {ir::DType::f32, operands[i], {}}));
    node_ = &function_.create(ir::info<Op>(), ir::Attributes::of(attributes_), values, "result");
    node_->kernel = kernel;
    const ir::LayoutDemand demand = ir::layout_demand(*node_, target);
    for (size_t i = 0; i < values.size(); ++i) values[i]->type.layout = demand.operands[i];
    node_->result().type.layout = demand.results[0];
  }

  void run(unsigned seed) {
    std::mt19937 generator(seed);
    std::vector<ir::Tensor> operands;
    std::vector<std::unique_ptr<GuardedBuffer>> buffers;
    ir::PlanStep step{node_, {}, {}, -1};
    auto add_buffer = [&](int64_t bytes) {
      buffers.push_back(std::make_unique<GuardedBuffer>(bytes));
      return static_cast<int32_t>(buffers.size() - 1);
    };
    for (const ir::Value* value : node_->operands()) {
      operands.push_back(random_tensor(value->type.dims, generator));
      step.operands.push_back(add_buffer(value->type.bytes()));
      float* data = buffers.back()->data();
      std::fill_n(data, value->type.physical_elements(), 0.0f);
      for_each_index(value->type.dims, [&](int64_t i, const Dims& index) {
        data[ir::physical_offset(value->type, index)] = static_cast<float>(operands.back()[i]);
      });
    }
    const ir::TensorType& type = node_->result().type;
    step.results.push_back(add_buffer(type.bytes()));
    if (const int64_t bytes = ir::workspace_bytes(*node_, target_); bytes > 0) step.workspace = add_buffer(bytes);

    Emission emission(step, target_);
    emit<Op>(emission);
    for (const Emission::LaunchRequest& launch : emission.launches()) {
      testing::CompiledKernel kernel(target_, launch.body);
      std::vector<void*> pointers;
      for (int32_t buffer : launch.buffers) pointers.push_back(buffers[static_cast<size_t>(buffer)]->data());
      // Any split and order of tasks gives the same.
      const int64_t half = launch.tasks / 2;
      kernel.run(pointers, launch.scalars, half, launch.tasks);
      kernel.run(pointers, launch.scalars, 0, half);
    }

    ir::Tensor expected(type.dims), bound(type.dims);
    evaluate(operands, expected);
    for (ir::Tensor& operand : operands)
      for (double& x : operand.data) x = std::fabs(x);
    evaluate(operands, bound);
    const float* got = buffers[static_cast<size_t>(step.results[0])]->data();
    for_each_index(type.dims, [&](int64_t i, const Dims& index) {
      if (::testing::Test::HasFatalFailure()) return; // one element tells
      const double value = static_cast<double>(got[ir::physical_offset(type, index)]);
      ASSERT_NEAR(value, expected[i], 1e-5 * (std::fabs(bound[i]) + 1))
          << "element " << i << ", kernel " << ir::name_of(node_->kernel);
    });
    // Padding lanes are exactly zero: what is not zero is a logical element.
    int64_t nonzero = 0, logical_nonzero = 0;
    for (int64_t i = 0; i < type.physical_elements(); ++i) nonzero += !(got[i] == 0.0f);
    for_each_index(type.dims, [&](int64_t, const Dims& index) {
      logical_nonzero += !(got[ir::physical_offset(type, index)] == 0.0f);
    });
    EXPECT_EQ(nonzero, logical_nonzero) << "padding lanes";
  }

  // Assembly of the node's launches.
  std::string assembly() const {
    ir::PlanStep step{node_, {}, {0}, 0};
    step.operands.resize(node_->operands().size());
    Emission emission(step, target_);
    emit<Op>(emission);
    std::string text;
    for (const Emission::LaunchRequest& launch : emission.launches())
      text += assembly_text(testing::emit_kernel(target_, launch.body), target_);
    return text;
  }

private:
  void evaluate(const std::vector<ir::Tensor>& operands, ir::Tensor& result) const {
    ir::EvaluationFrame frame;
    for (const ir::Tensor& operand : operands) frame.operands.push_back(&operand);
    frame.results = {&result};
    Op::evaluate(attributes_, frame);
  }

  const ir::Target target_;
  typename Op::Attributes attributes_;
  ir::Module module_;
  ir::Function& function_;
  ir::Node* node_;
};

std::vector<Shape> shapes(int64_t c) {
  const ir::EpilogueStep bias{ir::EpilogueKind::bias}, relu{ir::EpilogueKind::relu}, sigmoid{ir::EpilogueKind::sigmoid},
      leaky{ir::EpilogueKind::leaky_relu, 0.25};
  return {
      {"rows_over_tasks", 1, 2 * c, 24, 31, 2 * c, {3, 3}, {{1, 1}, {1, 1, 1, 1}}, {bias, relu}},
      {"seven_map", 3, 2 * c, 7, 7, 2 * c, {3, 3}, {{1, 1}, {1, 1, 1, 1}}, {bias, sigmoid}},
      {"two_map", 3, c + 1, 2, 2, c + 1, {3, 3}, {{1, 1}, {1, 1, 1, 1}}, {sigmoid}},
      {"lenet", 3, 1, 12, 12, c + 4, {5, 5}, {}, {bias}},
      {"tail_channels", 2, c + 5, 6, 10, 3 * c - 1, {5, 5}, {}, {leaky, bias}},
      {"stride_two_even", 1, c, 8, 30, c, {3, 3}, {{2, 2}, {0, 0, 1, 1}}},
      {"stride_beyond_kernel", 2, c, 7, 8, c, {1, 1}, {{2, 3}}},
      {"dilated_strided", 1, 2, 11, 13, 3, {3, 3}, {{2, 3}, {2, 2, 2, 2}, {2, 2}}},
      {"stride_three", 1, 3, 11, 12, c, {7, 5}, {{3, 3}, {2, 2, 2, 2}}},
      {"seven_filter", 1, 3, 14, 17, 2 * c, {7, 7}, {{2, 2}, {3, 3, 3, 3}}},
      {"groups", 2, 4 * c, 5, 6, 2 * c, {3, 3}, {{1, 1}, {1, 1, 1, 1}, {1, 1}, 2}, {bias}},
      {"groups_unaligned", 2, 6, 5, 6, 9, {3, 3}, {{1, 1}, {1, 1, 1, 1}, {1, 1}, 3}, {bias}},
      {"depthwise_rows", 1, 2 * c, 24, 31, 2 * c, {3, 3}, {{1, 1}, {1, 1, 1, 1}, {1, 1}, 2 * c}, {bias, relu}},
      {"depthwise_strided", 3, c + 3, 15, 14, c + 3, {3, 3}, {{2, 2}, {0, 0, 1, 1}, {1, 1}, c + 3}, {bias, sigmoid}},
      {"depthwise_seven", 2, c, 7, 7, c, {7, 5}, {{1, 1}, {3, 2, 3, 2}, {1, 1}, c}, {leaky}},
      {"depthwise_dilated", 19, 3, 9, 30, 3, {3, 3}, {{1, 1}, {2, 2, 2, 2}, {2, 2}, 3}},
      {"odd_blocks", 1, c, 4, 33, 3 * c, {3, 3}, {{1, 1}, {1, 1, 1, 1}}},
      {"weights_beyond_cache", 2, 144, 2, 2, 128, {3, 3}, {{1, 1}, {1, 1, 1, 1}}},
      {"many_blocks", 1, 8 * c, 5, 6, 16 * c, {3, 3}, {{2, 2}, {1, 1, 1, 1}}},
  };
}

class ConvolutionEmission : public testing::LevelTest {
protected:
  // Runs `body` with every shape and each kernel that can serve it.
  template <class Body> void for_shapes(bool with_first, Body body) const {
    const int64_t c = target().vector_width;
    for (const Shape& shape : shapes(c)) {
      SCOPED_TRACE(shape.name);
      const int64_t group = shape.window.group;
      const bool blocked = group == 1 || (shape.channels / group % c == 0 && shape.outputs / group % c == 0);
      // The plain kernel is the blocked one with blocks of one: the shapes of few channels are enough for it.
      if (!blocked || shape.channels <= 6) body(shape, Kernel::plain);
      if (blocked) body(shape, Kernel::blocked);
      if (group > 1 && group == shape.channels && group == shape.outputs) body(shape, Kernel::depthwise);
      if (with_first && group == 1 && shape.channels <= 4) body(shape, Kernel::first);
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
  static Dims source(const Shape& s) { return {s.samples, s.channels, s.rows, s.columns}; }
  static Dims weights(const Shape& s) { return {s.outputs, s.channels / s.window.group, s.kernel[0], s.kernel[1]}; }
  static Dims result(const Shape& s) {
    const ir::Size2 size = ir::window_of("test", s.window, s.kernel, {s.rows, s.columns}).output();
    return {s.samples, s.outputs, size[0], size[1]};
  }
};

TEST_P(ConvolutionEmission, Forward) {
  for_shapes(true, [&](const Shape& shape, Kernel kernel) {
    std::vector<Dims> operands = {source(shape), weights(shape)};
    for (int64_t i = 0; i < ir::operand_count(shape.epilogue); ++i) operands.push_back({shape.outputs});
    Case<ir::Conv2d>(target(), kernel, {shape.window, shape.epilogue}, operands).run(1);
  });
}

TEST_P(ConvolutionEmission, BackwardData) {
  for_shapes(false, [&](const Shape& shape, Kernel kernel) {
    Case<ir::Conv2dBackwardData>(target(), kernel, {shape.window, {shape.rows, shape.columns}},
                                 {weights(shape), result(shape)})
        .run(2);
  });
}

TEST_P(ConvolutionEmission, BackwardWeights) {
  for_shapes(true, [&](const Shape& shape, Kernel kernel) {
    Case<ir::Conv2dBackwardWeights>(target(), kernel, {shape.window, shape.kernel}, {source(shape), result(shape)})
        .run(3);
  });
}

TEST_P(ConvolutionEmission, Transposed) {
  for_shapes(false, [&](const Shape& shape, Kernel kernel) {
    // It runs the other way, from what is a result above to what is a source there.
    std::vector<Dims> operands = {result(shape), weights(shape)};
    for (int64_t i = 0; i < ir::operand_count(shape.epilogue); ++i) operands.push_back({shape.channels});
    Case<ir::ConvTranspose2d>(target(), kernel, {shape.window, {shape.rows, shape.columns}, shape.epilogue}, operands)
        .run(4);
  });
}

// The three kernels of a convolution of 64 channels on 28x28 pixels, as assembly.
std::string assembly_of(Kernel kernel, const ir::ConvolutionWindow& window, const Dims& weights) {
  const ir::Target target = ir::target_for(ir::IsaLevel::v4);
  const Dims activation{1, 64, 28, 28};
  return Case<ir::Conv2d>(target, kernel, {window, {}}, {activation, weights}).assembly() +
         Case<ir::Conv2dBackwardData>(target, kernel, {window, {28, 28}}, {weights, activation}).assembly() +
         Case<ir::Conv2dBackwardWeights>(target, kernel, {window, {3, 3}}, {activation, activation}).assembly();
}

int64_t count(const std::string& text, const std::string& pattern) {
  const std::regex expression(pattern);
  return std::distance(std::sregex_iterator(text.begin(), text.end(), expression), std::sregex_iterator());
}

void expect_tiles_in_registers(const std::string& text, int64_t least_multiplications) {
  EXPECT_GT(count(text, "vfmadd[0-9]+ps\t.*%zmm"), least_multiplications);
  EXPECT_EQ(count(text, "vmov[au]p[sd]\t%zmm[0-9]+, -?[0-9]*\\(%rsp"), 0) << "accumulators are spilt";
}

TEST(ConvolutionTiles, StayInRegisters) {
  expect_tiles_in_registers(assembly_of(Kernel::blocked, {{1, 1}, {1, 1, 1, 1}}, {64, 64, 3, 3}), 200);
  expect_tiles_in_registers(assembly_of(Kernel::depthwise, {{1, 1}, {1, 1, 1, 1}, {1, 1}, 64}, {64, 1, 3, 3}), 60);
}

// 20 channels are a block and a half: of two multiplications, one is of half a vector.
TEST(ConvolutionTiles, WorkOnHalfOfALastBlock) {
  const ir::Target target = ir::target_for(ir::IsaLevel::v4);
  const ir::ConvolutionWindow window{{1, 1}, {1, 1, 1, 1}};
  const Dims source{1, 32, 28, 28}, result{1, 20, 28, 28}, weights{20, 32, 3, 3};
  for (const std::string& text :
       {Case<ir::Conv2d>(target, Kernel::blocked, {window, {}}, {source, weights}).assembly(),
        Case<ir::Conv2dBackwardWeights>(target, Kernel::blocked, {window, {3, 3}}, {source, result}).assembly()}) {
    EXPECT_GT(count(text, "vfmadd[0-9]+ps\t.*%ymm"), 20);
    EXPECT_EQ(count(text, "vfmadd[0-9]+ps\t.*%ymm"), count(text, "vfmadd[0-9]+ps\t.*%zmm"));
    EXPECT_LE(count(text, "vbroadcastss\t%xmm"), 2) << "values are broadcast twice";
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, ConvolutionEmission,
                         ::testing::Values(ir::IsaLevel::baseline, ir::IsaLevel::v3, ir::IsaLevel::v4),
                         testing::level_name);

} // namespace
} // namespace kiln::codegen
