// What kernels demand: layouts for each op and kernel, shard counts and workspace as functions of shape and target.
#include "ir/kernel.h"

#include "ir/op.h"
#include "ir/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kiln::ir {
namespace {

using testing::ElementsAre;

const Target kTarget = target_for(IsaLevel::v4);

// The last node of a function with these inputs.
class OneNode {
public:
  OneNode(const std::string& inputs, const std::string& node)
      : module_(parse("func @f(" + inputs + ") {\n  " + node + "\n  return y=%y\n}")) {}
  const Node& operator*() const { return *module_->functions()[0]->nodes().back(); }

private:
  std::unique_ptr<Module> module_;
};

std::vector<std::string> demand(const std::string& inputs, const std::string& node) {
  const OneNode one(inputs, node);
  const LayoutDemand demand = layout_demand(*one, kTarget);
  std::vector<std::string> text;
  for (const Layout& layout : demand.operands) text.push_back(to_string(layout));
  text.push_back("->");
  for (const Layout& layout : demand.results) text.push_back(to_string(layout));
  return text;
}

const std::string kConv = "%x: f32[2,3,8,8], %w: f32[5,3,3,3], %b: f32[5], %d: f32[2,5,6,6]";

TEST(LayoutDemand, OfConvolutions) {
  const std::string conv = "%y = conv2d(%x, %w, %b) {epilogue=[bias]} kernel=";
  EXPECT_THAT(demand(kConv, conv + "blocked"), ElementsAre("nchw16c", "OIhw16i16o", "c16", "->", "nchw16c"));
  EXPECT_THAT(demand(kConv, conv + "first"), ElementsAre("", "Oihw16o", "c16", "->", "nchw16c"));
  EXPECT_THAT(demand(kConv, conv + "plain"), ElementsAre("", "", "", "->", ""));
  const std::string data = "%y = conv2d_backward_data(%w, %d) {src_size=[8,8]} kernel=";
  EXPECT_THAT(demand(kConv, data + "blocked"), ElementsAre("IOhw16o16i", "nchw16c", "->", "nchw16c"));
  EXPECT_THAT(demand(kConv, data + "plain"), ElementsAre("", "", "->", ""));
  const std::string weights = "%y = conv2d_backward_weights(%x, %d) {kernel=[3,3]} kernel=";
  EXPECT_THAT(demand(kConv, weights + "blocked"), ElementsAre("nchw16c", "nchw16c", "->", "OIhw16i16o"));
  EXPECT_THAT(demand(kConv, weights + "first"), ElementsAre("", "nchw16c", "->", "Oihw16o"));
}

// The gradient of weights lies as the forward kernel of the same name wants them, so that updates convert nothing.
TEST(LayoutDemand, OfWeightsAndTheirGradientsAgree) {
  for (const std::string kernel : {"blocked", "first", "plain"}) {
    const auto forward = demand(kConv, "%y = conv2d(%x, %w) kernel=" + kernel);
    const auto backward = demand(kConv, "%y = conv2d_backward_weights(%x, %d) {kernel=[3,3]} kernel=" + kernel);
    EXPECT_EQ(forward[1], backward.back()) << kernel;
    EXPECT_EQ(forward[0], backward[0]) << kernel;
    EXPECT_EQ(forward.back(), backward[1]) << kernel;
  }
}

TEST(LayoutDemand, FollowsTheFirstOperand) {
  const std::string inputs = "%x: f32[2,5,8,8]{nchw16c}, %p: f32[2,5,8,8], %b: f32[5]";
  EXPECT_THAT(demand(inputs, "%y = max_pool(%x) kernel=any"), ElementsAre("nchw16c", "->", "nchw16c"));
  EXPECT_THAT(demand(inputs, "%y = add(%x, %p) kernel=any"), ElementsAre("nchw16c", "nchw16c", "->", "nchw16c"));
  EXPECT_THAT(demand(inputs, "%y = add(%p, %x) kernel=any"), ElementsAre("", "", "->", ""));
  EXPECT_THAT(demand(inputs, "%y = bias(%x, %b) kernel=any"), ElementsAre("nchw16c", "c16", "->", "nchw16c"));
  EXPECT_THAT(demand(inputs, "%y = bias(%p, %b) kernel=any"), ElementsAre("", "", "->", ""));
  EXPECT_THAT(demand(inputs, "%y = bias_backward(%x) kernel=any"), ElementsAre("nchw16c", "->", "c16"));
  EXPECT_THAT(demand(inputs, "%y = convert_layout(%x) {to=nchwc, block=4} kernel=any"),
              ElementsAre("nchw16c", "->", "nchw4c"));
  EXPECT_THAT(demand(inputs, "%y = reshape(%x) {dims=[640]} kernel=plain"), ElementsAre("", "->", ""));
}

TEST(LayoutDemand, RefusesKernelsThatAnOpDoesNotHave) {
  EXPECT_THROW(demand(kConv, "%y = conv2d(%x, %w) kernel=blas"), TypeError);
  EXPECT_THROW(demand(kConv, "%y = conv2d_backward_data(%w, %d) {src_size=[8,8]} kernel=first"), TypeError);
  EXPECT_THROW(demand(kConv, "%y = relu(%x) kernel=plain"), TypeError);
  EXPECT_THROW(demand("%x: f32[2,5]", "%y = softmax(%x) kernel=any"), TypeError);
  EXPECT_THROW(demand("%x: f32[2,5], %w: f32[3,5]", "%y = dense(%x, %w) kernel=any"), TypeError);
}

TEST(Kernel, NamesRoundTrip) {
  for (Kernel kernel : {Kernel::any, Kernel::blocked, Kernel::first, Kernel::plain, Kernel::direct, Kernel::blas})
    EXPECT_EQ(parse_kernel(name_of(kernel)), kernel);
  EXPECT_EQ(parse_kernel("fast"), std::nullopt);
}

TEST(Shards, SplitSmallResultsAlone) {
  const auto shards = [](const std::string& inputs, const std::string& node) {
    return shard_count(*OneNode(inputs, node), kTarget);
  };
  const std::string weights = "%y = conv2d_backward_weights(%x, %d) {kernel=[3,3]} kernel=";
  EXPECT_EQ(shards("%x: f32[64,1,8,8], %d: f32[64,20,6,6]", weights + "first"), 8);      // 2 blocks of outputs
  EXPECT_EQ(shards("%x: f32[64,20,8,8], %d: f32[64,50,6,6]", weights + "blocked"), 2);   // 4 x 2 blocks
  EXPECT_EQ(shards("%x: f32[64,256,8,8], %d: f32[64,256,6,6]", weights + "blocked"), 1); // owned
  EXPECT_EQ(shards("%x: f32[3,1,8,8], %d: f32[3,20,6,6]", weights + "first"), 3);        // no more than samples
  EXPECT_EQ(shards("%x: f32[64,10]", "%y = bias_backward(%x) kernel=any"), 16);
  EXPECT_EQ(shards("%x: f32[64,10]", "%y = relu(%x) kernel=any"), 1);
}

TEST(Workspace, HoldsAPartialResultPerShard) {
  const OneNode sharded("%x: f32[64,1,8,8], %d: f32[64,20,6,6]{nchw16c}",
                        "%y = conv2d_backward_weights(%x, %d) {kernel=[3,3]} kernel=first : f32[20,1,3,3]{Oihw16o}");
  EXPECT_EQ(workspace_bytes(*sharded, kTarget), shard_count(*sharded, kTarget) * 32 * 9 * 4);
  const OneNode owned("%x: f32[64,256,8,8], %d: f32[64,256,6,6]",
                      "%y = conv2d_backward_weights(%x, %d) {kernel=[3,3]} kernel=blocked");
  EXPECT_EQ(workspace_bytes(*owned, kTarget), 0);
}

} // namespace
} // namespace kiln::ir
