// dst = epilogue((src - mean) factor [+ shift]), values a channel: how batch norm ends, in training and out of it.
// The mean is subtracted first: where it is large, x factor - mean factor would cancel.
#pragma once

#include "codegen/emit/vectors.h"
#include "ir/ops/normalization.h"

#include <cmath>

namespace kiln::codegen {

// 1 / sqrt(variance + epsilon)
inline F32 reciprocal_deviation(F32 variance, double epsilon) {
  return like(variance, 1) / sqrt(variance + like(variance, epsilon));
}

// body(at, values) over every span of an activation; values(vector) is a vector of values a channel, as lanes of the
// span want it. Tasks: activation_tasks.
inline int64_t rows_of_task(const Planes& planes) { return std::max<int64_t>(kChunk / planes.channels, 1); }
inline bool is_matrix(const Planes& planes) { return planes.pixels == 1 && !planes.blocked(); }
inline int64_t activation_tasks(const Planes& planes) {
  return is_matrix(planes) ? divide_up(planes.samples, rows_of_task(planes)) : planes.count();
}

// prepare(values) gives what depends on channels alone, once for each stretch of them; body(at, prepared) does the
// rest.
template <class Prepare, class Body>
void for_activation(KernelBuilder& k, const Planes& planes, Prepare prepare, Body body) {
  k.begin_tasks([&](Index task) {
    if (is_matrix(planes)) {
      const int64_t rows = rows_of_task(planes);
      for_vectors(k, k.index(0), planes.channels, [&](const Span& c) {
        const auto prepared = prepare([&](Pointer values) { return load(k, values, c); });
        k.for_range(task * rows, min(task * rows + rows, planes.samples), 1, [&](Index n) {
          body(Span{n * planes.channels + c.offset, c.mask}, prepared);
        });
      });
      return;
    }
    const Index block = task % planes.blocks;
    const auto prepared = prepare([&](Pointer values) {
      return planes.blocked() ? k.load(values, block * planes.lanes) : k.load_broadcast(values, block);
    });
    for_vectors(k, task * planes.elements(), planes.elements(), [&](const Span& at) { body(at, prepared); });
  });
}

struct NormalizeBuffers {
  BufferRef src, mean, variance;
  std::optional<std::pair<BufferRef, BufferRef>> affine; // scale, shift
  std::vector<BufferRef> adds;                           // of the epilogue
  BufferRef dst;
};

// Those of a node whose first `bare` operands come before scale and shift, if it has these, and those before its adds.
inline NormalizeBuffers normalize_buffers(const Emission& emission, size_t bare, size_t adds, BufferRef mean,
                                          BufferRef variance) {
  const size_t operands = emission.node().operands().size();
  const size_t own = operands - adds;
  NormalizeBuffers buffers{emission.operand(0), mean, variance, {}, {}, emission.result(0)};
  if (own > bare) buffers.affine = {emission.operand(bare), emission.operand(bare + 1)};
  for (size_t i = own; i < operands; ++i) buffers.adds.push_back(emission.operand(i));
  return buffers;
}

// (src - mean) factor [+ shift] of a vector. Forward and backward alike, so that they agree on its sign.
inline F32 normalized(F32 centred, F32 factor, std::optional<F32> shift) {
  return shift ? mul_add(centred, factor, *shift) : centred * factor;
}

inline void launch_normalize(Emission& emission, const NormalizeBuffers& buffers, double epsilon,
                             const ir::Epilogue& epilogue) {
  const Planes planes(emission.operand_type(0));
  const bool affine = buffers.affine.has_value();
  std::vector<BufferRef> all = {buffers.src, buffers.mean, buffers.variance};
  if (affine) all.insert(all.end(), {buffers.affine->first, buffers.affine->second});
  const auto first_add = static_cast<int32_t>(all.size());
  all.insert(all.end(), buffers.adds.begin(), buffers.adds.end());
  all.push_back(buffers.dst);
  emission.launch("normalize", all, {}, activation_tasks(planes), [=](KernelBuilder& k) {
    struct Prepared {
      F32 mean, factor;
      std::optional<F32> shift;
    };
    const Pointer src = k.operand(0);
    const Pointer dst = k.operand(first_add + static_cast<int32_t>(ir::adds_of(epilogue)));
    for_activation(
        k, planes,
        [&](const auto& value) {
          Prepared prepared{value(k.operand(1)), reciprocal_deviation(value(k.operand(2)), epsilon), {}};
          if (affine) prepared.factor = prepared.factor * value(k.operand(3));
          if (affine) prepared.shift = value(k.operand(4));
          return prepared;
        },
        [&](const Span& at, const Prepared& c) {
          const F32 value = normalized(load(k, src, at) - c.mean, c.factor, c.shift);
          store(k, dst, at, ir::apply_epilogue(epilogue, value, [&](int64_t add) {
                  return load(k, k.operand(first_add + static_cast<int32_t>(add)), at);
                }));
        });
  });
}

} // namespace kiln::codegen
