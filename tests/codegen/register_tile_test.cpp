// The code LLVM makes of the kernels that matter most: register tiles stay in registers, vectors are not split, and
// nothing is called that the runtime does not have.
#include "tests/codegen/kernel_harness.h"

#include <regex>
#include <set>
#include <sstream>

namespace kiln::codegen {
namespace {

using testing::emit_kernel;

// The inner loops of a direct convolution: `rows` output-channel vectors times `pixels` accumulators, one input channel
// after another: rows weight vectors and one broadcast a pixel.
void emit_tile(KernelBuilder& k, int rows, int pixels, Unroll unroll = Unroll::none()) {
  Pointer source = k.operand(0), weights = k.operand(1), result = k.operand(2);
  int64_t c = k.width();
  k.begin_tasks([&](Index task) {
    std::vector<Variable<F32>> tile;
    for (int i = 0; i < rows * pixels; ++i) tile.push_back(k.variable(k.zero()));
    Pointer line = source + task * (c * pixels);
    k.for_range(0, 64, 1, [&](Index block) {
      Pointer pixel = line + block * (c * pixels * 100);
      Pointer weight = weights + block * (c * c * rows);
      k.for_range(
          0, c, 1,
          [&](Index channel) {
            std::vector<F32> w;
            for (int r = 0; r < rows; ++r) w.push_back(k.load(weight, channel * (c * rows) + r * c));
            for (int p = 0; p < pixels; ++p) {
              F32 x = k.load_broadcast(pixel, channel + p * c);
              for (int r = 0; r < rows; ++r) {
                Variable<F32>& sum = tile[static_cast<size_t>(p * rows + r)];
                sum.set(mul_add(x, w[static_cast<size_t>(r)], sum));
              }
            }
          },
          unroll);
    });
    for (int i = 0; i < rows * pixels; ++i)
      k.store(result, task * (c * rows * pixels) + i * c, max(tile[static_cast<size_t>(i)].get(), k.zero()));
  });
}

// The innermost loop with most instructions that match `kind`: from a label to the first jump back to it.
std::string hottest_loop(const std::string& assembly, const std::string& kind) {
  std::istringstream lines(assembly);
  std::vector<std::string> text;
  for (std::string line; std::getline(lines, line);) text.push_back(line);
  std::regex pattern(kind);
  std::string best;
  long most = 0;
  for (size_t end = 0; end < text.size(); ++end) {
    std::smatch jump;
    if (!std::regex_search(text[end], jump, std::regex("\\tj[a-z]+\\t(\\.LBB[0-9_]+)"))) continue;
    std::string body;
    for (size_t at = end; at-- > 0;) {
      if (text[at].rfind(jump[1].str() + ":", 0) == 0) {
        auto count = std::distance(std::sregex_iterator(body.begin(), body.end(), pattern), std::sregex_iterator());
        if (count > most) {
          most = count;
          best = body;
        }
        break;
      }
      if (text[at].rfind(".LBB", 0) == 0) break; // another block starts: not innermost
      body = text[at] + "\n" + body;
    }
  }
  return best;
}

long count(const std::string& text, const std::string& pattern) {
  std::regex expression(pattern);
  return std::distance(std::sregex_iterator(text.begin(), text.end(), expression), std::sregex_iterator());
}

TEST(RegisterTile, ConvolutionTileAtV4IsWholeVectorsWithoutSpills) {
  auto target = ir::target_for(ir::IsaLevel::v4);
  EmittedModule module = emit_kernel(target, [](KernelBuilder& k) { emit_tile(k, 2, 14); });
  std::string loop = hottest_loop(assembly_text(module, target), "vfmadd");
  ASSERT_FALSE(loop.empty());
  EXPECT_EQ(count(loop, "vfmadd[0-9a-z]+ps.*%zmm"), 28) << loop;
  EXPECT_EQ(count(loop, "vfmadd[0-9a-z]+ps.*%[xy]mm"), 0) << loop;
  EXPECT_EQ(count(loop, "%rsp|%rbp\\)"), 0) << "stack traffic in the loop:\n" << loop;
  EXPECT_EQ(count(loop, "\\tv?mov[au]p[sd]\\t%zmm[0-9]+, [^%]"), 0) << "stores in the loop:\n" << loop;
  EXPECT_LE(count(loop, "\n"), 60) << "address arithmetic in the loop:\n" << loop;
}

TEST(RegisterTile, UnrollingKeepsAddressesInDisplacements) {
  auto target = ir::target_for(ir::IsaLevel::v4);
  EmittedModule module = emit_kernel(target, [](KernelBuilder& k) { emit_tile(k, 2, 14, Unroll::by(4)); });
  std::string loop = hottest_loop(assembly_text(module, target), "vfmadd");
  EXPECT_EQ(count(loop, "vfmadd[0-9a-z]+ps.*%zmm"), 4 * 28) << loop;
  EXPECT_EQ(count(loop, "%rsp|%rbp\\)"), 0) << loop;
  EXPECT_LE(count(loop, "\n"), 4 * 44 + 8) << "more than FMAs, weights and broadcasts:\n" << loop;
}

TEST(RegisterTile, TileBeyondTheRegistersIsSeenToSpill) {
  auto target = ir::target_for(ir::IsaLevel::v4);
  EmittedModule module = emit_kernel(target, [](KernelBuilder& k) { emit_tile(k, 2, 18); });
  EXPECT_GT(count(hottest_loop(assembly_text(module, target), "vfmadd"), "%rsp|%rbp\\)"), 0);
}

TEST(RegisterTile, ConvolutionTileAtV3IsWholeVectorsWithoutSpills) {
  auto target = ir::target_for(ir::IsaLevel::v3);
  EmittedModule module = emit_kernel(target, [](KernelBuilder& k) { emit_tile(k, 2, 6); });
  std::string loop = hottest_loop(assembly_text(module, target), "vfmadd");
  EXPECT_EQ(count(loop, "vfmadd[0-9a-z]+ps.*%ymm"), 12) << loop;
  EXPECT_EQ(count(loop, "%rsp|%rbp\\)"), 0) << loop;
}

TEST(RegisterTile, BaselineMultipliesAndAddsWithoutCalls) {
  for (auto level : {ir::IsaLevel::baseline, ir::IsaLevel::v2}) {
    auto target = ir::target_for(level);
    EmittedModule module = emit_kernel(target, [](KernelBuilder& k) { emit_tile(k, 2, 6); });
    std::string assembly = assembly_text(module, target);
    std::string loop = hottest_loop(assembly, "mulps");
    EXPECT_EQ(count(loop, "\tmulps"), 12) << loop;
    EXPECT_EQ(count(loop, "\taddps"), 12) << loop;
    EXPECT_EQ(count(loop, "%rsp|%rbp\\)"), 0) << loop;
    EXPECT_EQ(count(assembly, "\tcall"), 0);
    EXPECT_TRUE(undefined_symbols(compile(module, target)).empty());
  }
}

} // namespace
} // namespace kiln::codegen
