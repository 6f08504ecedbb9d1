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

TEST(LayoutDemand, OfDepthwiseConvolutions) {
  const std::string inputs = "%x: f32[2,5,8,8], %w: f32[5,1,3,3], %b: f32[5], %d: f32[2,5,6,6]";
  EXPECT_THAT(demand(inputs, "%y = conv2d(%x, %w, %b) {group=5, epilogue=[bias]} kernel=depthwise"),
              ElementsAre("nchw16c", "Oihw16o", "c16", "->", "nchw16c"));
  EXPECT_THAT(demand(inputs, "%y = conv2d_backward_data(%w, %d) {group=5, src_size=[8,8]} kernel=depthwise"),
              ElementsAre("Oihw16o", "nchw16c", "->", "nchw16c"));
  EXPECT_THAT(demand(inputs, "%y = conv2d_backward_weights(%x, %d) {group=5, kernel=[3,3]} kernel=depthwise"),
              ElementsAre("nchw16c", "nchw16c", "->", "Oihw16o"));
  EXPECT_THAT(demand(inputs, "%y = conv_transpose2d(%d, %w, %b) {group=5, dst_size=[8,8], epilogue=[bias]} "
                             "kernel=depthwise"),
              ElementsAre("nchw16c", "Oihw16o", "c16", "->", "nchw16c"));
}

TEST(LayoutDemand, OfTransposedConvolutions) {
  const std::string inputs = "%x: f32[2,5,6,6], %w: f32[5,3,3,3], %b: f32[3]";
  const std::string node = "%y = conv_transpose2d(%x, %w, %b) {dst_size=[8,8], epilogue=[bias]} kernel=";
  EXPECT_THAT(demand(inputs, node + "blocked"), ElementsAre("nchw16c", "IOhw16o16i", "c16", "->", "nchw16c"));
  EXPECT_THAT(demand(inputs, node + "plain"), ElementsAre("", "", "", "->", ""));
  EXPECT_THROW(demand(inputs, node + "first"), TypeError);
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
  EXPECT_THAT(demand(inputs, "%y = relu_backward(%p, %x) kernel=any"), ElementsAre("", "", "->", ""));
  EXPECT_THAT(demand(inputs, "%y = bias(%x, %b) kernel=any"), ElementsAre("nchw16c", "c16", "->", "nchw16c"));
  EXPECT_THAT(demand(inputs, "%y = bias(%p, %b) kernel=any"), ElementsAre("", "", "->", ""));
  EXPECT_THAT(demand(inputs, "%y = bias_backward(%x) kernel=any"), ElementsAre("nchw16c", "->", "c16"));
  EXPECT_THAT(demand(inputs, "%y = convert_layout(%x) {to=nchwc, block=4} kernel=any"),
              ElementsAre("nchw16c", "->", "nchw4c"));
  EXPECT_THAT(demand(inputs, "%y = reshape(%x) {dims=[640]} kernel=plain"), ElementsAre("", "->", ""));
}

// Blocks win over plain where an operand can have them; one that cannot is plain beside them, or all are.
TEST(LayoutDemand, OfOperandsThatStretch) {
  const std::string inputs = "%x: f32[2,5,8,8]{nchw16c}, %p: f32[2,5,8,8], %gate: f32[2,5,1,1], %c: f32[5,1,1], "
                             "%pixel: f32[2,1,8,8], %n: f32[1], %plane: f32[5,8,8], %w: f32[5,5,3,3]{OIhw16i16o}";
  const std::string x = "nchw16c";
  EXPECT_THAT(demand(inputs, "%y = add(%p, %x) kernel=any"), ElementsAre(x, x, "->", x));
  EXPECT_THAT(demand(inputs, "%y = add(%p, %p) kernel=any"), ElementsAre("", "", "->", ""));
  EXPECT_THAT(demand(inputs, "%y = multiply(%x, %gate) kernel=any"), ElementsAre(x, x, "->", x));
  EXPECT_THAT(demand(inputs, "%y = multiply(%c, %x) kernel=any"), ElementsAre("", x, "->", x));
  EXPECT_THAT(demand(inputs, "%y = multiply(%x, %pixel) kernel=any"), ElementsAre(x, "", "->", x));
  EXPECT_THAT(demand(inputs, "%y = divide(%x, %n) kernel=any"), ElementsAre(x, "", "->", x));
  EXPECT_THAT(demand(inputs, "%y = maximum(%x, %plane) kernel=any"), ElementsAre("", "", "->", ""));
  EXPECT_THAT(demand(inputs, "%y = multiply(%p, %gate) kernel=any"), ElementsAre("", "", "->", ""));
  // Sums of weights' gradients stay as they lie; quotients would spoil the padding.
  EXPECT_THAT(demand(inputs, "%y = add(%w, %w) kernel=any"),
              ElementsAre("OIhw16i16o", "OIhw16i16o", "->", "OIhw16i16o"));
  EXPECT_THAT(demand(inputs, "%y = divide(%w, %w) kernel=any"), ElementsAre("", "", "->", ""));
}

