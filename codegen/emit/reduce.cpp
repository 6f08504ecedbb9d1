// Sums and means over axes. The source's axes, merged, are kept ones and reduced ones. Where the innermost is kept, a
// task adds up some vectors of it; where it is reduced, vectors run along it and their lanes are added last. Positions
// are added in ascending order; where there are few sums of many elements, shards of the outermost reduced axis are
// added up apart, and then in ascending order.
#include "codegen/emit/axes.h"
#include "ir/kernel.h"
#include "ir/ops/reduce_mean.h"
#include "ir/ops/reduce_sum.h"

namespace kiln::codegen {

namespace {

constexpr size_t kSource = 0, kResult = 1; // tensors of an axis

class Reduction {
public:
  Reduction(const ir::TensorType& src, const ir::ReduceAttributes& attributes, int64_t shards) : shards_(shards) {
    std::vector<Axis> axes;
    std::vector<bool> reduced;
    bool first = true;
    for (const PhysicalAxis& axis : physical_axes(src)) {
      const bool sums = reduces(attributes, axis.dim);
      if (axis.extent == 1) continue;
      // Axes of both kinds are merged apart from each other; the one that shards cut stays alone.
      axes.push_back({axis.extent, {axis.stride, sums ? 0 : 1}, sums && first && shards > 1});
      first = first && !sums;
    }
    int64_t stride = 1;
    for (size_t i = axes.size(); i-- > 0;) {
      if (axes[i].strides[kResult] == 0) continue;
      axes[i].strides[kResult] = stride;
      stride *= axes[i].extent;
    }
    axes = merged(std::move(axes));
    for (const Axis& axis : axes) (axis.strides[kResult] == 0 ? reduced_ : kept_).push_back(axis);
    along_kept_ = axes.empty() || axes.back().strides[kResult] != 0;
    if (axes.empty()) kept_.push_back({1, {1, 1}, false});
    if (along_kept_) {
      row_ = kept_.back();
      kept_.pop_back();
    } else {
      row_ = reduced_.back();
      reduced_.pop_back();
    }
  }

  // A sum is one position of the kept axes, of the inner one some vectors.
  int64_t sums(int64_t width) const {
    int64_t count = along_kept_ ? divide_up(row_.extent, kVectors * width) : 1;
    for (const Axis& axis : kept_) count *= axis.extent;
    return count;
  }
  int64_t per_task() const {
    int64_t elements = row_.extent;
    for (const Axis& axis : reduced_) elements *= axis.extent;
    return std::max<int64_t>(kChunk / elements, 1);
  }

  // Writes sum `number` of a shard to `to`; finish(sum) is what is stored.
  template <class Finish>
  void emit(KernelBuilder& k, Index number, Index shard, Pointer src, Pointer to, Finish finish) const {
    const int64_t pieces = along_kept_ ? divide_up(row_.extent, kVectors * k.width()) : 1;
    const Index piece = number % pieces;
    Index rest = number / pieces;
    Index from = k.index(0), at = k.index(0);
    for (size_t i = kept_.size(); i-- > 0; rest = rest / kept_[i].extent) {
      const Index position = i == 0 ? rest : rest % kept_[i].extent;
      from = from + position * kept_[i].strides[kSource];
      at = at + position * kept_[i].strides[kResult];
    }
    if (!along_kept_) {
      const Variable<F32> sum(k.zero());
      over_reduced(k, 0, from, shard, [&](Index base) {
        for_vectors(k, base, row_.extent, [&](const Span& span) { sum.set(sum.get() + load(k, src, span)); });
      });
      k.store(to, at, finish(sum_lanes(sum.get())));
      return;
    }
    const Index begin = piece * (kVectors * k.width());
    const int64_t last = (pieces - 1) * kVectors * k.width(); // where the last piece begins
    const auto vectors = [&](int64_t count) {
      std::vector<Span> spans;
      for (int64_t i = 0; i < count; i += k.width()) {
        Span span{begin + i, {}};
        if (count - i < k.width()) span.mask = k.first_lanes(count - i);
        spans.push_back(span);
      }
      std::vector<Variable<F32>> sum;
      for (size_t v = 0; v < spans.size(); ++v) sum.emplace_back(k.zero());
      over_reduced(k, 0, from, shard, [&](Index base) {
        for (size_t v = 0; v < spans.size(); ++v)
          sum[v].set(sum[v].get() + load(k, src, Span{base + spans[v].offset, spans[v].mask}));
      });
      for (size_t v = 0; v < spans.size(); ++v)
        store(k, to, Span{at + spans[v].offset, spans[v].mask}, finish(sum[v].get()));
    };
    if (pieces == 1) return vectors(row_.extent);
    k.if_else(
        piece == pieces - 1, [&] { vectors(row_.extent - last); }, [&] { vectors(kVectors * k.width()); });
  }

private:
  static constexpr int64_t kVectors = 4; // summed side by side

