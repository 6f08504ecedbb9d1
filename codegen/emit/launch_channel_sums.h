// The launches of a node whose result is a sum a channel over samples and pixels: owned by one task a group of
// channels, or, where there are few channels, sharded over samples and added up in ascending order.
#pragma once

#include "codegen/emit/channel_sums.h"
#include "ir/kernel.h"

#include <vector>

namespace kiln::codegen {

// value(k, tensors, span): what is added up, 0 in lanes that are not there. The tensors are alike.
template <class Value>
void launch_channel_sums(Emission& emission, const std::vector<BufferRef>& tensors, Value value) {
  const Planes planes(emission.operand_type(0));
  const int64_t channels = emission.result_type().physical_elements();
  const int64_t groups = divide_up(planes.channels, emission.target().vector_width);
  const int64_t shards = ir::shard_count(emission.node(), emission.target());
  const auto count = static_cast<int32_t>(tensors.size());
  std::vector<BufferRef> buffers(tensors.size() + 1, shards == 1 ? emission.result() : emission.workspace());
  std::copy(tensors.begin(), tensors.end(), buffers.begin());
  emission.launch(shards == 1 ? "owned" : "shards", buffers, {}, shards * groups, [=](KernelBuilder& k) {
    std::vector<Pointer> operands;
    for (int32_t i = 0; i < count; ++i) operands.push_back(k.operand(i));
    const Pointer sums = k.operand(count);
    k.begin_tasks([&](Index task) {
      const Index shard = task / groups;
      sum_group(k, planes, task % groups, shard * planes.samples / shards, (shard + 1) * planes.samples / shards,
                sums + shard * channels, [&](const Span& at) { return value(k, operands, at); });
    });
  });
  if (shards == 1) return;
  emission.launch("sum", {emission.workspace(), emission.result()}, {}, chunk_count(channels), [=](KernelBuilder& k) {
    const Pointer partial = k.operand(0);
    const Pointer result = k.operand(1);
    k.begin_tasks([&](Index task) {
      for_chunk(k, task, channels, [&](const Span& at) {
        F32 sum = load(k, partial, at);
        for (int64_t shard = 1; shard < shards; ++shard) sum = sum + load(k, partial + shard * channels, at);
        store(k, result, at, sum);
      });
    });
  });
}

} // namespace kiln::codegen