TEST(LayoutDemand, StaysInBlocksWhereChannelsStay) {
  const std::string inputs = "%x: f32[2,5,8,8]{nchw16c}";
  const auto blocked = ElementsAre("nchw16c", "->", "nchw16c");
  const auto plain = ElementsAre("", "->", "");
  EXPECT_THAT(demand(inputs, "%y = reduce_mean(%x) {axes=[2,3], keep_dims=true} kernel=any"), blocked);
  EXPECT_THAT(demand(inputs, "%y = reduce_mean(%x) {axes=[2,3]} kernel=any"), plain);
  EXPECT_THAT(demand(inputs, "%y = reduce_sum(%x) {axes=[1], keep_dims=true} kernel=any"), plain);
  EXPECT_THAT(demand(inputs, "%y = softmax(%x) kernel=any"), blocked);
  EXPECT_THAT(demand(inputs, "%y = softmax(%x) {axis=2} kernel=any"), plain);
  EXPECT_THAT(demand(inputs, "%y = slice(%x) {begin=1, count=2} kernel=any"), blocked);
  EXPECT_THAT(demand(inputs, "%y = slice(%x) {begin=0, count=2, step=2} kernel=any"), plain);
  EXPECT_THAT(demand(inputs, "%y = slice(%x) {axis=2, begin=0, count=2, step=2} kernel=any"), blocked);
  EXPECT_THAT(demand(inputs, "%y = pad(%x) {before=[0,0,1,1], after=[0,0,1,1]} kernel=any"), blocked);
  EXPECT_THAT(demand(inputs, "%y = pad(%x) {before=[0,0,1,1], after=[0,0,1,1], value=1} kernel=any"), plain);
  EXPECT_THAT(demand(inputs, "%y = pad(%x) {before=[0,1,0,0], after=[0,0,0,0]} kernel=any"), plain);
  EXPECT_THAT(demand(inputs, "%y = transpose(%x) {order=[0,2,3,1]} kernel=plain"), plain);
}

TEST(LayoutDemand, RefusesKernelsThatAnOpDoesNotHave) {
  EXPECT_THROW(demand(kConv, "%y = conv2d(%x, %w) kernel=tiled"), TypeError);
  EXPECT_THROW(demand(kConv, "%y = conv2d_backward_data(%w, %d) {src_size=[8,8]} kernel=first"), TypeError);
  EXPECT_THROW(demand(kConv, "%y = relu(%x) kernel=plain"), TypeError);
  EXPECT_THROW(demand("%x: f32[2,5]", "%y = softmax(%x) kernel=plain"), TypeError);
  EXPECT_THROW(demand("%x: f32[2,5], %w: f32[3,5]", "%y = dense(%x, %w) kernel=any"), TypeError);
}

TEST(Kernel, NamesRoundTrip) {
  for (Kernel kernel :
       {Kernel::any, Kernel::blocked, Kernel::first, Kernel::depthwise, Kernel::plain, Kernel::direct, Kernel::tiled})
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
  EXPECT_EQ(shards("%x: f32[64,16,64,64]", "%y = reduce_sum(%x) {axes=[0,2,3]} kernel=any"), 16);
  EXPECT_EQ(shards("%x: f32[4,16,8,8]", "%y = reduce_sum(%x) {axes=[0,2,3]} kernel=any"), 1); // too small
  EXPECT_EQ(shards("%x: f32[65536]", "%y = reduce_mean(%x) kernel=any"), 1);                  // vectors run along it
}

TEST(Shards, OfDepthwiseWeightsArePlenty) {
  const OneNode node("%x: f32[64,32,8,8], %d: f32[64,32,6,6]",
                     "%y = conv2d_backward_weights(%x, %d) {group=32, kernel=[3,3]} kernel=depthwise");
  EXPECT_EQ(shard_count(*node, kTarget), 8); // 2 blocks of channels
}

TEST(Scratch, OfLrnHoldsAtLeastAPixel) {
  const std::string blocked = "%x: f32[2,20,4,4]{nchw16c}";
  const LrnTile tile = lrn_tile({DType::f32, {2, 20, 4, 4}, {LayoutKind::nchwc, 16}}, 5, kTarget);
  EXPECT_EQ(tile.pixels, 16); // no more than there are
  EXPECT_EQ(tile.row(), 16 + 32 + 16);
  EXPECT_EQ(scratch_bytes(*OneNode(blocked, "%y = lrn(%x) kernel=any"), kTarget), 16 * 64 * 4);
  EXPECT_EQ(lrn_tile({DType::f32, {1, 5000, 9, 9}, {LayoutKind::nchwc, 16}}, 5, kTarget).pixels, 1);
  EXPECT_EQ(lrn_tile({DType::f32, {1, 64, 9, 9}, {LayoutKind::nchwc, 16}}, 1, kTarget).row(), 64);
  EXPECT_EQ(scratch_bytes(*OneNode("%x: f32[2,20,4,4]", "%y = lrn(%x) kernel=any"), kTarget), 0);
  EXPECT_EQ(scratch_bytes(*OneNode("%x: f32[2,20,4,4]", "%y = relu(%x) kernel=any"), kTarget), 0);
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