  template <class Body> void over_reduced(KernelBuilder& k, size_t level, Index base, Index shard, Body body) const {
    if (level == reduced_.size()) return body(base);
    const Axis& axis = reduced_[level];
    const auto step = [&](Index i) { over_reduced(k, level + 1, base + i * axis.strides[kSource], shard, body); };
    if (level == 0 && shards_ > 1)
      k.for_range(shard * axis.extent / shards_, (shard + 1) * axis.extent / shards_, 1, step);
    else
      k.for_range(0, axis.extent, 1, step);
  }

  int64_t shards_;
  std::vector<Axis> kept_, reduced_; // without the row
  Axis row_{};                       // the innermost axis
  bool along_kept_ = true;
};

// Each sum is divided by `count`.
void emit_reduction(Emission& emission, const ir::ReduceAttributes& attributes, int64_t count) {
  const int64_t shards = ir::shard_count(emission.node(), emission.target());
  const Reduction reduction(emission.operand_type(0), attributes, shards);
  const int64_t sums = reduction.sums(emission.target().vector_width);
  const auto finish = [=](F32 sum) { return count == 1 ? sum : sum / static_cast<float>(count); };
  if (shards == 1) {
    const int64_t per_task = reduction.per_task();
    emission.launch("owned", {emission.operand(0), emission.result()}, {}, divide_up(sums, per_task),
                    [=](KernelBuilder& k) {
                      const Pointer src = k.operand(0);
                      const Pointer dst = k.operand(1);
                      k.begin_tasks([&](Index task) {
                        k.for_range(task * per_task, min(task * per_task + per_task, sums), 1,
                                    [&](Index number) { reduction.emit(k, number, k.index(0), src, dst, finish); });
                      });
                    });
    return;
  }
  const int64_t elements = emission.result_type().physical_elements();
  emission.launch("shards", {emission.operand(0), emission.workspace()}, {}, shards * sums, [=](KernelBuilder& k) {
    const Pointer src = k.operand(0);
    const Pointer partial = k.operand(1);
    k.begin_tasks([&](Index task) {
      const Index shard = task / sums;
      reduction.emit(k, task % sums, shard, src, partial + shard * elements, [](F32 sum) { return sum; });
    });
  });
  emission.launch("sum", {emission.workspace(), emission.result()}, {}, chunk_count(elements), [=](KernelBuilder& k) {
    const Pointer partial = k.operand(0);
    const Pointer dst = k.operand(1);
    k.begin_tasks([&](Index task) {
      for_chunk(k, task, elements, [&](const Span& at) {
        F32 sum = load(k, partial, at);
        for (int64_t shard = 1; shard < shards; ++shard) sum = sum + load(k, partial + shard * elements, at);
        store(k, dst, at, finish(sum));
      });
    });
  });
}

} // namespace

template <> void emit<ir::ReduceSum>(Emission& emission) {
  emit_reduction(emission, emission.node().attributes<ir::ReduceSum>(), 1);
}

template <> void emit<ir::ReduceMean>(Emission& emission) {
  emit_reduction(emission, emission.node().attributes<ir::ReduceMean>(),
                 emission.operand_type(0).elements() / emission.result_type().elements());
}

} // namespace kiln::codegen
